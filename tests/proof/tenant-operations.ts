import fc from "fast-check";
import type { TenantRole } from "../oracle/rules.ts";
import { operation, type Verdict } from "./operation.ts";
import { identity, uuidOf } from "./pick.ts";
import { byId, isAdministrator, type Identity, type State } from "./state.ts";

const tenantRoles: readonly (readonly TenantRole[])[] = [
  [],
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

const isUser = ({ identities }: State, id: number) =>
  byId(identities, id).kind === "USER";

export const setTenantRoles = operation({
  args: fc.record({ identity, roles: fc.constantFrom(...tenantRoles) }),
  request: (state, { identity, roles }) => ({
    query: isUser(state, identity)
      ? `mutation ($input: SetUserRolesInput!) { setUserRoles(input: $input) { id } }`
      : `mutation ($input: SetClientRolesInput!) { setClientRoles(input: $input) { id } }`,
    variables: { input: { id: uuidOf(state.identities, identity), roles } },
  }),
  judge: (state, actor, { identity, roles }) =>
    judgeIdentity(actor, byId(state.identities, identity), (target) => {
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

export const setClientEnabled = operation({
  args: fc.record({ identity, enabled: fc.boolean() }),
  request: (state, { identity, enabled }) => ({
    query: `mutation ($id: ID!, $enabled: Boolean!) { setClientEnabled(id: $id, enabled: $enabled) { id } }`,
    variables: { id: uuidOf(state.identities, identity), enabled },
  }),
  judge: (state, actor, { identity, enabled }) => {
    const target = byId(state.identities, identity);
    return judgeIdentity(
      actor,
      target.kind === "CLIENT" ? target : null,
      (target) => () => {
        target.state = enabled ? "LIVE" : "DISABLED";
      },
    );
  },
});

export const removeIdentity = operation({
  args: fc.record({ identity }),
  request: (state, { identity }) => ({
    query: `mutation ($id: ID!) { ${isUser(state, identity) ? "removeUser" : "removeClient"}(id: $id) }`,
    variables: { id: uuidOf(state.identities, identity) },
  }),
  judge: (state, actor, { identity }) =>
    judgeIdentity(actor, byId(state.identities, identity), (target) => {
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
