import type {
  Acceptance,
  AccessEntry,
  Approval,
  Community,
  CommunityRole,
  Identity,
  Membership,
  Offer,
  Participation,
  Right,
  Share,
  Stream,
  Tenant,
  TenantRole,
  World,
} from "./rules.ts";
import { isLong } from "../support/cases.ts";

/** The parts of a world while it is being made; every part gets the next free id. */
export class WorldMaker implements World {
  readonly tenants: Tenant[] = [];
  readonly identities: Identity[] = [];
  readonly communities: Community[] = [];
  readonly memberships: Membership[] = [];
  readonly offers: Offer[] = [];
  readonly acceptances: Acceptance[] = [];
  readonly approvals: Approval[] = [];
  readonly participations: Participation[] = [];
  readonly streams: Stream[] = [];
  readonly shares: Share[] = [];

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
  community(owner: Tenant): Community {
    return add(this.communities, { owner: owner.id });
  }
  membership(
    community: Community,
    tenant: Tenant,
    presence: Presence,
  ): Membership | null {
    const of = { community: community.id, tenant: tenant.id };
    if (presence === "ACTIVE" || presence === "PAUSED")
      return add(this.memberships, { ...of, status: presence });
    if (presence === "ACCEPTED") this.acceptances.push(of);
    return null;
  }
  /** Where both are in: whether the sharer is asked about the reader, or the reader about the sharer. */
  ask(
    reading: Membership | null,
    sharing: Membership | null,
    approval: Relation["approval"],
  ): void {
    if (!reading || !sharing || approval === "NOT ASKED") return;
    const [asked, newcomer] =
      approval === "ASKED THE OTHER WAY"
        ? [reading, sharing]
        : [sharing, reading];
    this.approvals.push({
      sharing: asked.id,
      newcomer: newcomer.id,
      answer: approval === "ASKED THE OTHER WAY" ? "NONE YET" : approval,
    });
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
/** A tenant that has accepted and is not confirmed, or is not in at all, has no membership. */
const presences = ["ACTIVE", "PAUSED", "ACCEPTED", "GONE"] as const;
type Presence = (typeof presences)[number];
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

/** How a reader's and a sharer's tenant stand to each other in one community. */
interface Relation {
  readonly reading: Presence;
  readonly sharing: Presence;
  readonly approval: Approval["answer"] | "NOT ASKED" | "ASKED THE OTHER WAY";
}

const isIn = (presence: Presence) =>
  presence === "ACTIVE" || presence === "PAUSED";
const approvals = [
  "NOT ASKED",
  "NONE YET",
  "REFUSED",
  "APPROVED",
  "ASKED THE OTHER WAY",
] as const;
const relations: readonly Relation[] = presences.flatMap((reading) =>
  presences.flatMap((sharing) =>
    (isIn(reading) && isIn(sharing) ? approvals : approvals.slice(0, 1)).map(
      (approval) => ({ reading, sharing, approval }),
    ),
  ),
);

const unasked = relations.filter(({ approval }) => approval === "NOT ASKED");

/** One small world: a reader's tenant and a sharer's tenant, and the decisions that are to be compared. */
export interface Case {
  readonly readers: readonly Identity[];
  readonly streams: readonly Stream[];
}

export interface Worlds {
  readonly world: World;
  readonly cases: readonly Case[];
}

interface Meeting {
  readonly reader: Tenant;
  readonly sharer: Tenant;
  readonly community: Community;
  readonly reading: Membership | null;
  readonly sharing: Membership | null;
}

/** Two new tenants in a new community of one of them or of somebody else. */
function meet(
  world: WorldMaker,
  host: Tenant,
  [readerEntitled, sharerEntitled]: readonly [boolean, boolean],
  relation: Relation,
  owner: Party = "host",
): Meeting {
  const reader = world.tenant(readerEntitled);
  const sharer = world.tenant(sharerEntitled);
  const community = world.community({ host, reader, sharer }[owner]);
  const reading = world.membership(community, reader, relation.reading);
  const sharing = world.membership(community, sharer, relation.sharing);
  world.ask(reading, sharing, relation.approval);
  return { reader, sharer, community, reading, sharing };
}

const entitlements = both.flatMap((reader) =>
  both.map((sharer) => [reader, sharer] as const),
);

/**
 * All worlds of one community, those that differ only in independent parts laid side by side: for each relation of
 * two tenants and their entitlements, every reader (state, tenant roles, community role) meets every stream (foreign
 * and own; each list; owned or not; shared or not). Readers of other tenant roles are of tenants of their own: a list
 * that names somebody else says the same of each of them. Lists name and streams are owned by some of the readers.
 */
export function oneCommunity(): Worlds {
  const world = new WorldMaker();
  const host = world.tenant();
  const cases = entitlements.flatMap((entitled) =>
    relations.flatMap((relation) =>
      tenantRoles.map((roles) =>
        makeCase(world, host, entitled, relation, roles),
      ),
    ),
  );
  return { world, cases };
}

function makeCase(
  world: WorldMaker,
  host: Tenant,
  entitled: readonly [boolean, boolean],
  relation: Relation,
  roles: readonly TenantRole[],
): Case {
  const { reader, sharer, community, reading, sharing } = meet(
    world,
    host,
    entitled,
    relation,
  );
  const readers = states.flatMap((state) =>
    (reading ? communityRoles : [null]).map((role) => {
      const identity = world.identity(reader, state, roles);
      if (reading && role) world.participate(reading, identity, role);
      return identity;
    }),
  );
  const named = states.flatMap((state) =>
    some(
      state,
      readers.filter((identity) => identity.state === state),
      community.id,
    ),
  );
  const streams: Stream[] = [];
  for (const shared of both) {
    const own = [
      ...roleLists.map((list) => world.stream(reader, list)),
      ...named.flatMap(({ id }) =>
        listsNaming(id).map((list) => world.stream(reader, list)),
      ),
      ...named.map((identity) => world.stream(reader, [], identity)),
      ...named.map((identity) =>
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
    if (shared && reading)
      for (const stream of own) world.share(stream, reading);
    if (shared && sharing)
      for (const stream of foreign) world.share(stream, sharing);
    streams.push(...own, ...foreign);
  }
  return { readers, streams };
}

/**
 * All pairs of states of two communities between the same two tenants: union over shares, pause or a wait in one of
 * them. Whoever waits was not answered in the first and refused in the second. Where a tenant is not entitled nothing
 * is open, and which one comes first matters in the long mode alone.
 */
export function twoCommunities(): Worlds {
  const world = new WorldMaker();
  const host = world.tenant();
  const cases: Case[] = [];
  for (const [readerEntitled, sharerEntitled] of entitlements)
    for (const [i, first] of sides.entries())
      for (const second of (readerEntitled && sharerEntitled) || isLong
        ? sides
        : sides.slice(i)) {
        const reader = world.tenant(readerEntitled);
        const sharer = world.tenant(sharerEntitled);
        const identity = world.identity(reader, "LIVE", ["VIEWER"]);
        const stream = world.stream(sharer, []);
        for (const { reading, sharing, waits } of [first, second]) {
          const community = world.community(host);
          const readingHere =
            reading && world.membership(community, reader, reading.status);
          if (readingHere && reading.role)
            world.participate(readingHere, identity, reading.role);
          const sharingHere =
            sharing && world.membership(community, sharer, sharing.status);
          if (sharingHere && sharing.shared) world.share(stream, sharingHere);
          if (waits)
            world.ask(
              readingHere,
              sharingHere,
              community.id % 2 ? "NONE YET" : "REFUSED",
            );
        }
        cases.push({ readers: [identity], streams: [stream] });
      }
  return { world, cases };
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
const sides = readingStates.flatMap((reading) =>
  sharingStates.flatMap((sharing) =>
    (reading && sharing ? [false, true] : [false]).map((waits) => ({
      reading,
      sharing,
      waits,
    })),
  ),
);

/**
 * All worlds of one community with its ownership in every state: owned by the reader's tenant, the sharer's or
 * another, and offered to nobody or to each of the others that is in; openly, accepted, or due.
 */
export function ownerships(): Worlds {
  const world = new WorldMaker();
  const host = world.tenant();
  const cases: Case[] = [];
  for (const entitled of entitlements)
    for (const relation of relations)
      for (const { owner, offer } of ownershipsOf(relation)) {
        const meeting = meet(world, host, entitled, relation, owner);
        const { reader, sharer, community, reading, sharing } = meeting;
        const hosting = world.membership(community, host, "ACTIVE");
        const offered = { host: hosting, reader: reading, sharer: sharing };
        if (offer)
          world.offers.push({
            community: community.id,
            membership: offered[offer.to]?.id as number,
            state: offer.state,
          });
        const readers = (reading ? communityRoles : [null]).map((role) => {
          const identity = world.identity(reader, "LIVE", ["VIEWER"]);
          if (reading && role) world.participate(reading, identity, role);
          return identity;
        });
        const own = world.stream(reader, roleLists.at(-1) ?? []);
        const foreign = both.map(() => world.stream(sharer, []));
        if (reading) world.share(own, reading);
        if (sharing && foreign[0]) world.share(foreign[0], sharing);
        cases.push({ readers, streams: [own, ...foreign] });
      }
  return { world, cases };
}

const parties = ["host", "reader", "sharer"] as const;
type Party = (typeof parties)[number];

function ownershipsOf({ reading, sharing }: Relation) {
  const present = { host: true, reader: isIn(reading), sharer: isIn(sharing) };
  const inside = parties.filter((party) => present[party]);
  return inside.flatMap((owner) => [
    { owner, offer: null },
    ...inside
      .filter((to) => to !== owner)
      .flatMap((to) =>
        (["OPEN", "ACCEPTED", "DUE"] as const).map((state) => ({
          owner,
          offer: { to, state },
        })),
      ),
  ]);
}

/**
 * A world that is small enough to be asked through the graph, and has every state of each part at least once.
 */
export function coveringSample(): Worlds {
  const world = new WorldMaker();
  const host = world.tenant();
  const cases: Case[] = [];
  let turn = 0;
  for (const entitled of entitlements)
    for (const relation of entitled.every(Boolean) ? relations : unasked) {
      const { reader, sharer, reading, sharing } = meet(
        world,
        host,
        entitled,
        relation,
      );
      const readers = states.flatMap((state, i) =>
        some(state, communityRoles, cases.length + i).map((role) => {
          const identity = world.identity(
            reader,
            state,
            pick(tenantRoles, turn++),
          );
          if (reading && role) world.participate(reading, identity, role);
          return identity;
        }),
      );
      const streams = both.flatMap((shared) => {
        const named = pick(readers, turn++).id;
        const own = [
          world.stream(reader, pick(roleLists, turn)),
          world.stream(reader, pick(listsNaming(named), turn)),
          world.stream(reader, pick(roleLists, turn + 5), pick(readers, turn)),
        ];
        const foreign = [
          world.stream(sharer, pick(roleLists, turn)),
          world.stream(sharer, []),
        ];
        if (shared && reading)
          for (const stream of own) world.share(stream, reading);
        if (shared && sharing)
          for (const stream of foreign) world.share(stream, sharing);
        return [...own, ...foreign];
      });
      cases.push({ readers, streams });
    }
  return { world, cases };
}

/** Of what is disabled or removed one each, in the next case another one; in the long mode all of it. */
const some = <T>(
  state: Identity["state"],
  list: readonly T[],
  turn: number,
): readonly T[] => (state === "LIVE" || isLong ? list : [pick(list, turn)]);

const pick = <T>(list: readonly T[], turn: number): T =>
  list[turn % list.length] as T;
