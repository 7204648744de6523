import type {
  AccessEntry,
  CommunityRole,
  Identity,
  Membership,
  Participation,
  Right,
  Share,
  Stream,
  Tenant,
  TenantRole,
  World,
} from "./rules.ts";

/** The parts of a world while it is being made; every part gets the next free id. */
export class WorldMaker implements World {
  readonly tenants: Tenant[] = [];
  readonly identities: Identity[] = [];
  readonly memberships: Membership[] = [];
  readonly participations: Participation[] = [];
  readonly streams: Stream[] = [];
  readonly shares: Share[] = [];
  communityCount = 0;

  tenant(entitled = true): Tenant {
    return add(this.tenants, { entitled });
  }
  identity(
    tenant: Tenant,
    state: Identity["state"],
    roles: readonly TenantRole[],
  ): Identity {
    return add(this.identities, { tenant: tenant.id, state, roles });
  }
  community(): number {
    this.communityCount += 1;
    return this.communityCount;
  }
  membership(
    community: number,
    tenant: Tenant,
    status: Membership["status"],
  ): Membership {
    return add(this.memberships, { community, tenant: tenant.id, status });
  }
  stream(
    tenant: Tenant,
    access: readonly AccessEntry[],
    owner: Identity | null = null,
  ): Stream {
    return add(this.streams, {
      tenant: tenant.id,
      owner: owner?.id ?? null,
      access,
    });
  }
  participate(
    membership: Membership,
    identity: Identity,
    role: CommunityRole,
  ): void {
    // A removed identity's roles went with it.
    if (identity.state !== "REMOVED")
      this.participations.push({
        membership: membership.id,
        identity: identity.id,
        role,
      });
  }
  share(stream: Stream, membership: Membership): void {
    this.shares.push({ stream: stream.id, membership: membership.id });
  }
}

function add<T extends { id: number }>(list: T[], item: Omit<T, "id">): T {
  const made = { ...item, id: list.length + 1 } as T;
  list.push(made);
  return made;
}

const states = ["LIVE", "DISABLED", "REMOVED"] as const;
const tenantRoles: readonly (readonly TenantRole[])[] = [
  [],
  ["ACCOUNT_ADMINISTRATOR"],
  ["DATA_STEWARD"],
  ["CONTRIBUTOR"],
  ["VIEWER"],
  ["DATA_STEWARD", "VIEWER"],
];
const communityRoles = [null, "MEMBER", "MODERATOR", "ADMINISTRATOR"] as const;
const presences = ["ACTIVE", "PAUSED", "GONE"] as const;
const both = [true, false];

const allRights: readonly Right[] = [
  "READ",
  "WRITE",
  "DELETE",
  "MANAGE_ACCESS_CONTROL",
  "SHARE",
];

/** Lists by role: nothing, each role allowed, each denied what all members are allowed, and the default list. */
const roleLists: readonly (readonly AccessEntry[])[] = [
  [],
  ...(
    [
      "ACCOUNT_ADMINISTRATOR",
      "DATA_STEWARD",
      "CONTRIBUTOR",
      "VIEWER",
      "MEMBER",
    ] as const
  ).flatMap((role) => [
    [
      { effect: "ALLOW", rights: ["READ", "SHARE"], subject: { role } },
    ] as const,
    [
      { effect: "DENY", rights: ["READ", "WRITE"], subject: { role } },
      { effect: "ALLOW", rights: allRights, subject: { role: "MEMBER" } },
    ] as const,
  ]),
  [
    {
      effect: "ALLOW",
      rights: ["READ", "WRITE", "DELETE", "MANAGE_ACCESS_CONTROL"],
      subject: { role: "ACCOUNT_ADMINISTRATOR" },
    },
    {
      effect: "ALLOW",
      rights: ["READ", "SHARE"],
      subject: { role: "DATA_STEWARD" },
    },
    {
      effect: "ALLOW",
      rights: ["READ", "WRITE", "DELETE"],
      subject: { role: "CONTRIBUTOR" },
    },
    { effect: "ALLOW", rights: ["READ"], subject: { role: "VIEWER" } },
  ],
];

/** Lists that name one identity: allowed, denied against its role, allowed against a denied role, the last right left. */
const listsNaming = (identity: number): readonly (readonly AccessEntry[])[] => [
  [{ effect: "ALLOW", rights: ["READ"], subject: { identity } }],
  [
    { effect: "DENY", rights: ["READ"], subject: { identity } },
    { effect: "ALLOW", rights: ["READ", "WRITE"], subject: { role: "MEMBER" } },
  ],
  [
    { effect: "ALLOW", rights: ["READ"], subject: { identity } },
    { effect: "DENY", rights: ["READ"], subject: { role: "VIEWER" } },
  ],
  [{ effect: "DENY", rights: allRights, subject: { identity } }],
];

/** One small world: a reader's tenant and a sharer's tenant; `pairs` are the decisions that are to be compared. */
export interface Case {
  readonly readers: readonly Identity[];
  readonly streams: readonly Stream[];
}

/**
 * All worlds of one community, those that differ only in independent parts laid side by side: for each state of the
 * two memberships and entitlements, every reader (state, tenant roles, community role) meets every stream (foreign
 * and own; each list; owned or not; shared or not).
 */
export function oneCommunity(): {
  world: World;
  cases: Case[];
  communityCount: number;
} {
  const world = new WorldMaker();
  const cases: Case[] = [];
  for (const readerEntitled of both)
    for (const sharerEntitled of both)
      for (const reading of presences)
        for (const sharing of presences)
          cases.push(
            makeCase(world, {
              readerEntitled,
              sharerEntitled,
              reading,
              sharing,
            }),
          );
  return { world, cases, communityCount: world.communityCount };
}

function makeCase(
  world: WorldMaker,
  {
    readerEntitled,
    sharerEntitled,
    reading,
    sharing,
  }: {
    readerEntitled: boolean;
    sharerEntitled: boolean;
    reading: (typeof presences)[number];
    sharing: (typeof presences)[number];
  },
): Case {
  const reader = world.tenant(readerEntitled);
  const sharer = world.tenant(sharerEntitled);
  const community = world.community();
  const readerMembership =
    reading === "GONE" ? null : world.membership(community, reader, reading);
  const sharerMembership =
    sharing === "GONE" ? null : world.membership(community, sharer, sharing);
  const readers = states.flatMap((state) =>
    tenantRoles.flatMap((roles) =>
      (readerMembership ? communityRoles : [null]).map((role) => {
        const identity = world.identity(reader, state, roles);
        if (readerMembership && role)
          world.participate(readerMembership, identity, role);
        return identity;
      }),
    ),
  );
  const streams: Stream[] = [];
  for (const shared of both) {
    const own = [
      ...roleLists.map((list) => world.stream(reader, list)),
      ...readers.flatMap(({ id }) =>
        listsNaming(id).map((list) => world.stream(reader, list)),
      ),
      ...readers.map((identity) => world.stream(reader, [], identity)),
      ...readers.map((identity) =>
        world.stream(
          reader,
          [
            {
              effect: "DENY",
              rights: allRights,
              subject: { identity: identity.id },
            },
          ],
          identity,
        ),
      ),
    ];
    // A foreign reader is governed by shares alone: the sharer's list may say anything.
    const foreign = [[], ...roleLists.slice(-1)].map((list) =>
      world.stream(sharer, list),
    );
    if (shared && readerMembership)
      for (const stream of own) world.share(stream, readerMembership);
    if (shared && sharerMembership)
      for (const stream of foreign) world.share(stream, sharerMembership);
    streams.push(...own, ...foreign);
  }
  return { readers, streams };
}

/** All pairs of states of two communities between the same two tenants: union over shares, pause in one of them. */
export function twoCommunities(): {
  world: World;
  cases: Case[];
  communityCount: number;
} {
  const world = new WorldMaker();
  const cases: Case[] = [];
  const sides = readingStates.flatMap((reading) =>
    sharingStates.map((sharing) => ({ reading, sharing })),
  );
  for (const readerEntitled of both)
    for (const sharerEntitled of both)
      for (const first of sides)
        for (const second of sides) {
          const reader = world.tenant(readerEntitled);
          const sharer = world.tenant(sharerEntitled);
          const identity = world.identity(reader, "LIVE", ["VIEWER"]);
          const stream = world.stream(sharer, []);
          for (const { reading, sharing } of [first, second]) {
            const community = world.community();
            if (reading) {
              const membership = world.membership(
                community,
                reader,
                reading.status,
              );
              if (reading.role)
                world.participate(membership, identity, reading.role);
            }
            if (sharing) {
              const membership = world.membership(
                community,
                sharer,
                sharing.status,
              );
              if (sharing.shared) world.share(stream, membership);
            }
          }
          cases.push({ readers: [identity], streams: [stream] });
        }
  return { world, cases, communityCount: world.communityCount };
}

const statuses = ["ACTIVE", "PAUSED"] as const;
const readingStates = [
  null,
  ...statuses.flatMap((status) =>
    communityRoles.map((role) => ({ status, role })),
  ),
];
const sharingStates = [
  null,
  ...statuses.flatMap((status) => both.map((shared) => ({ status, shared }))),
];

/** A world that is small enough to be asked through the graph, and has every state of each part at least once. */
export function coveringSample(): {
  world: World;
  cases: Case[];
  communityCount: number;
} {
  const world = new WorldMaker();
  const cases: Case[] = [];
  let turn = 0;
  for (const readerEntitled of both)
    for (const sharerEntitled of both)
      for (const reading of presences)
        for (const sharing of presences) {
          const reader = world.tenant(readerEntitled);
          const sharer = world.tenant(sharerEntitled);
          const community = world.community();
          const readerMembership =
            reading === "GONE"
              ? null
              : world.membership(community, reader, reading);
          const sharerMembership =
            sharing === "GONE"
              ? null
              : world.membership(community, sharer, sharing);
          const readers = communityRoles.flatMap((role) =>
            states.map((state) => {
              const identity = world.identity(
                reader,
                state,
                pick(tenantRoles, turn++),
              );
              if (readerMembership && role)
                world.participate(readerMembership, identity, role);
              return identity;
            }),
          );
          const streams = both.flatMap((shared) => {
            const named = pick(readers, turn++).id;
            const own = [
              world.stream(reader, pick(roleLists, turn)),
              world.stream(reader, pick(listsNaming(named), turn)),
              world.stream(
                reader,
                pick(roleLists, turn + 5),
                pick(readers, turn),
              ),
            ];
            const foreign = [
              world.stream(sharer, pick(roleLists, turn)),
              world.stream(sharer, []),
            ];
            if (shared && readerMembership)
              for (const stream of own) world.share(stream, readerMembership);
            if (shared && sharerMembership)
              for (const stream of foreign)
                world.share(stream, sharerMembership);
            return [...own, ...foreign];
          });
          cases.push({ readers, streams });
        }
  return { world, cases, communityCount: world.communityCount };
}

const pick = <T>(list: readonly T[], turn: number): T =>
  list[turn % list.length] as T;
