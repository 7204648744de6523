import fc from "fast-check";
import type { CommunityRole } from "../oracle/rules.ts";
import {
  inCommunity,
  operation,
  type Code,
  type Verdict,
} from "./operation.ts";
import { community, identity, tenant, uuidOf } from "./pick.ts";
import { isCA, isCMOrAA, keepers, mayChangeRoles, mayTurn } from "./rules.ts";
import {
  add,
  byId,
  end,
  isAdministrator,
  isOpen,
  join,
  membershipOf,
  type Identity,
  type State,
} from "./state.ts";

export const createCommunity = operation({
  args: fc.record({ name: fc.constantFrom("North", "South") }),
  request: (_, { name }) => ({
    query: `mutation ($name: String!) { createCommunity(input: { name: $name }) { id } }`,
    variables: { name },
  }),
  judge: (state, actor, { name }) => {
    const tenant = byId(state.tenants, actor.tenant);
    const isFounder = tenant.communityFounders.some(
      (role) => role === "MEMBER" || actor.roles.includes(role),
    );
    if (
      actor.kind !== "USER" ||
      !(isFounder || isAdministrator(actor)) ||
      !tenant.entitled
    )
      return ["FORBIDDEN"];
    return (answer) => {
      const { createCommunity } = answer as { createCommunity: { id: string } };
      const community = add(state.communities, {
        uuid: createCommunity.id,
        ...{ name, owner: actor.tenant, hasEnded: false },
      });
      join(state, {
        community: community.id,
        tenant: actor.tenant,
        newTenantsRead: "AT_ONCE",
        roles: new Map([[actor.id, "ADMINISTRATOR"]]),
      });
    };
  },
});

/** What a dry run must tell as the change itself. */
const change = `{ applied tenantCount identityCount shareCount streamCount stillReadableCount
  tenants { id } identities { id } streams { id } stillReadable { id } members { role }
  membership { id status } community { id myRole myRights } }`;

/** C3. */
export const updateCommunity = operation({
  args: fc.record({ community, name: fc.constantFrom("North", "East") }),
  request: ({ communities }, { community, name }) => ({
    query: `mutation ($id: ID!, $name: String!) { updateCommunity(input: { id: $id, name: $name }) { id } }`,
    variables: { id: uuidOf(communities, community), name },
  }),
  judge: (state, actor, { community, name }) =>
    inCommunity(state, actor, community, (place, community) => {
      if (!isCA(place)) return ["FORBIDDEN"];
      return () => {
        community.name = name;
      };
    }),
});

export const deleteCommunity = operation({
  args: fc.record({ community, isNamed: fc.boolean() }),
  hasDryRun: true,
  request: (state, { community, isNamed }) => ({
    query: `mutation ($id: ID!, $name: String!, $dryRun: Boolean!) {
      deleteCommunity(id: $id, confirmName: $name, dryRun: $dryRun) ${change} }`,
    variables: {
      id: uuidOf(state.communities, community),
      name: nameGiven(state, community, isNamed),
    },
  }),
  prepare: (state, { community, isNamed }) =>
    nameGiven(state, community, isNamed),
  judge: (state, actor, { community }, given) =>
    inCommunity(state, actor, community, (place, { id, name }) => {
      if (!isCA(place)) return ["FORBIDDEN"];
      if (given !== name) return ["BAD_USER_INPUT"];
      return () => {
        byId(state.communities, id).hasEnded = true;
        for (const invitation of state.invitations)
          if (invitation.community === id && isOpen(invitation))
            invitation.state = "WITHDRAWN";
        for (const membership of state.memberships)
          if (membership.community === id) end(state, membership);
      };
    }),
});

const nameGiven = ({ communities }: State, id: number, isNamed: boolean) =>
  isNamed ? (communities[id - 1]?.name ?? "") : "Other";

const roles = ["MEMBER", "MODERATOR", "ADMINISTRATOR"] as const;

/** Verdict on giving these identities these roles, null for none. */
function judgeRoles(
  state: State,
  actor: Identity,
  id: number,
  wishes: readonly { identity: number; role: CommunityRole | null }[],
): Verdict {
  return inCommunity(state, actor, id, (place, community) => {
    if (!mayChangeRoles(place)) return ["FORBIDDEN"];
    const { membership } = place;
    const named = wishes.map(({ identity }) =>
      byId(state.identities, identity),
    );
    if (new Set(named).size < named.length) return ["BAD_USER_INPUT"];
    const faults: Code[] = [];
    wishes.forEach(({ role }, i) => {
      const identity = named[i] as Identity;
      const from = membership.roles.get(identity.id) ?? null;
      if (
        identity.tenant !== actor.tenant ||
        identity.state === "REMOVED" ||
        (role === null && from === null)
      )
        faults.push("NOT_FOUND");
      else if (!mayTurn(state, place, identity, from, role))
        faults.push("FORBIDDEN");
    });
    if (faults.length > 0) return faults;
    const change = (target: Map<number, CommunityRole>) =>
      wishes.forEach(({ role }, i) => {
        const { id } = named[i] as Identity;
        if (role === null) target.delete(id);
        else target.set(id, role);
      });
    const after = new Map(membership.roles);
    change(after);
    if (
      keepers(state, community, membership) > 0 &&
      keepers(state, community, { ...membership, roles: after }) === 0
    )
      return ["CONFLICT"];
    return () => change(membership.roles);
  });
}

export const setCommunityRoles = operation({
  args: fc.record({
    community,
    members: fc.array(
      fc.record({ identity, role: fc.constantFrom(...roles) }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  hasDryRun: true,
  request: (state, { community, members }) => ({
    query: `mutation ($id: ID!, $members: [CommunityMemberInput!]!, $dryRun: Boolean!) {
      setCommunityRoles(input: { communityId: $id, members: $members, dryRun: $dryRun }) ${change} }`,
    variables: {
      id: uuidOf(state.communities, community),
      members: members.map(({ identity, role }) => ({
        identityId: uuidOf(state.identities, identity),
        role,
      })),
    },
  }),
  judge: (state, actor, { community, members }) =>
    judgeRoles(state, actor, community, members),
});

export const removeCommunityMembers = operation({
  args: fc.record({
    community,
    identities: fc.array(identity, { minLength: 1, maxLength: 3 }),
  }),
  hasDryRun: true,
  request: (state, { community, identities }) => ({
    query: `mutation ($id: ID!, $identityIds: [ID!]!, $dryRun: Boolean!) {
      removeCommunityMembers(input: { communityId: $id, identityIds: $identityIds, dryRun: $dryRun }) ${change} }`,
    variables: {
      id: uuidOf(state.communities, community),
      identityIds: identities.map((id) => uuidOf(state.identities, id)),
    },
  }),
  judge: (state, actor, { community, identities }) =>
    judgeRoles(
      state,
      actor,
      community,
      identities.map((identity) => ({ identity, role: null })),
    ),
});

/** C10. */
const judgeSharing = (
  state: State,
  actor: Identity,
  community: number,
  status: "PAUSED" | "ACTIVE",
): Verdict =>
  inCommunity(state, actor, community, (place) => {
    if (!isCMOrAA(place)) return ["FORBIDDEN"];
    return () => {
      place.membership.status = status;
    };
  });

export const pauseSharing = operation({
  args: fc.record({ community }),
  hasDryRun: true,
  request: ({ communities }, { community }) => ({
    query: `mutation ($id: ID!, $dryRun: Boolean!) { pauseSharing(communityId: $id, dryRun: $dryRun) ${change} }`,
    variables: { id: uuidOf(communities, community) },
  }),
  judge: (state, actor, { community }) =>
    judgeSharing(state, actor, community, "PAUSED"),
});

export const resumeSharing = operation({
  args: fc.record({ community }),
  request: ({ communities }, { community }) => ({
    query: `mutation ($id: ID!) { resumeSharing(communityId: $id) { id } }`,
    variables: { id: uuidOf(communities, community) },
  }),
  judge: (state, actor, { community }) =>
    judgeSharing(state, actor, community, "ACTIVE"),
});

export const leaveCommunity = operation({
  args: fc.record({ community }),
  hasDryRun: true,
  request: ({ communities }, { community }) => ({
    query: `mutation ($id: ID!, $dryRun: Boolean!) { leaveCommunity(communityId: $id, dryRun: $dryRun) ${change} }`,
    variables: { id: uuidOf(communities, community) },
  }),
  judge: (state, actor, { community }) =>
    inCommunity(state, actor, community, (place) => {
      if (!isCMOrAA(place)) return ["FORBIDDEN"];
      if (place.isOwn) return ["CONFLICT"];
      return () => end(state, place.membership);
    }),
});

export const removeTenant = operation({
  args: fc.record({ community, tenant }),
  hasDryRun: true,
  request: ({ communities, tenants }, { community, tenant }) => ({
    query: `mutation ($id: ID!, $tenantId: ID!, $dryRun: Boolean!) {
      removeTenant(communityId: $id, tenantId: $tenantId, dryRun: $dryRun) ${change} }`,
    variables: {
      id: uuidOf(communities, community),
      tenantId: uuidOf(tenants, tenant),
    },
  }),
  judge: (state, actor, { community: id, tenant }) =>
    inCommunity(state, actor, id, (place, community) => {
      if (!isCA(place)) return ["FORBIDDEN"];
      const membership = membershipOf(state, community, tenant);
      if (!membership) return ["NOT_FOUND"];
      if (tenant === community.owner) return ["CONFLICT"];
      return () => end(state, membership);
    }),
});
