import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { randomUUID } from "node:crypto";
import { createLogger } from "../../common/log.ts";
import type { Subgraph } from "../../common/schema.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { storeEvents } from "../../subgraphs/stream/event/actions.ts";
import { columnsFrom } from "../../subgraphs/stream/event/columns.ts";
import { removeLeftovers } from "../../subgraphs/stream/event/leftover-store.ts";
import { keepEvents } from "../../subgraphs/stream/event/upkeep-store.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { attempt, everythingWritten } from "../support/written.ts";
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

let plant: Row;
let contributor: Identity;
let administrator: Identity;
let reader: Identity;
let place: Row & { ownerMembership: Membership };
let stream: Stream;
beforeEach(async () => {
  plant = await seed.tenant();
  const vendor = await seed.tenant();
  contributor = await seed.user(plant, ["CONTRIBUTOR"]);
  administrator = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
  reader = await seed.user(vendor);
  place = await seed.community(plant);
  await seed.member(await seed.membership(place, vendor), reader);
  stream = await seed.stream(plant, { name: "Flow of the deep well" });
  await seed.events(stream, 5);
  await seed.share(stream, place.ownerMembership);
});

const remove = (id: string, caller: Identity = contributor) =>
  run(subgraph, as(caller), `mutation ($id: ID!) { deleteStream(id: $id) }`, {
    id,
  });

const removeMany = (streamIds: readonly string[], caller = administrator) =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: DeleteStreamsInput!) { deleteStreams(input: $input) { applied endedShareIds } }`,
    { input: { streamIds } },
  );

const leftovers = async () => {
  const { rows } = await database.owner.raw<{ rows: { count: number }[] }>(
    "select count(*) from stream.events where tenant_id = ? and stream_id = ?",
    [stream.tenantId, stream.id],
  );
  return rows[0]?.count;
};

const removeAll = async () => {
  while (await removeLeftovers(database.as("stream")));
};

describe("a deleted stream", () => {
  test.each([
    [
      "stream",
      `($id: ID!) { stream(id: $id) { id } }`,
      { stream: { id: expect.any(String) } },
      { stream: null },
    ],
    [
      "search",
      `{ streams(search: "deep well") { totalCount } }`,
      { streams: { totalCount: 1 } },
      { streams: { totalCount: 0 } },
    ],
    [
      "entity reference",
      `($id: ID!) { _entities(representations: [{ __typename: "Stream", id: $id }]) { ... on Stream { last { value } } } }`,
      { _entities: [{ last: { value: 4 } }] },
      { _entities: [null] },
    ],
    [
      "events",
      `($id: ID!) { streamEvents(ids: [$id], window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }) { rowCount } }`,
      { streamEvents: [{ rowCount: 5 }] },
      { streamEvents: [null] },
    ],
  ])(
    "is gone for its tenant and for its readers at once: %s",
    async (_, query, before, after) => {
      const looks = async () =>
        Promise.all(
          [administrator, reader].map(async (caller) => {
            const variables = { id: stream.uuid };
            const answer = await run(
              subgraph,
              as(caller),
              `query ${query}`,
              variables,
            );
            return answer.data;
          }),
        );
      expect(await looks()).toEqual([before, before]);
      const answer = await attempt(database, () => remove(stream.uuid));
      expect(answer).toMatchObject({ data: { deleteStream: stream.uuid } });
      expect(await looks()).toEqual([after, after]);
    },
  );

  test("leaves no share, no word, no last event, and no events in the end", async () => {
    await remove(stream.uuid);
    const key = { tenant_id: stream.tenantId, stream_id: stream.id };
    for (const table of ["shares", "words", "latest", "property_overrides"])
      expect(await database.owner(`stream.${table}`).where(key)).toEqual([]);
    expect(await leftovers()).toBe(5);
    await removeAll();
    expect(await leftovers()).toBe(0);
    expect(await database.owner("stream.leftovers")).toEqual([]);
  });

  test("frees its external id, and never its own", async () => {
    const row = await database
      .owner("stream.streams as s")
      .join("stream.namespaces as n", "n.id", "s.namespace_id")
      .join("stream.stream_types as y", "y.id", "s.type_id")
      .where({ "s.id": stream.id })
      .first<{ namespaceId: string; typeId: string; externalId: string }>({
        namespaceId: "n.uuid",
        typeId: "y.uuid",
        externalId: "s.external_id",
      });
    await remove(stream.uuid);
    const answer = await run(
      subgraph,
      as(contributor),
      `mutation ($input: CreateStreamInput!) { createStream(input: $input) { id last { value } } }`,
      { input: row },
    );
    expect(answer.data).toEqual({
      createStream: { id: expect.any(String), last: null },
    });
    const created = answer.data?.["createStream"] as unknown as { id: string };
    expect(created.id).not.toBe(stream.uuid);
    await removeAll();
  });

  test("is told in the ledger with each share, and to the communities that lose it", async () => {
    const share = await database
      .owner("stream.shares")
      .where({ stream_id: stream.id })
      .first<{ uuid: string }>("uuid");
    await remove(stream.uuid);
    const entries = await database
      .owner("ledger.entries")
      .where({ actor_identity: contributor.uuid })
      .orderBy("id");
    expect(entries).toMatchObject([
      {
        action: "deleteStreams",
        kind: "SHARE",
        subject_id: share?.uuid,
        before: { streamId: stream.uuid },
      },
      { action: "deleteStreams", kind: "STREAM", subject_id: stream.uuid },
    ]);
    const notices = await database
      .owner("mail.notices")
      .where({ kind: "STREAMS_UNSHARED", community: place.uuid });
    expect(notices).toHaveLength(1);
  });

  test("tells how many colleagues lose it to those alone who may know who reads it", async () => {
    const count = async (caller: Identity) => {
      const { data } = await run(
        subgraph,
        as(caller),
        `mutation ($input: DeleteStreamsInput!) { deleteStreams(input: $input) { tenantCount identityCount streamCount } }`,
        { input: { streamIds: [stream.uuid], dryRun: true } },
      );
      return data?.["deleteStreams"];
    };
    expect(await count(administrator)).toEqual({
      tenantCount: 2,
      identityCount: 3,
      streamCount: 1,
    });
    expect(await count(contributor)).toEqual({
      tenantCount: 0,
      identityCount: 0,
      streamCount: 0,
    });
  });

  test("tells who may not see shares of none", async () => {
    const [other] = [await seed.stream(plant)];
    await seed.share(other, place.ownerMembership);
    expect((await removeMany([stream.uuid], contributor)).data).toMatchObject({
      deleteStreams: { applied: true, endedShareIds: [] },
    });
    expect((await removeMany([other.uuid])).data).toMatchObject({
      deleteStreams: { endedShareIds: [expect.any(String)] },
    });
  });
});

describe("deleting is refused, and writes nothing:", () => {
  test("one of many that is not there, or not the caller's to delete", async () => {
    const hidden = await seed.stream(plant, { access: [] });
    const foreign = await seed.stream(await seed.tenant());
    for (const [id, caller] of [
      [hidden.uuid, contributor],
      [foreign.uuid, administrator],
      ["00000000-0000-4000-8000-000000000000", administrator],
      ["malformed", administrator],
    ] as const) {
      const answer = await attempt(database, () =>
        removeMany([stream.uuid, id], caller),
      );
      expect(answer.errors).toMatchObject([
        { extensions: { code: "NOT_FOUND", at: "input.streamIds.1" } },
      ]);
      const one = await attempt(database, () => remove(id, caller));
      expect(one.errors).toMatchObject([
        { extensions: { code: "NOT_FOUND", at: "id" } },
      ]);
    }
    const viewer = await seed.user(plant, ["VIEWER"]);
    const refused = await attempt(database, () => remove(stream.uuid, viewer));
    expect(outcome(refused)).toBe("FORBIDDEN");
  });

  test("none, and 1,001 streams", async () => {
    const none = await attempt(database, () => removeMany([]));
    expect(outcome(none)).toBe("BAD_USER_INPUT");
    const many = await attempt(database, () =>
      removeMany(Array.from({ length: 1001 }, () => stream.uuid)),
    );
    expect(outcome(many)).toBe("LIMIT_EXCEEDED");
  });

  test("by a right taken meanwhile, under the lock", async () => {
    const transaction = await database.owner.transaction();
    const readOnly = await seed.accessList(plant, [
      { rights: 1, role: "CONTRIBUTOR" },
    ]);
    await transaction("stream.streams")
      .where({ id: stream.id })
      .update({ access_list_id: readOnly });
    const written = await everythingWritten(database);
    const waiting = remove(stream.uuid);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await transaction.commit();
    expect(outcome(await waiting)).toBe("FORBIDDEN");
    expect({
      ...(await everythingWritten(database)),
      "stream.streams": written["stream.streams"],
    }).toEqual(written);
  });
});

describe("at the same time", () => {
  const second = "2026-02-01T00:00:00Z";
  const contextOf = (identity: Identity) =>
    createContext(
      database.as("stream"),
      unrecorded,
    )({ viewer: as(identity), requestId: randomUUID() });

  test("a write that is under way is waited for, and its events go too", async () => {
    let deleting: Promise<unknown> = Promise.resolve();
    await storeEvents(
      { streamIds: [stream.uuid], mode: "INSERT" },
      contextOf(contributor),
      async function* ([target]) {
        const input = {
          streamId: stream.uuid,
          timestamps: [second],
          values: [1],
        };
        if (target) yield [columnsFrom(input, target, "input.streams.0")];
        deleting = remove(stream.uuid).then((answer) => {
          expect(outcome(answer)).toBe("ok");
        });
        await new Promise((resolve) => setTimeout(resolve, 200));
      },
    );
    await deleting;
    expect(await leftovers()).toBe(6);
    await removeAll();
    expect(await leftovers()).toBe(0);
  });

  test.each(["with events", "without"])(
    "a write that waits for a deletion of a stream %s finds nothing, and leaves nothing",
    async (which) => {
      const target = which === "without" ? await seed.stream(plant) : stream;
      const transaction = await database.owner.transaction();
      await transaction("stream.streams").where({ id: target.id }).delete();
      const waiting = run(
        subgraph,
        as(contributor),
        `mutation ($id: ID!) { writeEvents(input: { mode: INSERT, streams: [
          { streamId: $id, timestamps: ["${second}"], values: [1] }] }) { eventCount } }`,
        { id: target.uuid },
      );
      await new Promise((resolve) => setTimeout(resolve, 200));
      await transaction.commit();
      expect(outcome(await waiting)).toBe("NOT_FOUND");
      expect(
        await database
          .owner("stream.events")
          .where({ stream_id: target.id, ts: second }),
      ).toEqual([]);
    },
  );

  test("shares, writes and deletions end as if one came after another", async () => {
    const steward = await seed.user(plant, ["DATA_STEWARD"]);
    await seed.member(place.ownerMembership, steward);
    const streams = await Promise.all(
      Array.from({ length: 8 }, () => seed.stream(plant)),
    );
    const answers = await Promise.all(
      streams.flatMap(({ uuid }) => [
        run(
          subgraph,
          as(steward),
          `mutation ($id: ID!, $to: ID!) { shareStreams(input: { streamIds: [$id], communityIds: [$to] }) { id } }`,
          { id: uuid, to: place.uuid },
        ),
        remove(uuid),
        run(
          subgraph,
          as(contributor),
          `mutation ($id: ID!) { writeEvents(input: { mode: UPSERT, streams: [
            { streamId: $id, timestamps: ["${second}"], values: [1] }] }) { eventCount } }`,
          { id: uuid },
        ),
        remove(uuid),
      ]),
    );
    const outcomes = answers.map((answer) => outcome(answer));
    expect(
      outcomes.filter((one) => !["ok", "NOT_FOUND"].includes(one)),
    ).toEqual([]);
    streams.forEach((_, i) => {
      const deleted = [outcomes[i * 4 + 1], outcomes[i * 4 + 3]];
      expect(deleted.sort()).toEqual(["NOT_FOUND", "ok"]);
    });
    await removeAll();
    expect(
      await database.owner("stream.events").whereIn(
        "stream_id",
        streams.map(({ id }) => id),
      ),
    ).toEqual([]);
  });
});

describe("what a deleted stream leaves", () => {
  test("is removed by 10,000 events a time, and another process goes on where one ended", async () => {
    await database
      .owner("stream.latest")
      .where({ stream_id: stream.id })
      .delete();
    await database
      .owner("stream.events")
      .where({ stream_id: stream.id })
      .delete();
    await seed.events(stream, 25_000);
    await remove(stream.uuid);
    const db = database.as("stream");
    await removeLeftovers(db);
    expect(await leftovers()).toBe(15_000);
    // A process that ends in the middle of it leaves it as it was.
    await db
      .transaction(async (transaction) => {
        await removeLeftovers(transaction);
        throw new Error("killed");
      })
      .catch(() => undefined);
    expect(await leftovers()).toBe(15_000);
    // One that another process is at is left to it.
    const other = await db.transaction();
    await other.raw("select from stream.leftovers for update");
    expect(await removeLeftovers(db)).toBe(false);
    await other.rollback();
    const stop = keepEvents(db, createLogger("test", "silent"));
    for (let i = 0; i < 100 && (await leftovers()) !== 0; i += 1)
      await new Promise((resolve) => setTimeout(resolve, 50));
    await stop();
    expect(await leftovers()).toBe(0);
  });
});
