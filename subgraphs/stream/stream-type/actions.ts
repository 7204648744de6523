import { badInput, conflict, limitExceeded } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import { descriptionFrom, nameFrom } from "../../../common/text.ts";
import { CallerStore } from "../access/caller-store.ts";
import type { StreamContext } from "../context.ts";
import type {
  CreateStreamTypeInput,
  Interpolation,
  PropertyInput,
  ValueKind,
} from "../generated.ts";
import { NamespaceStore } from "../namespace/store.ts";
import { StreamTypeStore, type Property, type StreamType } from "./store.ts";
import { uomFrom } from "./uom.ts";

const maxProperties = 100;

export async function createStreamType(
  input: CreateStreamTypeInput,
  { db, viewer, call }: StreamContext,
): Promise<StreamType | null> {
  const wanted = {
    name: nameFrom(input.name, "input.name"),
    description: descriptionFrom(input.description, "input.description"),
    properties: propertiesFrom(input.properties),
  };
  return db.transaction(async (transaction) => {
    const caller = await new CallerStore(transaction, viewer).lock();
    const namespaces = new NamespaceStore(transaction, viewer);
    await namespaces.lock(input.namespaceId);
    const namespace = await namespaces.getWritable(
      input.namespaceId,
      "input.namespaceId",
    );
    const streamTypes = new StreamTypeStore(transaction, viewer);
    const id = await streamTypes.add(namespace, wanted);
    if (id === null) return existing(streamTypes, namespace, wanted);
    await record(
      transaction,
      call,
      "createStreamType",
      [
        {
          kind: "STREAM",
          subjectType: "StreamType",
          subjectId: id,
          tenantIds: [caller.tenantId],
          after: { namespaceId: namespace.id },
        },
      ],
      [{ id, name: wanted.name }],
    );
    return streamTypes.find(id);
  });
}

/** The type that has the name already, if it gives events the same shape; what describes it may differ. */
async function existing(
  streamTypes: StreamTypeStore,
  namespace: Parameters<StreamTypeStore["findNamed"]>[0],
  { name, properties }: { name: string; properties: readonly Property[] },
): Promise<StreamType> {
  const type = await streamTypes.findNamed(namespace, name);
  if (
    type === null ||
    shapeOf(await streamTypes.properties(type)) !== shapeOf(properties)
  )
    throw conflict(
      "The namespace has another stream type of this name. Choose another name.",
      "input.name",
    );
  return type;
}

const shapeOf = (properties: readonly Property[]) =>
  JSON.stringify(
    properties.map(({ name, kind, uom, interpolation, states }) => [
      name,
      kind,
      uom,
      interpolation,
      states,
    ]),
  );

function propertiesFrom(inputs: readonly PropertyInput[]): Property[] {
  if (inputs.length === 0)
    throw badInput("Give at least one property.", "input.properties");
  if (inputs.length > maxProperties)
    throw limitExceeded(
      "properties a stream type",
      maxProperties,
      inputs.length,
      "Divide them among several types.",
      "input.properties",
    );
  const properties = inputs.map((input, i) =>
    propertyFrom(input, `input.properties.${i}`),
  );
  const names = new Set<string>();
  for (const [i, { name }] of properties.entries()) {
    if (names.has(name))
      throw badInput(
        "Two properties have this name. Rename one.",
        `input.properties.${i}.name`,
      );
    names.add(name);
  }
  return properties;
}

const propertyFrom = (input: PropertyInput, at: string): Property => ({
  name: nameFrom(input.name, `${at}.name`),
  description: descriptionFrom(input.description, `${at}.description`),
  kind: input.kind,
  uom: uomFrom(input.uom, `${at}.uom`),
  interpolation: input.interpolation ?? usualInterpolation[input.kind],
  states: statesFrom(input, `${at}.states`),
});

const usualInterpolation: Record<ValueKind, Interpolation> = {
  FLOAT: "CONTINUOUS",
  INTEGER: "CONTINUOUS",
  BOOLEAN: "STEPWISE_PREVIOUS",
  TEXT: "STEPWISE_PREVIOUS",
  TIMESTAMP: "CONTINUOUS",
  ENUM: "STEPWISE_PREVIOUS",
};

const maxStates = 1000;

/** An ENUM's states, in the order in which they are stored by their places. */
function statesFrom(
  { kind, states }: PropertyInput,
  at: string,
): readonly string[] | null {
  if (kind !== "ENUM") {
    if (states == null) return null;
    throw badInput(
      `Only an ENUM has states, not a property of kind ${kind}.`,
      at,
    );
  }
  if (states == null || states.length === 0)
    throw badInput("Name the states of this ENUM, one at least.", at);
  if (states.length > maxStates)
    throw limitExceeded(
      "states a property",
      maxStates,
      states.length,
      "Store an INTEGER instead.",
      at,
    );
  const names = states.map((state, i) => nameFrom(state, `${at}.${i}`));
  const second = names.findIndex((name, i) => names.indexOf(name) < i);
  if (second >= 0)
    throw badInput(
      "This state is named twice. Name it once.",
      `${at}.${second}`,
    );
  return names;
}
