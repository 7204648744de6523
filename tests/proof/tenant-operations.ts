import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { anonymous } from "../../common/viewer.ts";
import type { TenantRole } from "../oracle/rules.ts";
import {
  operation,
  sending,
  type Operation,
  type Verdict,
} from "./operation.ts";
import { client, user, uuidOf } from "./pick.ts";
import {
  add,
  byId,
  defaultPolicy,
  isAdministrator,
  type Identity,
  type Policy,
  type State,
} from "./state.ts";

const tenantRoles: readonly (readonly TenantRole[])[] = [
  [],
  ["CONTRIBUTOR"],
  ["ACCOUNT_ADMINISTRATOR"],
  ["DATA_STEWARD"],
  ["VIEWER"],
  ["ACCOUNT_ADMINISTRATOR", "DATA_STEWARD"],
];

/** Verdict on T1's changes of one identity, which colleagues see and others do not. */
function judgeIdentity(
  actor: Identity,
  target: Identity | null,
  change: (target: Identity) => Verdict,
): Verdict {
  if (!target || target.tenant !== actor.tenant || target.state === "REMOVED")
    return ["NOT_FOUND"];
  return isAdministrator(actor) ? change(target) : ["FORBIDDEN"];
}

const isLastAdministrator = (state: State, target: Identity) =>
  target.kind === "USER" &&
  isAdministrator(target) &&
  !state.identities.some(
    (other) =>
      other !== target &&
      other.tenant === target.tenant &&
      other.kind === "USER" &&
      other.state === "LIVE" &&
      isAdministrator(other),
  );

/** By the mutation that is for its kind; by the other it is not found. */
const ofKind = (state: State, id: number, kind: Identity["kind"]) => {
  const identity = byId(state.identities, id);
  return identity.kind === kind ? identity : null;
};

const setRoles = (
  kind: Identity["kind"],
  name: "setUserRoles" | "setClientRoles",
) =>
  operation({
    args: fc.record({
      identity: kind === "USER" ? user : client,
      roles: fc.constantFrom(...tenantRoles),
    }),
    request: (state, { identity, roles }) => ({
      query: `mutation ($id: ID!, $roles: [TenantRole!]!) { ${name}(input: { id: $id, roles: $roles }) { id } }`,
      variables: { id: uuidOf(state.identities, identity), roles },
    }),
    judge: (state, actor, { identity, roles }) =>
      judgeIdentity(actor, ofKind(state, identity, kind), (target) => {
        if (
          !roles.includes("ACCOUNT_ADMINISTRATOR") &&
          isLastAdministrator(state, target)
        )
          return ["CONFLICT"];
        return () => {
          target.roles = roles;
        };
      }),
  });

export const setUserRoles = setRoles("USER", "setUserRoles");
export const setClientRoles = setRoles("CLIENT", "setClientRoles");

export const setClientEnabled = operation({
  args: fc.record({ identity: client, enabled: fc.boolean() }),
  request: (state, { identity, enabled }) => ({
    query: `mutation ($id: ID!, $enabled: Boolean!) { setClientEnabled(id: $id, enabled: $enabled) { id } }`,
    variables: { id: uuidOf(state.identities, identity), enabled },
  }),
  judge: (state, actor, { identity, enabled }) =>
    judgeIdentity(actor, ofKind(state, identity, "CLIENT"), (target) => () => {
      target.state = enabled ? "LIVE" : "DISABLED";
    }),
});

const remove = (kind: Identity["kind"], name: "removeUser" | "removeClient") =>
  operation({
    args: fc.record({ identity: kind === "USER" ? user : client }),
    request: (state, { identity }) => ({
      query: `mutation ($id: ID!) { ${name}(id: $id) }`,
      variables: { id: uuidOf(state.identities, identity) },
    }),
    judge: (state, actor, { identity }) =>
      judgeIdentity(actor, ofKind(state, identity, kind), (target) => {
        if (isLastAdministrator(state, target)) return ["CONFLICT"];
        return () => {
          target.state = "REMOVED";
          for (const { roles } of state.memberships) roles.delete(target.id);
          for (const stream of state.streams)
            stream.access = stream.access.filter(
              ({ subject }) =>
                !("identity" in subject) || subject.identity !== target.id,
            );
        };
      }),
  });

export const removeUser = remove("USER", "removeUser");
export const removeClient = remove("CLIENT", "removeClient");

/** T1: a few people, so that some are added twice. */
export const createUser = operation({
  args: fc.record({
    name: fc.constantFrom("Ann", "Bob"),
    roles: fc.constantFrom(...tenantRoles),
  }),
  request: (state, { name, roles }) => ({
    query: `mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }`,
    variables: { input: { name, email: emailOf(state, name), roles } },
  }),
  judge: (state, actor, { name, roles }) => {
    if (!isAdministrator(actor)) return ["FORBIDDEN"];
    const email = emailOf(state, name);
    const isThere = ({ identities }: State) =>
      identities.some(
        (other) =>
          other.tenant === actor.tenant &&
          other.email === email &&
          other.state !== "REMOVED",
      );
    if (isThere(state)) return ["CONFLICT"];
    return (answer) => {
      const { createUser } = answer as { createUser: { id: string } };
      add(state.identities, {
        ...{ uuid: createUser.id, tenant: actor.tenant, kind: "USER", email },
        ...{ state: "LIVE", roles },
      });
    };
  },
});

export const createClient = operation({
  args: fc.record({ roles: fc.constantFrom(...tenantRoles) }),
  request: (_, { roles }) => ({
    query: `mutation ($roles: [TenantRole!]!) { createClient(input: { name: "Pump", roles: $roles }) { client { id } } }`,
    variables: { roles },
  }),
  judge: (state, actor, { roles }) => {
    if (!isAdministrator(actor)) return ["FORBIDDEN"];
    return (answer) => {
      const { createClient } = answer as {
        createClient: { client: { id: string } };
      };
      const { id } = createClient.client;
      add(state.identities, {
        ...{ uuid: id, tenant: actor.tenant, kind: "CLIENT", state: "LIVE" },
        ...{ email: `${id}@example.com`, roles },
      });
    };
  },
});

/** T1: what the tenant decides for itself. */
export const updateTenant = operation({
  args: fc
    .record(
      {
        moderatorsAreAdministrators: fc.boolean(),
        communityFounders: fc.constantFrom<readonly TenantRole[]>(
          [],
          ["DATA_STEWARD"],
          ["MEMBER"],
        ),
        usesPseudonyms: fc.boolean(),
      },
      { requiredKeys: [] },
    )
    .map((policy): Partial<Policy> => policy),
  request: (_, policy) => ({
    query: `mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { id } }`,
    variables: { input: policy },
  }),
  judge: (state, actor, policy) => {
    if (!isAdministrator(actor)) return ["FORBIDDEN"];
    return () => {
      Object.assign(byId(state.tenants, actor.tenant), policy);
    };
  },
});

/** T5: a person without a tenant; one of a few, so that some come again. */
export const signUpTenant: fc.Arbitrary<Operation> = fc
  .record({ name: fc.constantFrom("Cay", "Dan", "Eve") })
  .map((args) => ({
    args,
    bind(begun) {
      const email = emailOf(begun, args.name);
      const person = { id: randomUUID(), email, name: args.name };
      return {
        perform: sending(
          { ...anonymous, person },
          {
            query: `mutation ($name: String!) { signUpTenant(input: { name: $name }) { id users { nodes { id } } } }`,
            variables: args,
          },
        ),
        judge(state) {
          const isUser = state.identities.some(
            (user) => user.email === email && user.state !== "REMOVED",
          );
          if (isUser) return ["FORBIDDEN"];
          return (answer) => {
            const { signUpTenant } = answer as { signUpTenant: Founded };
            const tenant = add(state.tenants, {
              ...{ uuid: signUpTenant.id, entitled: true },
              ...defaultPolicy,
            });
            for (const { id } of signUpTenant.users.nodes)
              add(state.identities, {
                ...{ uuid: id, tenant: tenant.id, kind: "USER", email },
                ...{ state: "LIVE", roles: ["ACCOUNT_ADMINISTRATOR"] },
              });
          };
        },
      };
    },
  }));

interface Founded {
  readonly id: string;
  readonly users: { readonly nodes: readonly { readonly id: string }[] };
}

/** Nobody's in another history. */
const emailOf = ({ tenants }: State, name: string) =>
  `${name}.${byId(tenants, 1).uuid}@example.com`.toLowerCase();
