import {
  coerceInputValue,
  getNullableType,
  GraphQLBoolean,
  GraphQLInt,
  isListType,
  isRequiredArgument,
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLObjectType,
} from "graphql";
import type { IncomingMessage } from "node:http";
import { badInput } from "../../../../common/errors.ts";
import { splitUrl } from "../../../../common/http-server.ts";

/** Which reads there are as files: fields of a stream in the graph. */
export const kinds = ["events", "interpolated", "summaries"] as const;
export type Kind = (typeof kinds)[number];

/** What a request wants to download. */
export interface Question {
  readonly kind: Kind;
  readonly streamIds: readonly string[];
  /** Whether each row names its stream. */
  readonly namesStreams: boolean;
  /** Names of properties; null for all. */
  readonly properties: readonly string[] | null;
  /** Those of the graph's field. */
  readonly args: Readonly<Record<string, unknown>>;
}

/** Arguments that a file has no use for: its window is from and to, and it is not read by the page. */
const ofPages = new Set(["window", "first", "after"]);

/** All time that the product knows. */
const always = {
  from: "1970-01-01T00:00:00Z",
  to: "2200-12-31T23:59:59.999999Z",
};

/**
 * What a URL asks for. The arguments of a read are those of the graph's field of the same name, and are taken and
 * refused as there; lists are separated by commas, but properties, whose names may hold some, are named one by one.
 */
export function questionFrom(
  request: IncomingMessage,
  stream: GraphQLObjectType,
): Question {
  const [path, search] = splitUrl(request);
  const query = new URLSearchParams(search);
  const kind = kindFrom(query.get("kind") ?? "events");
  const { args } = stream.getFields()[kind] ?? { args: [] };
  const own = args.filter(({ name }) => !ofPages.has(name));
  const [, , , id, ...rest] = path.split("/");
  const isOne = id !== undefined && id !== "";
  if (rest.length > 0) throw badInput("Name one stream: /data/streams/<id>.");
  assertKnown(query, [
    ...["format", "kind", "property", "from", "to", ...(isOne ? [] : ["ids"])],
    ...own.map(({ name }) => name),
  ]);
  const window = windowFrom(query, kind);
  const properties = query.getAll("property");
  return {
    kind,
    streamIds: isOne ? [decoded(id)] : streamIdsFrom(query),
    namesStreams: !isOne,
    properties: properties.length > 0 ? properties : null,
    args: Object.fromEntries(
      args
        .filter(({ name }) => name === "window" || !ofPages.has(name))
        .map((argument) => [
          argument.name,
          argument.name === "window"
            ? coerced(argument, window)
            : argumentFrom(argument, query.get(argument.name)),
        ]),
    ),
  };
}

function kindFrom(text: string): Kind {
  const kind = kinds.find((kind) => kind === text);
  if (kind) return kind;
  throw badInput(`A kind is one of ${kinds.join(", ")}.`, "kind");
}

/** What is misspelt would be left out without a word. */
function assertKnown(query: URLSearchParams, names: readonly string[]): void {
  for (const name of new Set(query.keys())) {
    if (!names.includes(name))
      throw badInput(
        `There is no parameter ${JSON.stringify(name.slice(0, 60))} here. There is ${names.join(", ")}.`,
        name,
      );
    if (name !== "property" && query.getAll(name).length > 1)
      throw badInput("This parameter is given twice. Give it once.", name);
  }
}

/** An id that is malformed was never issued. */
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

function streamIdsFrom(query: URLSearchParams): string[] {
  const ids = new Set((query.get("ids") ?? "").split(",").filter(Boolean));
  if (ids.size === 0)
    throw badInput(
      "Name streams: /data/streams/<id>, or /data/streams?ids=<id>,<id>.",
      "ids",
    );
  return [...ids];
}

/** Stored events are read whole unless it is said from when to when. */
function windowFrom(query: URLSearchParams, kind: Kind): object | undefined {
  const from = query.get("from");
  const to = query.get("to");
  if (kind === "events")
    return { from: from ?? always.from, to: to ?? always.to };
  if (from === null && to === null) return undefined;
  return { from, to };
}

const argumentFrom = (argument: GraphQLArgument, text: string | null) =>
  coerced(argument, text === null ? undefined : valueIn(text, argument.type));

function coerced(argument: GraphQLArgument, value: unknown): unknown {
  const { name, type, defaultValue } = argument;
  if (value !== undefined)
    return coerceInputValue(value, type, (path, _, error) => {
      throw badInput(error.message, path.at(-1)?.toString() ?? name);
    });
  if (!isRequiredArgument(argument)) return defaultValue;
  throw badInput(
    name === "window" ? "Give from and to." : `Give ${name}.`,
    name === "window" ? "from" : name,
  );
}

/** As JSON would bring it. */
function valueIn(text: string, type: GraphQLInputType): unknown {
  const inner = getNullableType(type);
  if (isListType(inner))
    return text.split(",").map((item) => valueIn(item, inner.ofType));
  if (inner === GraphQLInt) return text.trim() === "" ? text : Number(text);
  if (inner === GraphQLBoolean)
    return text === "true" || (text === "false" ? false : text);
  return text;
}
