import { StartError } from "../../common/config.ts";
import { DomainError } from "../../common/errors.ts";
import type { StreamContext } from "../../subgraphs/stream/context.ts";
import { createNamespace } from "../../subgraphs/stream/namespace/actions.ts";
import { createStreamType } from "../../subgraphs/stream/stream-type/actions.ts";
import { createStream } from "../../subgraphs/stream/stream/actions.ts";
import type { Description } from "./descriptions.ts";
import { TargetStore } from "../../subgraphs/stream/event/ingest/target-store.ts";

export interface TargetOptions {
  readonly namespace: string | undefined;
  /** Makes what is missing: the namespace, types, streams. */
  readonly create: boolean;
  readonly descriptions: ReadonlyMap<string, Description>;
}

const undescribed: Description = { name: null, unit: null };

/** The ids of the streams that the columns go to: those whose external ids are the columns' names. */
export async function targetsOf(
  columns: readonly string[],
  options: TargetOptions,
  context: StreamContext,
): Promise<string[]> {
  const targets = new TargetStore(context.db, context.viewer);
  const { namespace, create } = options;
  const namespaceId =
    namespace === undefined
      ? null
      : ((await targets.namespaceId(namespace)) ??
        (await newNamespace(namespace, create, context)));
  const ids = new Map<string, string>();
  for (const { id, externalId } of await targets.streams(
    columns,
    namespaceId,
  )) {
    if (ids.has(externalId))
      throw new StartError(
        `Several namespaces have a stream ${externalId}. Choose one by --namespace.`,
      );
    ids.set(externalId, id);
  }
  const missing = columns.filter((column) => !ids.has(column));
  if (missing.length > 0 && (!create || namespaceId === null))
    throw new StartError(
      `There is no stream ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ` and ${missing.length - 5} more` : ""}. Leave columns out by --ignore, or make their streams by --create and --namespace.`,
    );
  if (namespaceId !== null)
    for (const [column, id] of await newStreams(
      missing,
      namespaceId,
      options,
      context,
    ))
      ids.set(column, id);
  return columns.flatMap((column) => ids.get(column) ?? []);
}

async function newNamespace(
  name: string,
  create: boolean,
  context: StreamContext,
): Promise<string> {
  if (!create)
    throw new StartError(
      `The tenant has no namespace ${name}. Make it by --create.`,
    );
  return made(`Namespace ${name}`, createNamespace({ name }, context));
}

async function newStreams(
  columns: readonly string[],
  namespaceId: string,
  { descriptions }: TargetOptions,
  context: StreamContext,
): Promise<Map<string, string>> {
  const types = new Map<string | null, string>();
  const streams = new Map<string, string>();
  for (const column of columns) {
    const { name, unit } = descriptions.get(column) ?? undescribed;
    const typeId =
      types.get(unit) ?? (await typeOf(unit, namespaceId, context));
    types.set(unit, typeId);
    const stream = createStream(
      {
        namespaceId,
        typeId,
        externalId: column,
        name,
        tags: [],
        extrapolation: "BOTH",
        overrides: [],
      },
      context,
    );
    streams.set(column, await made(`Stream ${column}`, stream));
  }
  return streams;
}

/** One number in a unit. */
function typeOf(
  unit: string | null,
  namespaceId: string,
  context: StreamContext,
): Promise<string> {
  const name = unit === null ? "Number" : `Number in ${unit}`;
  const property = { name: "value", kind: "FLOAT", uom: unit } as const;
  const type = createStreamType(
    { namespaceId, name, properties: [property] },
    context,
  );
  return made(`Stream type ${name}`, type);
}

/** The id of what was made; what refused it is told with its name. */
async function made(
  what: string,
  making: Promise<{ id: string } | null>,
): Promise<string> {
  try {
    const thing = await making;
    if (thing) return thing.id;
  } catch (error) {
    if (error instanceof DomainError)
      throw new StartError(`${what}: ${error.message}`, { cause: error });
    throw error;
  }
  throw new StartError(`${what} cannot be seen by the one who made it.`);
}
