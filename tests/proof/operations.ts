import fc from "fast-check";
import type {
  AccessEntry,
  CommunityRole,
  TenantRole,
} from "../oracle/rules.ts";
import {
  decisionOn,
  isCA,
  isCMOrAA,
  keepers,
  mayChangeRoles,
  mayTurn,
  placeIn,
  type Place,
} from "./rules.ts";
import {
  community,
  identity,
  resolve,
  stream,
  tenant,
  uuidOf,
  type Resolved,
} from "./pick.ts";
import {
  add,
  byId,
  isAdministrator,
  membershipOf,
  type Community,
  type Identity,
  type Membership,
  type State,
  type Stream,
} from "./state.ts";

export type Code =
  "UNAUTHENTICATED" | "FORBIDDEN" | "NOT_FOUND" | "CONFLICT" | "BAD_USER_INPUT";

/** What the domain says: why it is refused (any of these may be told), or what it changes. */
export type Verdict = readonly Code[] | ((answer: unknown) => void);

export interface Request {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A mutation with its arguments, once it is known who performs it and when. */
export interface Bound {
  readonly request: Request;
  /** For an actor who is there; in this state or a later one. */
  readonly judge: (state: State, actor: Identity) => Verdict;
}

interface Operation {
  readonly args: unknown;
  readonly bind: (state: State, actor: Identity) => Bound;
}

const operation = <Args>({
  args,
  request,
  judge,
}: {
  readonly args: fc.Arbitrary<Args>;
  readonly request: (state: State, args: Resolved<Args>) => Request;
  readonly judge: (
    state: State,
    actor: Identity,
    args: Resolved<Args>,
  ) => Verdict;
}): fc.Arbitrary<Operation> =>
  args.map((args) => ({
    args,
    bind(state, actor) {
      const resolved = resolve(args, state, actor);
      return {
        request: request(state, resolved),
        judge: (state, actor) => judge(state, actor, resolved),
      };
    },
  }));

/** Verdict on what happens in a community that the actor must see. */
function inCommunity(
  state: State,
  actor: Identity,
  id: number,
  judge: (place: Place, community: Community) => Verdict,
): Verdict {
  const community = state.communities[id - 1];
  const place = placeIn(state, actor, community);
  return place && community ? judge(place, community) : ["NOT_FOUND"];
}

function end(state: State, membership: Membership): void {
  membership.status = "ENDED";
  membership.roles.clear();
  keepShares(state, (share) => share.membership !== membership.id);
}

function keepShares(
  { shares }: State,
  isKept: (share: State["shares"][number]) => boolean,
): void {
  shares.splice(0, shares.length, ...shares.filter(isKept));
}

const createCommunity = operation({
  args: fc.record({ name: fc.constantFrom("North", "South") }),
  request: (_, { name }) => ({
    query: `mutation ($name: String!) { createCommunity(input: { name: $name }) { id } }`,
    variables: { name },
  }),
  judge: (state, actor, { name }) => {
    const tenant = byId(state.tenants, actor.tenant);
    if (actor.kind !== "USER" || !isAdministrator(actor) || !tenant.entitled)
      return ["FORBIDDEN"];
    return (answer) => {
      const { createCommunity } = answer as { createCommunity: { id: string } };
      const community = add(state.communities, {
        uuid: createCommunity.id,
        ...{ name, owner: actor.tenant, hasEnded: false },
      });
      add(state.memberships, {
        community: community.id,
        tenant: actor.tenant,
        status: "ACTIVE",
        roles: new Map([[actor.id, "ADMINISTRATOR"]]),
      });
    };
  },
});

const deleteCommunity = operation({
  args: fc.record({ community, isNamed: fc.boolean() }),
  request: ({ communities }, { community, isNamed }) => ({
    query: `mutation ($id: ID!, $name: String!) { deleteCommunity(id: $id, confirmName: $name) { shareCount } }`,
    variables: {
      id: uuidOf(communities, community),
      name: isNamed ? (communities[community - 1]?.name ?? "") : "Other",
    },
  }),
  judge: (state, actor, { community, isNamed }) =>
    inCommunity(state, actor, community, (place, { id }) => {
      if (!isCA(place)) return ["FORBIDDEN"];
      if (!isNamed) return ["BAD_USER_INPUT"];
      return () => {
        byId(state.communities, id).hasEnded = true;
        for (const membership of state.memberships)
          if (membership.community === id) end(state, membership);
      };
    }),
});

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
      else if (!mayTurn(place, identity, from, role)) faults.push("FORBIDDEN");
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

const setCommunityRoles = operation({
  args: fc.record({
    community,
    members: fc.array(
      fc.record({ identity, role: fc.constantFrom(...roles) }),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  request: (state, { community, members }) => ({
    query: `mutation ($input: SetCommunityRolesInput!) { setCommunityRoles(input: $input) { shareCount } }`,
    variables: {
      input: {
        communityId: uuidOf(state.communities, community),
        members: members.map(({ identity, role }) => ({
          identityId: uuidOf(state.identities, identity),
          role,
        })),
      },
    },
  }),
  judge: (state, actor, { community, members }) =>
    judgeRoles(state, actor, community, members),
});

const removeCommunityMembers = operation({
  args: fc.record({
    community,
    identities: fc.array(identity, { minLength: 1, maxLength: 3 }),
  }),
  request: (state, { community, identities }) => ({
    query: `mutation ($input: RemoveCommunityMembersInput!) { removeCommunityMembers(input: $input) { shareCount } }`,
    variables: {
      input: {
        communityId: uuidOf(state.communities, community),
        identityIds: identities.map((id) => uuidOf(state.identities, id)),
      },
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

const setSharing = (name: "pauseSharing" | "resumeSharing") =>
  operation({
    args: fc.record({ community }),
    request: ({ communities }, { community }) => ({
      query: `mutation ($id: ID!) { ${name}(communityId: $id) { __typename } }`,
      variables: { id: uuidOf(communities, community) },
    }),
    judge: (state, actor, { community }) =>
      inCommunity(state, actor, community, (place) => {
        if (!isCMOrAA(place)) return ["FORBIDDEN"];
        return () => {
          place.membership.status =
            name === "pauseSharing" ? "PAUSED" : "ACTIVE";
        };
      }),
  });

const leaveCommunity = operation({
  args: fc.record({ community }),
  request: ({ communities }, { community }) => ({
    query: `mutation ($id: ID!) { leaveCommunity(communityId: $id) { shareCount } }`,
    variables: { id: uuidOf(communities, community) },
  }),
  judge: (state, actor, { community }) =>
    inCommunity(state, actor, community, (place) => {
      if (!isCMOrAA(place)) return ["FORBIDDEN"];
      if (place.isOwn) return ["CONFLICT"];
      return () => end(state, place.membership);
    }),
});

const removeTenant = operation({
  args: fc.record({ community, tenant }),
  request: ({ communities, tenants }, { community, tenant }) => ({
    query: `mutation ($id: ID!, $tenantId: ID!) { removeTenant(communityId: $id, tenantId: $tenantId) { shareCount } }`,
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

const sharing = fc.record({
  streams: fc.array(stream, { minLength: 1, maxLength: 2 }),
  communities: fc.array(community, { minLength: 1, maxLength: 2 }),
});

interface Sharing {
  readonly streams: readonly number[];
  readonly communities: readonly number[];
}

const named = (state: State, { streams, communities }: Sharing) => ({
  streamIds: streams.map((id) => uuidOf(state.streams, id)),
  communityIds: communities.map((id) => uuidOf(state.communities, id)),
});

/** Streams that do not exist for the actor, or on which it may not do this. */
const faultsOfStreams = (
  state: State,
  actor: Identity,
  streams: readonly Stream[],
  may: (stream: Stream, rights: ReadonlySet<string>) => boolean,
): Code[] =>
  streams.flatMap((stream) => {
    const { sees, rights } = decisionOn(state, actor, stream);
    if (!sees) return ["NOT_FOUND"];
    return stream.tenant === actor.tenant && may(stream, rights)
      ? []
      : ["FORBIDDEN"];
  });

const shareStreams = operation({
  args: sharing,
  request: (state, sharing) => ({
    query: `mutation ($input: ShareStreamsInput!) { shareStreams(input: $input) { id } }`,
    variables: { input: named(state, sharing) },
  }),
  judge: (state, actor, sharing) => {
    const streams = sharing.streams.map((id) => byId(state.streams, id));
    const places = sharing.communities.map((id) =>
      placeIn(state, actor, state.communities[id - 1]),
    );
    const faults = faultsOfStreams(state, actor, streams, (_, rights) =>
      rights.has("SHARE"),
    );
    for (const place of places)
      if (place === null) faults.push("NOT_FOUND");
      else if (place.role === null) faults.push("FORBIDDEN");
    if (!byId(state.tenants, actor.tenant).entitled) faults.push("FORBIDDEN");
    if (faults.length > 0) return faults;
    return () => {
      for (const { id: stream } of streams)
        for (const { membership } of places as Place[])
          if (!isShared(state, stream, membership.id))
            state.shares.push({ stream, membership: membership.id });
    };
  },
});

const isShared = ({ shares }: State, stream: number, membership: number) =>
  shares.some(
    (share) => share.stream === stream && share.membership === membership,
  );

const unshareStreams = operation({
  args: sharing,
  request: (state, sharing) => ({
    query: `mutation ($input: UnshareStreamsInput!) { unshareStreams(input: $input) { endedShareIds } }`,
    variables: { input: named(state, sharing) },
  }),
  judge: (state, actor, sharing) => {
    const streams = sharing.streams.map((id) => byId(state.streams, id));
    const places = sharing.communities.map((id) =>
      placeIn(state, actor, state.communities[id - 1]),
    );
    // S5: whoever may share a stream, as a member; whoever leads the community; AA.
    const faults = faultsOfStreams(state, actor, streams, (_, rights) =>
      places.every(
        (place) =>
          isAdministrator(actor) ||
          (place !== null &&
            place.role !== null &&
            (rights.has("SHARE") || place.role !== "MEMBER")),
      ),
    );
    if (places.includes(null)) faults.push("NOT_FOUND");
    if (faults.length > 0) return faults;
    return () =>
      keepShares(
        state,
        ({ stream, membership }) =>
          !streams.some((one) => one.id === stream) ||
          !places.some((place) => place?.membership.id === membership),
      );
  },
});

const member = { role: "MEMBER" } as const;
/** Lists that give nobody but account administrators the right to change them. */
const lists: readonly (readonly AccessEntry[])[] = [
  [],
  [
    { effect: "ALLOW", rights: ["READ", "WRITE"], subject: member },
    {
      effect: "DENY",
      rights: ["READ"],
      subject: { role: "VIEWER" },
    },
  ],
  [
    { effect: "ALLOW", rights: ["READ", "SHARE"], subject: member },
    {
      effect: "DENY",
      rights: ["SHARE"],
      subject: { role: "DATA_STEWARD" },
    },
  ],
  [
    {
      effect: "ALLOW",
      rights: ["READ", "SHARE"],
      subject: { role: "DATA_STEWARD" },
    },
    { effect: "ALLOW", rights: ["READ"], subject: { role: "VIEWER" } },
  ],
];

const setStreamAccess = operation({
  args: fc.record({
    stream,
    list: fc.nat({ max: lists.length - 1 }),
    identity: fc.option(identity),
  }),
  request: (state, { stream, list, identity }) => ({
    query: `mutation ($input: SetStreamAccessInput!) { setStreamAccess(input: $input) { applied } }`,
    variables: {
      input: {
        streamIds: [uuidOf(state.streams, stream)],
        access: [
          ...(lists[list] ?? []).map(({ effect, rights, subject }) => ({
            ...{ effect, rights, ...subject },
          })),
          ...(identity === null
            ? []
            : [
                {
                  effect: "ALLOW",
                  rights: ["READ"],
                  identityId: uuidOf(state.identities, identity),
                },
              ]),
        ],
      },
    },
  }),
  judge: (state, actor, { stream: id, list, identity }) => {
    const stream = byId(state.streams, id);
    const faults = faultsOfStreams(state, actor, [stream], (_, rights) =>
      rights.has("MANAGE_ACCESS_CONTROL"),
    );
    const subject = identity === null ? null : byId(state.identities, identity);
    if (
      subject &&
      (subject.tenant !== actor.tenant || subject.state === "REMOVED")
    )
      faults.push("NOT_FOUND");
    if (faults.length > 0) return faults;
    return () => {
      stream.access = [
        ...(lists[list] ?? []),
        ...(subject
          ? ([
              {
                effect: "ALLOW",
                rights: ["READ"],
                subject: { identity: subject.id },
              },
            ] as const)
          : []),
      ];
    };
  },
});

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

const setTenantRoles = operation({
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

const setClientEnabled = operation({
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

const removeIdentity = operation({
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

/** Every mutation, and how often it is drawn. */
const all = {
  createCommunity: [1, createCommunity],
  deleteCommunity: [1, deleteCommunity],
  setCommunityRoles: [6, setCommunityRoles],
  removeCommunityMembers: [3, removeCommunityMembers],
  pauseSharing: [2, setSharing("pauseSharing")],
  resumeSharing: [3, setSharing("resumeSharing")],
  leaveCommunity: [1, leaveCommunity],
  removeTenant: [1, removeTenant],
  shareStreams: [6, shareStreams],
  unshareStreams: [3, unshareStreams],
  setStreamAccess: [3, setStreamAccess],
  setTenantRoles: [3, setTenantRoles],
  setClientEnabled: [2, setClientEnabled],
  removeIdentity: [1, removeIdentity],
} as const;

export type OperationName = keyof typeof all;
export const operationNames = Object.keys(all) as OperationName[];

/** What somebody tries, and who looks around afterwards. */
export interface Step {
  readonly name: OperationName;
  readonly actor: number;
  readonly reader: number;
  readonly operation: Operation;
}

const anybody = fc.nat({ max: 11 });

export const step: fc.Arbitrary<Step> = fc.oneof(
  ...operationNames.map((name) => {
    const [weight, operation] = all[name];
    return {
      weight,
      arbitrary: fc
        .record({ actor: anybody, reader: anybody, operation })
        .map((step) => told({ name, ...step })),
    };
  }),
);

/** A failing history is printed in this form. */
const told = (step: Step): Step =>
  Object.assign(step, {
    [fc.toStringMethod]: () =>
      `${step.name} by ${step.actor}: ${JSON.stringify(step.operation.args)}; then ${step.reader} looks`,
  });
