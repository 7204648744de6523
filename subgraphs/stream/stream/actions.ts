import { badInput, conflict, notFound } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import { descriptionFrom, nameFrom } from "../../../common/text.ts";
import { CallerStore } from "../access/caller-store.ts";
import type { StreamContext } from "../context.ts";
import type {
  CreateStreamInput,
  UpdateStreamInput,
  UpdateStreamsInput,
} from "../generated.ts";
import { NamespaceStore } from "../namespace/store.ts";
import { StreamTypeStore, type StreamType } from "../stream-type/store.ts";
import { StreamChangeStore, type StreamValues } from "./change-store.ts";
import {
  assertEachOnce,
  maxNameLength,
  metadataFrom,
  placeOfChange,
  retentionFrom,
  tagsFrom,
} from "./input.ts";
import { overridesFrom } from "./overrides.ts";
import { StreamStore, typeOf, type Stream } from "./store.ts";

export async function createStream(
  input: CreateStreamInput,
  { db, viewer, call }: StreamContext,
): Promise<Stream | null> {
  const externalId = nameFrom(
    input.externalId,
    "input.externalId",
    maxNameLength,
  );
  const values = {
    name: nameFrom(input.name ?? externalId, "input.name", maxNameLength),
    description: descriptionFrom(input.description, "input.description"),
    tags: tagsFrom(input.tags, "input.tags"),
    metadata: metadataFrom(input.metadata, "input.metadata"),
    extrapolation: input.extrapolation,
    retention: retentionFrom(input.retention, "input.retention"),
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
    const type = await ownType(
      streamTypes,
      input.typeId,
      namespace.tenantRowId,
    );
    const overrides = overridesFrom(
      input.overrides,
      await streamTypes.properties(type),
      "input.overrides",
    );
    const streams = new StreamStore(transaction, viewer);
    const changes = new StreamChangeStore(transaction);
    const added = await changes.add({
      ...values,
      externalId,
      namespace,
      type,
      ownerRowId: caller.rowId,
      accessListId: namespace.accessListId,
    });
    if (added === null) {
      const id = await changes.idOf(namespace, externalId);
      return existing(id === null ? null : await streams.find(id), type);
    }
    await changes.replaceOverrides([{ ...added, overrides }]);
    await record(
      transaction,
      call,
      "createStream",
      [
        {
          kind: "STREAM",
          subjectType: "Stream",
          subjectId: added.id,
          tenantIds: [caller.tenantId],
          after: { namespaceId: namespace.id, typeId: type.id },
        },
      ],
      [{ id: added.id, name: values.name }],
    );
    return streams.find(added.id);
  });
}

async function ownType(
  streamTypes: StreamTypeStore,
  id: string,
  tenantRowId: number,
): Promise<StreamType> {
  const type = await streamTypes.find(id);
  if (type === null) throw notFound("input.typeId");
  if (type.tenantRowId !== tenantRowId)
    throw badInput(
      "This type belongs to another tenant. Create one like it in your own.",
      "input.typeId",
    );
  return type;
}

/** The stream that has the external id already, if its events have the same type; what was edited since may differ. */
function existing(stream: Stream | null, type: StreamType): Stream {
  if (stream?.typeId !== type.id)
    throw conflict(
      "The namespace has another stream of this external id. Choose another one.",
      "input.externalId",
    );
  return stream;
}

export async function updateStream(
  input: UpdateStreamInput,
  context: StreamContext,
): Promise<Stream | null> {
  const [stream = null] = await changeStreams([input], context, () => "input");
  return stream;
}

/** All of them, or nothing. */
export async function updateStreams(
  input: UpdateStreamsInput,
  context: StreamContext,
): Promise<Stream[]> {
  assertEachOnce(input);
  return changeStreams(input.streams, context, placeOfChange);
}

/** `at` is the place of each in the arguments. */
async function changeStreams(
  inputs: readonly UpdateStreamInput[],
  { db, viewer, call }: StreamContext,
  at: (index: number) => string,
): Promise<Stream[]> {
  const values = inputs.map((input, i) => changeFrom(input, at(i)));
  return db.transaction(async (transaction) => {
    const caller = await new CallerStore(transaction, viewer).lock();
    const streams = new StreamStore(transaction, viewer);
    const streamTypes = new StreamTypeStore(transaction, viewer);
    await streams.lock(inputs.map(({ id }) => id));
    const found = await streams.requireChanges(inputs, at);
    const changed = await Promise.all(
      found.map(async (stream, i) => {
        const { overrides } = inputs[i] as UpdateStreamInput;
        return {
          stream,
          change: values[i] as Partial<StreamValues>,
          ...(overrides !== undefined && {
            overrides: {
              before: await streams.overrides(stream),
              after: overridesFrom(
                overrides ?? [],
                await streamTypes.properties(typeOf(stream)),
                `${at(i)}.overrides`,
              ),
            },
          }),
        };
      }),
    );
    const changes = new StreamChangeStore(transaction);
    await changes.update(
      changed.map(({ stream, change }) => ({ ...stream, change })),
    );
    await changes.replaceOverrides(
      changed.flatMap(({ stream, overrides }) =>
        overrides ? [{ ...stream, overrides: overrides.after }] : [],
      ),
    );
    await record(
      transaction,
      call,
      "updateStream",
      changed.map(({ stream, change, overrides }) => ({
        kind: "STREAM",
        subjectType: "Stream",
        subjectId: stream.id,
        tenantIds: [caller.tenantId],
        before: {
          ...(change.extrapolation && { extrapolation: stream.extrapolation }),
          ...(change.retention !== undefined && {
            retention: stream.retention,
          }),
          ...(overrides && { overrides: overrides.before }),
        },
        after: {
          ...(change.extrapolation && { extrapolation: change.extrapolation }),
          ...(change.retention !== undefined && {
            retention: change.retention,
          }),
          ...(overrides && { overrides: overrides.after }),
          changed: textsIn(change),
        },
      })),
      changed.flatMap(({ stream: { id }, change: { name } }) =>
        name === undefined ? [] : [{ id, name }],
      ),
    );
    return streams.getAll(
      found.map(({ id }) => id),
      at,
    );
  });
}

/** Names and texts may name people: the ledger's entry says only which of them changed. */
const textsIn = (change: Partial<StreamValues>) =>
  Object.keys(change).filter(
    (field) => field !== "extrapolation" && field !== "retention",
  );

/** What is left out stays; null clears what may be empty. */
function changeFrom(
  input: UpdateStreamInput,
  at: string,
): Partial<StreamValues> {
  const { name, description, tags, metadata, extrapolation, retention } = input;
  for (const field of ["name", "extrapolation"] as const)
    if (input[field] === null)
      throw badInput(
        `A stream always has its ${field}. Give one, or leave it out.`,
        `${at}.${field}`,
      );
  return {
    ...(name != null && {
      name: nameFrom(name, `${at}.name`, maxNameLength),
    }),
    ...(description !== undefined && {
      description: descriptionFrom(description, `${at}.description`),
    }),
    ...(tags !== undefined && { tags: tagsFrom(tags ?? [], `${at}.tags`) }),
    ...(metadata !== undefined && {
      metadata: metadataFrom(metadata, `${at}.metadata`),
    }),
    ...(extrapolation != null && { extrapolation }),
    ...(retention !== undefined && {
      retention: retentionFrom(retention, `${at}.retention`),
    }),
  };
}
