import fc from "fast-check";
import { operation, type Verdict } from "./operation.ts";
import { namespace, type, uuidOf } from "./pick.ts";
import { decisionOn, defaultList, rightsBy } from "./rules.ts";
import {
  add,
  byId,
  isAdministrator,
  type Identity,
  type State,
} from "./state.ts";
import { lists } from "./stream-operations.ts";

/** Few, so that some are taken. */
const name = fc.constantFrom("first", "north", "south");

/** S1: as the default list would have it. */
const mayCreate = (actor: Identity) =>
  rightsBy(defaultList, actor).has("WRITE");

export const createNamespace = operation({
  args: fc.record({ name }),
  request: (_, { name }) => ({
    query: `mutation ($name: String!) { createNamespace(input: { name: $name }) { id } }`,
    variables: { name },
  }),
  judge: (state, actor, { name }) => {
    if (!mayCreate(actor)) return ["FORBIDDEN"];
    const { tenant } = actor;
    if (state.namespaces.some((n) => n.tenant === tenant && n.name === name))
      return ["CONFLICT"];
    return (answer) => {
      const { createNamespace } = answer as { createNamespace: { id: string } };
      add(state.namespaces, {
        ...{ uuid: createNamespace.id, tenant, name },
        access: defaultList,
      });
    };
  },
});

/** S1 in an own namespace; another's is not to be seen. */
function inNamespace(
  state: State,
  actor: Identity,
  id: number,
  judge: () => Verdict,
): Verdict {
  const namespace = state.namespaces[id - 1];
  if (namespace?.tenant !== actor.tenant) return ["NOT_FOUND"];
  return rightsBy(namespace.access, actor).has("WRITE")
    ? judge()
    : ["FORBIDDEN"];
}

/** S3; each stream that is created from then on starts with the list. */
export const setNamespaceAccess = operation({
  args: fc.record({ namespace, list: fc.nat({ max: lists.length - 1 }) }),
  request: ({ namespaces }, { namespace, list }) => ({
    query: `mutation ($input: SetNamespaceAccessInput!) { setNamespaceAccess(input: $input) { id } }`,
    variables: {
      input: {
        namespaceId: uuidOf(namespaces, namespace),
        access: (lists[list] ?? []).map(({ effect, rights, subject }) => ({
          ...{ effect, rights, ...subject },
        })),
      },
    },
  }),
  judge: (state, actor, { namespace: id, list }) => {
    const namespace = state.namespaces[id - 1];
    if (namespace?.tenant !== actor.tenant) return ["NOT_FOUND"];
    if (!isAdministrator(actor)) return ["FORBIDDEN"];
    return () => {
      namespace.access = lists[list] ?? [];
    };
  },
});

/** The same type is answered once more. */
export const createStreamType = operation({
  args: fc.record({ namespace, name }),
  request: ({ namespaces }, { namespace, name }) => ({
    query: `mutation ($input: CreateStreamTypeInput!) { createStreamType(input: $input) { id } }`,
    variables: {
      input: {
        namespaceId: uuidOf(namespaces, namespace),
        name,
        properties: [{ name: "value", kind: "FLOAT" }],
      },
    },
  }),
  judge: (state, actor, { namespace, name }) =>
    inNamespace(state, actor, namespace, () => (answer) => {
      const isThere = state.types.some(
        (type) => type.namespace === namespace && type.name === name,
      );
      if (isThere) return;
      const { createStreamType } = answer as {
        createStreamType: { id: string };
      };
      add(state.types, { uuid: createStreamType.id, namespace, name });
    }),
});

/** Whoever creates a stream is its owner; the same stream is answered once more. */
export const createStream = operation({
  args: fc.record({ namespace, type, externalId: name }),
  request: ({ namespaces, types }, { namespace, type, externalId }) => ({
    query: `mutation ($input: CreateStreamInput!) { createStream(input: $input) { id } }`,
    variables: {
      input: {
        namespaceId: uuidOf(namespaces, namespace),
        typeId: uuidOf(types, type),
        externalId,
      },
    },
  }),
  judge: (state, actor, { namespace, type: id, externalId }) =>
    inNamespace(state, actor, namespace, () => {
      const type = byId(state.types, id);
      const { tenant } = byId(state.namespaces, type.namespace);
      if (tenant !== actor.tenant)
        return seesType(state, actor, id) ? ["BAD_USER_INPUT"] : ["NOT_FOUND"];
      const there = state.streams.find(
        (stream) =>
          !stream.isDeleted &&
          stream.namespace === namespace &&
          stream.externalId === externalId,
      );
      if (there)
        return there.type === id && decisionOn(state, actor, there).sees
          ? () => undefined
          : ["CONFLICT"];
      return (answer) => {
        const { createStream } = answer as { createStream: { id: string } };
        add(state.streams, {
          ...{ uuid: createStream.id, tenant, namespace, type: id, externalId },
          ...{
            owner: actor.id,
            access: byId(state.namespaces, namespace).access,
            hasEvents: false,
          },
          isDeleted: false,
        });
      };
    }),
});

/** S6: another tenant's type, by a stream of it that is read. */
const seesType = (state: State, actor: Identity, type: number) =>
  state.streams.some(
    (stream) => stream.type === type && decisionOn(state, actor, stream).sees,
  );
