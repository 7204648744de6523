import { OperationTypeNode, type GraphQLFormattedError } from "graphql";
import type {
  DataSource,
  Fetch,
  FetchAnswer,
  GatewayContext,
} from "./data-source.ts";

type Request = Fetch["request"];

/** Where an entity will be found. */
interface Place {
  readonly answer: Promise<FetchAnswer>;
  readonly index: number;
}

/** By what is selected of them, then by representation. */
type Entities = Map<string, Map<string, Place>>;

/**
 * A page names the same few tenants at every stream and again at every membership, and the gateway asks for an entity
 * anew at each of these places. This asks for it once a query, and puts what is found at all of them.
 */
export function askingOnce(dataSource: DataSource): DataSource {
  const ofQueries = new WeakMap<GatewayContext, Entities>();
  return {
    async process(fetch: Fetch): Promise<FetchAnswer> {
      const { representations, ...others } = fetch.request.variables ?? {};
      if (!Array.isArray(representations)) return dataSource.process(fetch);
      const entities = entitiesOf(fetch, ofQueries);
      const selection = `${selectionOf(fetch.request)} ${JSON.stringify(others)}`;
      const places = entities.get(selection) ?? new Map<string, Place>();
      entities.set(selection, places);

      const keys = representations.map((one) => JSON.stringify(one));
      const unknown = new Map(
        keys.flatMap((key, i) =>
          places.has(key) ? [] : [[key, representations[i] as unknown]],
        ),
      );
      if (unknown.size > 0) {
        const answer = dataSource.process({
          ...fetch,
          request: {
            ...fetch.request,
            variables: { ...others, representations: [...unknown.values()] },
          },
        });
        for (const [index, key] of [...unknown.keys()].entries())
          places.set(key, { answer, index });
      }
      return gather(keys.flatMap((key) => places.get(key) ?? []));
    },
  };
}

/** Those of this query; a mutation may change them from one fetch to the next. */
function entitiesOf(
  fetch: Fetch,
  ofQueries: WeakMap<GatewayContext, Entities>,
): Entities {
  const isQuery =
    "incomingRequestContext" in fetch &&
    fetch.incomingRequestContext.operation?.operation ===
      OperationTypeNode.QUERY;
  if (!isQuery) return new Map();
  const entities = ofQueries.get(fetch.context) ?? new Map();
  ofQueries.set(fetch.context, entities);
  return entities;
}

/** The operation without its name, in which the gateway counts fetches. */
const selectionOf = ({ query = "" }: Request) =>
  query.slice(query.indexOf("("));

async function gather(places: readonly Place[]): Promise<FetchAnswer> {
  const answers = await Promise.all(places.map(({ answer }) => answer));
  const errors = [
    ...new Set(answers.flatMap(({ errors = [] }) => errors.filter(isOfWhole))),
    ...places.flatMap(({ index }, i) => errorsAt(index, answers[i], i)),
  ];
  const data = answers.some((answer) => answer.data)
    ? { _entities: places.map(({ index }, i) => entityAt(index, answers[i])) }
    : null;
  return {
    data,
    ...(errors.length > 0 && { errors }),
  } as unknown as FetchAnswer;
}

/** Another copy for each place, for the gateway goes on to write into it. */
function entityAt(index: number, answer: FetchAnswer | undefined): unknown {
  const entities: unknown = answer?.data?.["_entities"];
  return Array.isArray(entities) ? copyOf(entities[index]) : null;
}

/** Objects of a class, such as packed columns, are values. */
function copyOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, copyOf(inner)]),
  );
}

function errorsAt(
  index: number,
  answer: FetchAnswer | undefined,
  place: number,
): GraphQLFormattedError[] {
  return (answer?.errors ?? []).flatMap((error) => {
    const [root, at, ...rest] = error.path ?? [];
    return root === "_entities" && at === index
      ? [{ ...error, path: [root, place, ...rest] }]
      : [];
  });
}

const isOfWhole = ({ path }: GraphQLFormattedError) =>
  path?.[0] !== "_entities" || typeof path[1] !== "number";
