import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

type Place = Row & { ownerMembership: Membership };

let plant: Row;
let vendor: Row;
let steward: Identity;
let reader: Identity;
let places: [Place, Place];
let readerMemberships: [Membership, Membership];
let streams: [Stream, Stream];

/** The plant's steward and the vendor's reader take part in two communities; nothing is shared yet. */
beforeEach(async () => {
  plant = await seed.tenant();
  vendor = await seed.tenant();
  steward = await seed.user(plant, ["DATA_STEWARD"]);
  reader = await seed.user(vendor);
  places = [await seed.community(plant), await seed.community(plant)];
  readerMemberships = [
    await seed.membership(places[0], vendor),
    await seed.membership(places[1], vendor),
  ];
  for (const { ownerMembership } of places)
    await seed.member(ownerMembership, steward);
  for (const membership of readerMemberships)
    await seed.member(membership, reader);
  streams = [await seed.stream(plant), await seed.stream(plant)];
});

const ids = (rows: readonly (Row | string)[]) =>
  rows.map((row) => (typeof row === "string" ? row : row.uuid));

const share = (
  what: readonly (Row | string)[],
  where: readonly (Row | string)[],
  caller = steward,
) =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: ShareStreamsInput!) { shareStreams(input: $input) {
       id stream { id } community { id } state sharedBy { id } sharedAt } }`,
    { input: { streamIds: ids(what), communityIds: ids(where) } },
  );

const unshare = (
  what: readonly (Row | string)[],
  where?: readonly (Row | string)[],
  caller = steward,
) =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: UnshareStreamsInput!) { unshareStreams(input: $input) {
       applied endedShareIds tenantCount identityCount streamCount stillReadableCount
       streams { id } stillReadable { id } tenants { id } } }`,
    {
      input: {
        streamIds: ids(what),
        ...(where && { communityIds: ids(where) }),
      },
    },
  );

const shared = ({ data }: Answer) =>
  data?.["shareStreams"] as unknown as {
    id: string;
    stream: { id: string };
    community: { id: string };
  }[];

const reads = async (stream: Row, caller = reader) =>
  outcome(
    await run(
      subgraph,
      as(caller),
      `query ($id: ID!) { stream(id: $id) { id } }`,
      { id: stream.uuid },
    ),
  );

describe("sharing", () => {
  test("makes many streams readable in many communities, at once", async () => {
    expect(await reads(streams[0])).toBe("NOT_FOUND");
    const answer = await attempt(database, () => share(streams, places));
    expect(answer.errors).toEqual([]);
    expect(shared(answer)).toEqual(
      streams.flatMap((stream) =>
        places.map((community) => ({
          id: expect.any(String),
          stream: { id: stream.uuid },
          community: { id: community.uuid },
          state: "ACTIVE",
          sharedBy: { id: steward.uuid },
          sharedAt: expect.any(String),
        })),
      ),
    );
    for (const stream of streams) expect(await reads(stream)).toBe("ok");
  });

  test("again answers the shares that there are, adds the missing ones, and records only these", async () => {
    const [first] = shared(await share([streams[0]], [places[0]]));
    const before = await database.owner("ledger.entries");
    const again = shared(await share([streams[0], streams[0]], places));
    expect(again.map(({ community }) => community.id)).toEqual(ids(places));
    expect(again[0]?.id).toBe(first?.id);
    const entries = await database
      .owner("ledger.entries")
      .orderBy("id")
      .offset(before.length);
    expect(entries).toMatchObject([
      {
        kind: "SHARE",
        action: "shareStreams",
        subject_type: "Share",
        subject_id: again[1]?.id,
        tenant_ids: [plant.uuid],
        community_id: places[1].uuid,
        after: { streamId: streams[0].uuid },
      },
    ]);
  });

  test("at once makes one share of each pair", async () => {
    const answers = await Promise.all(
      [1, 2, 3].map(() => share(streams, places)),
    );
    expect(answers.map(outcome)).toEqual(["ok", "ok", "ok"]);
    expect(
      await database.owner("stream.shares").where({ tenant_id: plant.id }),
    ).toHaveLength(4);
  });

  test("while paused is kept, and read on resume", async () => {
    const row = database
      .owner("community.memberships")
      .where({ id: places[0].ownerMembership.id });
    await row.clone().update({ status: "PAUSED" });
    const answer = await share([streams[0]], [places[0]]);
    expect(answer.data?.["shareStreams"]).toMatchObject([{ state: "PAUSED" }]);
    expect(await reads(streams[0])).toBe("NOT_FOUND");
    await row.update({ status: "ACTIVE" });
    expect(await reads(streams[0])).toBe("ok");
  });

  test("of a tenant that lost its entitlement is paused", async () => {
    await share([streams[0]], [places[0]]);
    await database
      .owner("tenant.entitlements")
      .where({ tenant_id: plant.id })
      .delete();
    const { data } = await run(
      subgraph,
      as(steward),
      `query ($id: ID!) { stream(id: $id) { shares { nodes { state } } } }`,
      { id: streams[0].uuid },
    );
    expect(data).toEqual({
      stream: { shares: { nodes: [{ state: "PAUSED" }] } },
    });
    expect(await reads(streams[0])).toBe("NOT_FOUND");
  });

  test("is refused to a tenant that is not entitled", async () => {
    await database
      .owner("tenant.entitlements")
      .where({ tenant_id: plant.id })
      .delete();
    const answer = await attempt(database, () =>
      share([streams[0]], [places[0]]),
    );
    expect(answer.errors).toMatchObject([
      {
        message: expect.stringContaining("entitled"),
        extensions: { code: "FORBIDDEN" },
      },
    ]);
  });

  test("is all or nothing: one stream or community that is not there, or not the caller's to share, refuses all", async () => {
    const foreign = await seed.stream(vendor);
    const kept = await seed.stream(plant, {
      access: [{ rights: 1, role: "DATA_STEWARD" }],
    });
    const apart = await seed.community(plant);
    const strange = await seed.community(vendor);
    for (const [what, where, code, at] of [
      [[streams[0], foreign], places, "NOT_FOUND", "input.streamIds.1"],
      [[streams[0], "x"], places, "NOT_FOUND", "input.streamIds.1"],
      [[streams[0], kept], places, "FORBIDDEN", undefined],
      [streams, [places[0], apart], "NOT_FOUND", "input.communityIds.1"],
      [streams, [places[0], strange], "NOT_FOUND", "input.communityIds.1"],
      [streams, [places[0], "x"], "NOT_FOUND", "input.communityIds.1"],
      [[], places, "BAD_USER_INPUT", "input.streamIds"],
      [streams, [], "BAD_USER_INPUT", "input.communityIds"],
    ] as const) {
      const { errors } = await attempt(database, () => share(what, where));
      expect(errors[0]?.extensions).toEqual({ code, ...(at && { at }) });
    }
  });

  test("refuses more than 10,000 pairs", async () => {
    const { errors } = await share(
      Array.from({ length: 5001 }, () => streams[0]),
      places,
    );
    expect(errors[0]?.extensions).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: 10_000,
      value: 10_002,
    });
  });

  test("of a foreign stream is for nobody", async () => {
    await share([streams[0]], [places[0]]);
    const colleague = await seed.user(vendor, ["DATA_STEWARD"]);
    await seed.member(readerMemberships[0], colleague);
    const answer = await attempt(database, () =>
      share([streams[0]], [places[0]], colleague),
    );
    expect(outcome(answer)).toBe("FORBIDDEN");
  });

  test("waits for a membership that is ending, and then finds it gone", async () => {
    const transaction = await database.owner.transaction();
    await transaction("community.memberships")
      .where({ id: places[0].ownerMembership.id })
      .delete();
    const waiting = share([streams[0]], [places[0]]);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await transaction.commit();
    expect(outcome(await waiting)).toBe("NOT_FOUND");
    expect(
      await database.owner("stream.shares").where({ tenant_id: plant.id }),
    ).toEqual([]);
  });
});

describe("unsharing", () => {
  test("ends current values and history at once, and tells who loses what", async () => {
    await share(streams, places);
    const colleague = await seed.user(vendor);
    await seed.member(readerMemberships[0], colleague);
    const answer = await attempt(database, () => unshare(streams, [places[0]]));
    expect(answer.errors).toEqual([]);
    expect(answer.data?.["unshareStreams"]).toEqual({
      applied: true,
      endedShareIds: [expect.any(String), expect.any(String)],
      tenantCount: 1,
      identityCount: 2,
      streamCount: 2,
      // The other community still gives them to one of the two.
      stillReadableCount: 2,
      streams: ids(streams).map((id) => ({ id })),
      stillReadable: ids(streams).map((id) => ({ id })),
      tenants: [{ id: vendor.uuid }],
    });
    expect(await reads(streams[0], colleague)).toBe("NOT_FOUND");
    expect(await reads(streams[0])).toBe("ok");
    const rest = await unshare(streams);
    expect(rest.data?.["unshareStreams"]).toMatchObject({
      identityCount: 1,
      streamCount: 2,
      stillReadableCount: 0,
    });
    expect(await reads(streams[0])).toBe("NOT_FOUND");
  });

  test("of what nobody could read ends shares and no access", async () => {
    await share(streams, places);
    await database
      .owner("community.memberships")
      .where({ id: places[0].ownerMembership.id })
      .update({ status: "PAUSED" });
    const { data } = await unshare(streams, [places[0]]);
    expect(data?.["unshareStreams"]).toMatchObject({
      endedShareIds: [expect.any(String), expect.any(String)],
      tenantCount: 0,
      identityCount: 0,
      streamCount: 0,
      stillReadableCount: 0,
    });
  });

  test("of what is not shared ends nothing", async () => {
    const { data, errors } = await unshare(streams, places);
    expect(errors).toEqual([]);
    expect(data?.["unshareStreams"]).toMatchObject({ endedShareIds: [] });
  });

  test("is recorded with each share", async () => {
    const [made] = shared(await share([streams[0]], [places[0]]));
    await unshare([streams[0]]);
    const entries = await database
      .owner("ledger.entries")
      .where({ subject_id: made?.id })
      .orderBy("id");
    expect(entries).toMatchObject([
      { action: "shareStreams" },
      {
        kind: "SHARE",
        action: "unshareStreams",
        community_id: places[0].uuid,
        before: { streamId: streams[0].uuid },
      },
    ]);
  });

  test("is all or nothing: a share that the caller may not end refuses all", async () => {
    await share(streams, places);
    const leader = await seed.user(plant, ["CONTRIBUTOR"]);
    await seed.member(places[0].ownerMembership, leader, "MODERATOR");
    await seed.member(places[1].ownerMembership, leader);
    expect(
      outcome(await attempt(database, () => unshare(streams, places, leader))),
    ).toBe("FORBIDDEN");
    // It sees the shares of the community that it leads alone, and these are all it can mean.
    const { data } = await unshare(streams, undefined, leader);
    expect(data?.["unshareStreams"]).toMatchObject({
      endedShareIds: [expect.any(String), expect.any(String)],
    });
    expect(
      await database
        .owner("stream.shares")
        .where({ membership_id: places[1].ownerMembership.id }),
    ).toHaveLength(2);
  });

  test("needs a part in each community of who only may share", async () => {
    const apart = await seed.community(plant);
    await seed.share(streams[0], apart.ownerMembership);
    expect(outcome(await attempt(database, () => unshare([streams[0]])))).toBe(
      "FORBIDDEN",
    );
    const administrator = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
    expect(outcome(await unshare([streams[0]], undefined, administrator))).toBe(
      "ok",
    );
  });

  test("by a role that was taken meanwhile is refused under the lock", async () => {
    await share(streams, [places[0]]);
    const transaction = await database.owner.transaction();
    await transaction("community.memberships")
      .where({ id: places[0].ownerMembership.id })
      .forUpdate();
    await transaction("community.members")
      .where({ identity_id: steward.id })
      .delete();
    const waiting = unshare(streams);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await transaction.commit();
    expect(outcome(await waiting)).toBe("FORBIDDEN");
    expect(
      await database.owner("stream.shares").where({ tenant_id: plant.id }),
    ).toHaveLength(2);
  });
});

describe("shares", () => {
  const query = `query ($id: ID!) { stream(id: $id) {
    shares { totalCount nodes { community { id } sharedBy { id } stream { id } } }
    sharedThrough { totalCount nodes { id community { id } sharedBy { id } state } } } }`;
  const see = async (caller: Identity, stream: Row = streams[0]) =>
    (await run(subgraph, as(caller), query, { id: stream.uuid })).data?.[
      "stream"
    ] as unknown as {
      shares: { totalCount: number; nodes: { community: Row }[] } | null;
      sharedThrough: { totalCount: number; nodes: { id: string }[] };
    };

  test("are the caller's ways in, without who shared", async () => {
    await share(streams, places);
    const apart = await seed.community(plant);
    await seed.share(streams[0], apart.ownerMembership);
    expect(await see(reader)).toMatchObject({
      shares: null,
      sharedThrough: {
        totalCount: 2,
        nodes: expect.arrayContaining(
          places.map(({ uuid }) => ({
            id: expect.any(String),
            community: { id: uuid },
            sharedBy: null,
            state: "ACTIVE",
          })),
        ),
      },
    });
  });

  test("of an own stream are shown whole to who may share it, and to a community's leaders its own part", async () => {
    await share(streams, places);
    expect(await see(steward)).toMatchObject({
      shares: {
        totalCount: 2,
        nodes: [{ sharedBy: { id: steward.uuid } }, {}],
      },
      sharedThrough: { totalCount: 0 },
    });
    const leader = await seed.user(plant);
    await seed.member(places[1].ownerMembership, leader, "ADMINISTRATOR");
    expect(await see(leader)).toMatchObject({
      shares: {
        totalCount: 1,
        nodes: [{ community: { id: places[1].uuid } }],
      },
    });
  });

  test("as entity references are there for their readers and sharers, and for nobody else", async () => {
    const [made] = shared(await share([streams[0]], [places[0]]));
    const reference = async (caller: Identity) =>
      (
        await run(
          subgraph,
          as(caller),
          `query ($id: ID!) { _entities(representations: [{ __typename: "Share", id: $id }]) { ... on Share { stream { id } sharedBy { id } } } }`,
          { id: made?.id },
        )
      ).data?.["_entities"];
    const stream = { id: streams[0].uuid };
    expect(await reference(steward)).toEqual([
      { stream, sharedBy: { id: steward.uuid } },
    ]);
    expect(await reference(reader)).toEqual([{ stream, sharedBy: null }]);
    expect(await reference(await seed.user(plant, ["VIEWER"]))).toEqual([null]);
    expect(
      await reference(await seed.user(vendor, ["ACCOUNT_ADMINISTRATOR"])),
    ).toEqual([null]);
    await unshare([streams[0]]);
    expect(await reference(reader)).toEqual([null]);
  });

  test("end with the membership that made them, and do not return with it", async () => {
    await share([streams[0]], [places[0]]);
    await database
      .owner("community.memberships")
      .where({ id: places[0].ownerMembership.id })
      .delete();
    await seed.membership(places[0], plant);
    expect(await reads(streams[0])).toBe("NOT_FOUND");
  });
});
