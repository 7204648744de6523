import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { untilWaiting } from "../support/waiting.ts";
import {
  callers,
  seedWorld,
  streamSubgraph,
  type Caller,
  type StreamWorld,
} from "./world.ts";

interface List<Node> {
  totalCount: number;
  nodes: Node[];
}
interface Reader {
  name: string;
  isPseudonym: boolean;
  kind: string;
  role: string | null;
  tenant: { id: string };
  share: { id: string } | null;
  community: { id: string } | null;
}
interface Access {
  share: { id: string };
  tenant: { id: string };
  since: string;
}
interface Tenant {
  shares: List<{ id: string }> | null;
  access: { given: List<Access>; received: List<Access> } | null;
}

type Place = Row & { ownerMembership: Membership };

let database: TestDatabase;
let subgraph: Subgraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
});
afterAll(() => database.drop());

async function readersOf(
  viewer: Viewer,
  { uuid }: Row,
): Promise<List<Reader> | null> {
  const answer = await run(
    subgraph,
    viewer,
    `{ stream(id: "${uuid}") { readers(first: 1000) { totalCount
         nodes { name isPseudonym kind role tenant { id } share { id } community { id } } } } }`,
  );
  expect(answer.errors).toEqual([]);
  return (answer.data?.["stream"] as unknown as { readers: List<Reader> })
    .readers;
}

async function askTenant(
  viewer: Viewer,
  { uuid }: Row,
  { ofShares = "", ofAccess = "" } = {},
) {
  const list = "totalCount nodes { share { id } tenant { id } since }";
  return run(
    subgraph,
    viewer,
    `{ _entities(representations: [{ __typename: "Tenant", id: "${uuid}" }]) { ... on Tenant {
         shares${ofShares} { totalCount nodes { id } }
         access${ofAccess} { given { ${list} } received { ${list} } } } } }`,
  );
}

async function tenantAs(
  ...[viewer, tenant, args]: Parameters<typeof askTenant>
): Promise<Tenant> {
  const answer = await askTenant(viewer, tenant, args);
  expect(answer.errors).toEqual([]);
  return (answer.data?.["_entities"] as unknown as [Tenant])[0];
}

describe("of a stream that the plant shares with the partner,", () => {
  let world: StreamWorld;
  beforeAll(async () => {
    world = await seedWorld(database);
  });

  // Nine of the plant read by its list; of the partner DS, MEMBER, MODERATOR and a client by the share.
  const all = 9 + 4;
  const byShare = 4;
  /** readers: how many are told, S8. shares, given, received: how many, T4. A dash: null. */
  const expected: readonly [Caller, string][] = [
    ["plant: AA, no role", `${all} 1 1 0`],
    ["plant: AA, MEMBER", `${all} 1 1 0`],
    ["plant: DS, no role", `${all} 1 1 0`],
    ["plant: DS, MEMBER", `${all} 1 1 0`],
    ["plant: CONTRIBUTOR, no role", "- - - -"],
    ["plant: CONTRIBUTOR, MEMBER", "- - - -"],
    ["plant: VIEWER, no role", "- - - -"],
    ["plant: VIEWER, MEMBER", "- - - -"],
    ["plant: none, no role", "N - - -"],
    ["plant: none, MEMBER", "N - - -"],
    ["plant: none, MODERATOR", `${byShare} 1 1 0`],
    ["plant: none, ADMINISTRATOR", `${byShare} 1 1 0`],
    ["plant: owner of the stream, no role", "- - - -"],
    ["plant: denied by name DS, MEMBER", "- 1 1 0"],
    ["partner: AA, no role", "N 0 0 0"],
    ["partner: DS, MEMBER", "- 0 0 1"],
    ["partner: none, MEMBER", "- - - -"],
    ["partner: none, MODERATOR", "- 0 0 1"],
    ["partner: client, MEMBER", "- - - -"],
    ["unentitled: AA, MEMBER", "N 0 0 0"],
    ["former: AA, was MEMBER", "N 0 0 0"],
    ["stranger: AA, not in", "N 0 0 0"],
  ];

  test.each(expected)("%s is told: %s", async (caller, told) => {
    const viewer = world.viewers[caller];
    const own = world.tenants[caller.split(":")[0] ?? ""] as Row;
    const { shares, access } = await tenantAs(viewer, own);
    const stream = await run(
      subgraph,
      viewer,
      `{ stream(id: "${world.stream.uuid}") { readers { totalCount nodes { name } } } }`,
    );
    const { readers } = (stream.data?.["stream"] ?? {
      readers: null,
    }) as unknown as { readers: List<object> | null };
    const count = (list: List<unknown> | null | undefined) => {
      expect(list?.nodes.length).toBe(list?.totalCount);
      return list?.totalCount ?? "-";
    };
    expect(
      [
        outcome(stream) === "NOT_FOUND" ? "N" : count(readers),
        count(shares),
        count(access?.given),
        count(access?.received),
      ].join(" "),
    ).toBe(told);
  });

  test("everybody else is not answered", async () => {
    const named = new Set<string>(expected.map(([caller]) => caller));
    const others = callers.filter((caller) => !named.has(caller));
    expect(others).toHaveLength(5);
    for (const caller of others) {
      const answer = await askTenant(
        world.viewers[caller],
        world.tenants["plant"] as Row,
      );
      expect([caller, outcome(answer), answer.data?.["_entities"]]).toEqual(
        caller.includes("person")
          ? [caller, "ok", [{ shares: null, access: null }]]
          : [caller, "UNAUTHENTICATED", undefined],
      );
    }
  });

  test("nobody is told of another tenant than its own", async () => {
    for (const [caller] of expected)
      for (const [name, tenant] of Object.entries(world.tenants))
        if (!caller.startsWith(name))
          expect(await tenantAs(world.viewers[caller], tenant)).toEqual({
            shares: null,
            access: null,
          });
  });

  test("each reader is told with tenant, name, kind, share, community and role", async () => {
    const readers = await readersOf(
      world.viewers["plant: AA, no role"],
      world.stream,
    );
    const { plant, partner } = world.tenants;
    expect(
      readers?.nodes
        .filter(({ share }) => share === null)
        .every(
          ({ tenant, community, role }) =>
            tenant.id === plant?.uuid && community === null && role === null,
        ),
    ).toBe(true);
    const foreign = readers?.nodes.filter(({ share }) => share !== null) ?? [];
    expect(foreign.map(({ kind, role }) => `${kind} ${role}`).sort()).toEqual([
      "CLIENT MEMBER",
      "USER MEMBER",
      "USER MEMBER",
      "USER MODERATOR",
    ]);
    for (const reader of foreign)
      expect(reader).toMatchObject({
        name: expect.stringMatching(/^(user|client) \d+$/),
        isPseudonym: false,
        tenant: { id: partner?.uuid },
        share: { id: world.share.uuid },
        community: { id: world.community.uuid },
      });
  });

  test("a malformed or unknown community of a filter adds nothing and tells nothing", async () => {
    for (const id of ["nonsense", world.stream.uuid, "\\u0000"]) {
      const of = `(communityId: "${id}")`;
      const { shares, access } = await tenantAs(
        world.viewers["plant: AA, no role"],
        world.tenants["plant"] as Row,
        { ofShares: of, ofAccess: of },
      );
      expect([
        shares?.totalCount,
        access?.given.totalCount,
        access?.received.totalCount,
      ]).toEqual([0, 0, 0]);
    }
  });
});

describe("pseudonyms:", () => {
  let seed: Seed;
  let vendor: Row;
  let steward: Identity;
  let otherSteward: Identity;
  let streams: [Stream, Stream];
  let reader: Identity;
  let crowded: Stream;
  let crowdedToo: Stream;
  beforeAll(async () => {
    seed = new Seed(database.owner);
    const plant = await seed.tenant("Pseudonyms' plant");
    const other = await seed.tenant("Pseudonyms' other plant");
    vendor = await seed.tenant("Pseudonyms' vendor");
    const community = await seed.community(plant);
    const otherMembership = await seed.membership(community, other);
    const vendorMembership = await seed.membership(community, vendor);
    steward = await seed.user(plant, ["DATA_STEWARD"]);
    otherSteward = await seed.user(other, ["DATA_STEWARD"]);
    reader = await seed.user(vendor, ["DATA_STEWARD"]);
    await seed.member(vendorMembership, reader);
    streams = [await seed.stream(plant), await seed.stream(other)];
    await seed.share(streams[0], community.ownerMembership);
    await seed.share(streams[1], otherMembership);
    // In a second community, between a tenant before and one after.
    crowded = await seed.stream(plant);
    const second = await seed.community(plant);
    await seed.share(crowded, second.ownerMembership);
    for (const [tenant, count] of [
      [other, 2],
      [vendor, 8],
      [await seed.tenant(), 2],
    ] as const) {
      const membership = await seed.membership(second, tenant);
      if (tenant === other) {
        crowdedToo = await seed.stream(other);
        await seed.share(crowdedToo, membership);
      }
      for (let n = 0; n < count; n += 1) {
        const member = await seed.user(tenant);
        await database
          .owner("tenant.identities")
          .where({ id: member.id })
          .update({ name: ["same", "Zoë", "zebra", "Same"][n % 4] });
        await seed.member(membership, member);
      }
    }
  });

  const choose = (usesPseudonyms: boolean) =>
    database
      .owner("tenant.tenants")
      .where({ id: vendor.id })
      .update({ uses_pseudonyms: usesPseudonyms });
  const foreignReader = async (by: Identity, stream: Stream) =>
    (await readersOf(as(by), stream))?.nodes.find(
      ({ tenant }) => tenant.id === vendor.uuid,
    );

  test("where a tenant chose so, its identities are told by one that stays, another for each sharer", async () => {
    const named = await foreignReader(steward, streams[0]);
    await choose(true);
    const first = await foreignReader(steward, streams[0]);
    const second = await foreignReader(otherSteward, streams[1]);
    expect(first).toEqual({
      ...named,
      name: expect.stringMatching(/^reader [0-9a-f]{16}$/),
      isPseudonym: true,
    });
    expect(second?.isPseudonym).toBe(true);
    expect(second?.name).not.toBe(first?.name);
    expect(await foreignReader(steward, streams[0])).toEqual(first);
    await choose(false);
    expect(await foreignReader(steward, streams[0])).toEqual(named);
    await choose(true);
    expect(await foreignReader(steward, streams[0])).toEqual(first);
  });

  test("neither a cursor nor anything else in the list tells who it is", async () => {
    await choose(true);
    const ask = async () =>
      JSON.stringify(
        (
          await run(
            subgraph,
            as(steward),
            `{ stream(id: "${streams[0].uuid}") { readers { edges { cursor node { name } } } } }`,
          )
        ).data,
      );
    const answer = await ask();
    const cursors = [...answer.matchAll(/"cursor":"([^"]+)"/g)].map(
      ([, cursor = ""]) => Buffer.from(cursor, "base64url").toString(),
    );
    expect(cursors).toHaveLength(2);
    for (const text of [answer, ...cursors])
      expect(text).not.toContain(reader.uuid);
    expect(JSON.parse(cursors[1] ?? "[]")).not.toContain(String(reader.id));
    // A cursor from before the choice has nothing in common with the pseudonym.
    const pseudonym = /reader ([0-9a-f]{16})/.exec(answer)?.[1] ?? "missing";
    await choose(false);
    const before = [...(await ask()).matchAll(/"cursor":"([^"]+)"/g)].map(
      ([, cursor = ""]) => Buffer.from(cursor, "base64url").toString(),
    );
    expect(before.join()).not.toContain(pseudonym);
  });

  test.each([false, true])(
    "a list of them is the same in whole and by pages: %s",
    async (usesPseudonyms) => {
      await choose(usesPseudonyms);
      const { nodes = [] } = (await readersOf(as(steward), crowded)) ?? {};
      expect(
        nodes.filter(({ tenant }) => tenant.id === vendor.uuid),
      ).toHaveLength(8);
      const page = async (args: string) => {
        const answer = await run(
          subgraph,
          as(steward),
          `{ stream(id: "${crowded.uuid}") { readers(${args}) { edges { cursor node { name } } } } }`,
        );
        expect(answer.errors).toEqual([]);
        const { readers } = answer.data?.["stream"] as unknown as {
          readers: { edges: { cursor: string; node: { name: string } }[] };
        };
        return readers.edges;
      };
      const all = await page("first: 1000");
      expect(all.map(({ node }) => node.name)).toEqual(
        nodes.map(({ name }) => name),
      );
      for (const [n, { cursor }] of all.entries()) {
        expect(await page(`first: 3, after: "${cursor}"`)).toEqual(
          all.slice(n + 1, n + 4),
        );
        expect(await page(`last: 3, before: "${cursor}"`)).toEqual(
          all.slice(Math.max(0, n - 3), n),
        );
      }
    },
  );

  test("it goes by their names as far as it shows them, and by nothing that two sharers have in common where it does not", async () => {
    const shown = async (by: Identity, stream: Stream) =>
      ((await readersOf(as(by), stream))?.nodes ?? [])
        .filter(({ tenant }) => tenant.id === vendor.uuid)
        .map(({ name }) => name);
    await choose(false);
    const names = (await shown(steward, crowded)).map((name) =>
      name.toLowerCase(),
    );
    expect(names).toEqual(names.toSorted());
    await choose(true);
    const orders: number[][] = [];
    for (const [by, stream] of [
      [steward, crowded],
      [otherSteward, crowdedToo],
    ] as const) {
      const { rows } = await database.owner.raw<{
        rows: { id: number; name: string }[];
      }>(
        `select i.id, n.name from tenant.identities i
         cross join lateral tenant.introduce(i.id, ?) n where i.tenant_id = ?`,
        [by.tenantId, vendor.id],
      );
      const ids = new Map(rows.map(({ id, name }) => [name, id]));
      orders.push(
        (await shown(by, stream)).map((name) => ids.get(name) ?? NaN),
      );
    }
    const [one = [], other = []] = orders;
    const inOrder = one.toSorted((a, b) => a - b);
    expect(other.toSorted((a, b) => a - b)).toEqual(inOrder);
    expect(one).not.toEqual(other);
    for (const order of orders) expect(order).not.toEqual(inOrder);
  });

  test("the own tenant's identities are told by name all the same", async () => {
    await choose(true);
    const own = await seed.stream(vendor);
    const readers = await readersOf(as(reader), own);
    expect(readers?.nodes).toMatchObject([
      { name: expect.stringMatching(/^user/) as unknown, isPseudonym: false },
    ]);
  });
});

describe("what is new since a time:", () => {
  let plant: Row;
  let vendor: Row;
  let late: Row;
  let steward: Identity;
  let moderator: Identity;
  let shares: { old: Row; new: Row };
  let communities: [Place, Place];
  beforeAll(async () => {
    const seed = new Seed(database.owner);
    plant = await seed.tenant("Since: plant");
    vendor = await seed.tenant("Since: vendor");
    late = await seed.tenant("Since: late");
    const place = await seed.community(plant);
    const otherPlace = await seed.community(plant);
    communities = [place, otherPlace];
    steward = await seed.user(plant, ["DATA_STEWARD"]);
    moderator = await seed.user(late);
    const memberships: [Membership, Membership] = [
      await seed.membership(place, vendor),
      await seed.membership(place, late),
    ];
    await seed.member(memberships[0], await seed.user(vendor));
    await seed.member(memberships[1], moderator, "MODERATOR");
    const [old, recent, elsewhere] = [
      await seed.stream(plant),
      await seed.stream(plant),
      await seed.stream(plant),
    ];
    shares = {
      old: await seed.share(old, place.ownerMembership),
      new: await seed.share(recent, place.ownerMembership),
    };
    await seed.share(elsewhere, otherPlace.ownerMembership);
    const date = (table: string, id: number, values: object) =>
      database.owner(table).where({ id }).update(values);
    await date("stream.shares", shares.old.id, { shared_at: "2026-01-01" });
    await date("stream.shares", shares.new.id, { shared_at: "2026-03-01" });
    await date("community.memberships", memberships[0].id, {
      joined_at: "2025-01-01",
    });
    await date("community.memberships", memberships[1].id, {
      joined_at: "2026-02-01",
    });
  });

  const told = ({ nodes }: List<Access>) =>
    nodes.map(({ share, tenant, since }) =>
      [
        share.id === shares.old.uuid ? "old share" : "new share",
        [plant, vendor, late].find(({ uuid }) => uuid === tenant.id) === late
          ? "late"
          : tenant.id === plant.uuid
            ? "plant"
            : "vendor",
        since.slice(0, 10),
      ].join(", "),
    );

  test.each([
    [
      null,
      [
        "old share, vendor, 2026-01-01",
        "old share, late, 2026-02-01",
        "new share, vendor, 2026-03-01",
        "new share, late, 2026-03-01",
      ],
    ],
    [
      "2026-02-01T00:00:00Z",
      [
        "old share, late, 2026-02-01",
        "new share, vendor, 2026-03-01",
        "new share, late, 2026-03-01",
      ],
    ],
    [
      "2026-02-02T00:00:00Z",
      ["new share, vendor, 2026-03-01", "new share, late, 2026-03-01"],
    ],
    ["2026-04-01T00:00:00Z", []],
  ])("given since %s: %j", async (since, expected) => {
    const { access } = await tenantAs(as(steward), plant, {
      ofAccess: since ? `(since: "${since}")` : "",
    });
    expect(access && told(access.given)).toEqual(expected);
    expect(access?.given.totalCount).toBe(expected.length);
  });

  test.each([
    [null, ["old share, plant, 2026-02-01", "new share, plant, 2026-03-01"]],
    ["2026-02-15T00:00:00Z", ["new share, plant, 2026-03-01"]],
  ])("received since %s: %j", async (since, expected) => {
    const { access } = await tenantAs(as(moderator), late, {
      ofAccess: since ? `(since: "${since}")` : "",
    });
    expect(access && told(access.received)).toEqual(expected);
    expect(access?.received.totalCount).toBe(expected.length);
  });

  test("by community, shares and access are those in it alone", async () => {
    const counts = await Promise.all(
      communities.map(async ({ uuid }) => {
        const of = `(communityId: "${uuid}")`;
        const { shares, access } = await tenantAs(as(steward), plant, {
          ofShares: of,
          ofAccess: of,
        });
        return [shares?.totalCount, access?.given.totalCount];
      }),
    );
    expect(counts).toEqual([
      [2, 4],
      [1, 0],
    ]);
    const received = await Promise.all(
      communities.map(async ({ uuid }) => {
        const { access } = await tenantAs(as(moderator), late, {
          ofAccess: `(communityId: "${uuid}")`,
        });
        return access?.received.totalCount;
      }),
    );
    expect(received).toEqual([2, 0]);
  });

  test("what was shared after a wait is as new as the end of the wait", async () => {
    const place = communities[0];
    const seed = new Seed(database.owner);
    const stream = await seed.stream(plant);
    const member = await seed.user(plant, ["DATA_STEWARD"]);
    await seed.member(place.ownerMembership, member);
    const { shared, asked } = await database.owner.transaction(
      async (transaction) => {
        await transaction.raw(
          "select from community.memberships where id = ? for update",
          [place.ownerMembership.id],
        );
        const shared = run(
          subgraph,
          as(member),
          `mutation { shareStreams(input: { streamIds: ["${stream.uuid}"], communityIds: ["${place.uuid}"] }) { id } }`,
        );
        await untilWaiting(transaction);
        const { rows } = await transaction.raw<{ rows: [{ asked: string }] }>(
          "select clock_timestamp() as asked",
        );
        return { shared, ...rows[0] };
      },
    );
    const { data } = await shared;
    const [{ id }] = data?.["shareStreams"] as unknown as [{ id: string }];
    const { access } = await tenantAs(as(steward), plant, {
      ofAccess: `(since: "${asked}")`,
    });
    expect(access?.given.nodes.map(({ share }) => share.id)).toEqual([id, id]);
  });
});

describe("what a tenant receives goes by community and time, whole and by pages,", () => {
  test.each([3, 34])("of %d communities among many", async (count) => {
    const seed = new Seed(database.owner);
    const [partner, stranger, tenant] = [
      await seed.tenant(),
      await seed.tenant(),
      await seed.tenant(),
    ];
    const steward = await seed.user(tenant, ["DATA_STEWARD"]);
    const streams = [await seed.stream(partner), await seed.stream(partner)];
    for (let n = 0; n < count; n += 1) {
      const community = await seed.community(partner);
      for (const stream of streams)
        await seed.share(stream, community.ownerMembership);
      const membership = await seed.membership(community, tenant);
      await seed.member(membership, steward);
    }
    const strange = await seed.stream(stranger);
    for (let n = 0; n < 40; n += 1)
      await seed.share(
        strange,
        (await seed.community(stranger)).ownerMembership,
      );
    // In no order, and after those of others for a long stretch.
    await database.owner.raw(
      `update stream.shares set shared_at = date_trunc('day', now())
         + make_interval(mins => case when tenant_id = ? then 10 else mod(id, 7) * 3 end)
       where tenant_id in (?, ?)`,
      [stranger.id, stranger.id, partner.id],
    );
    await database.owner.raw(
      `update community.memberships set joined_at = date_trunc('day', now()) + make_interval(mins => mod(id, 5) * 4)
       where tenant_id = ?`,
      [tenant.id],
    );
    const { rows } = await database.owner.raw<{ rows: [{ day: string }] }>(
      `select date_trunc('day', now()) as day`,
    );
    const startOfDay = Date.parse(rows[0].day);
    const expectedSince = async (since: string | null) => {
      const { rows } = await database.owner.raw<{ rows: { uuid: string }[] }>(
        `select h.uuid from stream.shares h
         join community.memberships m on m.community_id = h.community_id and m.tenant_id = ?
         where h.tenant_id = ? and greatest(h.shared_at, m.joined_at) >= coalesce(?::timestamptz, '-infinity')
         order by m.id, h.shared_at, h.uuid`,
        [tenant.id, partner.id, since],
      );
      return rows.map(({ uuid }) => uuid);
    };
    const page = async (
      args: string,
      since: string | null,
      expected: string[],
    ) => {
      const answer = await run(
        subgraph,
        as(steward),
        `{ _entities(representations: [{ __typename: "Tenant", id: "${tenant.uuid}" }]) { ... on Tenant {
             access(since: ${JSON.stringify(since)}) {
               received(${args}) { totalCount edges { cursor node { share { id } } } } } } } }`,
      );
      expect(answer.errors).toEqual([]);
      const [{ access }] = answer.data?.["_entities"] as unknown as [
        {
          access: {
            received: {
              totalCount: number;
              edges: { cursor: string; node: { share: { id: string } } }[];
            };
          };
        },
      ];
      expect(access.received.totalCount).toBe(expected.length);
      return access.received.edges;
    };
    // Since ever, and since a minute with much news, with some, with little and with none.
    for (const minute of [null, 0, 11, 17, 30]) {
      const since =
        minute === null
          ? null
          : new Date(startOfDay + minute * 60_000).toISOString();
      const expected = await expectedSince(since);
      const all = await page("first: 1000", since, expected);
      expect(all.map(({ node }) => node.share.id)).toEqual(expected);
      for (const [n, { cursor }] of all.entries()) {
        if (n % 12 !== 0) continue;
        expect(
          await page(`first: 3, after: "${cursor}"`, since, expected),
        ).toEqual(all.slice(n + 1, n + 4));
        expect(
          await page(`last: 3, before: "${cursor}"`, since, expected),
        ).toEqual(all.slice(Math.max(0, n - 3), n));
      }
    }
  });
});
