import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createLogger } from "../../common/log.ts";
import { ReadRecorder } from "../../subgraphs/stream/usage/recorder-store.ts";
import {
  keepReads,
  removeOldReads,
} from "../../subgraphs/stream/usage/retention-store.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run } from "../support/run.ts";
import { Seed, type Identity, type Row, type Stream } from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";

const log = createLogger("test", "silent");

let database: TestDatabase;
let plant: Row;
let steward: Identity;
let stream: Stream;

beforeAll(async () => {
  database = await TestDatabase.create();
  const seed = new Seed(database.owner);
  plant = await seed.tenant();
  const partner = await seed.tenant();
  const community = await seed.community(plant);
  steward = await seed.user(plant, ["DATA_STEWARD"]);
  const reader = await seed.user(partner);
  await seed.member(await seed.membership(community, partner), reader);
  stream = await seed.stream(plant);
  await seed.share(stream, community.ownerMembership);
  const recorder = new ReadRecorder(database.as("stream"), log);
  await run(
    streamSubgraph(database, recorder),
    as(reader),
    `{ stream(id: "${stream.uuid}") { last { value } } }`,
  );
  await recorder.write();
});
afterAll(() => database.drop());

/** The first day of a month, counted from this one. */
function monthOf(months: number): string {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months))
    .toISOString()
    .slice(0, 10);
}

const nameOf = (months: number) =>
  `stream.reads_${monthOf(months).slice(0, 7).replace("-", "_")}`;

/** Reads by the partition that they are in. */
async function placed(): Promise<Record<string, number>> {
  const { rows } = await database.owner.raw<{
    rows: { name: string; count: number }[];
  }>(
    `select p.relid::regclass::text as name, (select count(*) from stream.reads r where r.tableoid = p.relid) as count
     from pg_partition_tree('stream.reads') p where p.isleaf`,
  );
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** As the read there is, in other months. */
async function readIn(...months: number[]): Promise<void> {
  await database.owner.raw(
    `insert into stream.reads (tenant_id, stream_id, at, batch_id, reader_tenant_id, reader_id, reader_mark, share_id, community_id,
                               kind, points, request_id)
     select tenant_id, stream_id, m.at, batch_id, reader_tenant_id, reader_id, reader_mark, share_id, community_id,
            kind, points, request_id
     from (select * from stream.reads order by at desc limit 1) r, unnest(?::timestamptz[]) m (at)`,
    [months.map((month) => `${monthOf(month)}T12:00:00Z`)],
  );
}

const usage = async () => {
  const { data, errors } = await run(
    streamSubgraph(database),
    as(steward),
    `{ stream(id: "${stream.uuid}") { reads { totalCount } }
       _entities(representations: [{ __typename: "Tenant", id: "${plant.uuid}" }]) {
         ... on Tenant { usage { readsKeptFrom given { nodes { readCount } } } } } }`,
  );
  expect(errors).toEqual([]);
  const { stream: read, _entities } = data as unknown as {
    stream: { reads: { totalCount: number } };
    _entities: [
      {
        usage: {
          readsKeptFrom: string;
          given: { nodes: { readCount: number }[] };
        };
      },
    ];
  };
  const [tenant] = _entities;
  return { count: read.reads.totalCount, ...tenant.usage };
};

test("a new installation has this month and three ahead, and the default", async () => {
  expect(await placed()).toEqual({
    [nameOf(0)]: 1,
    [nameOf(1)]: 0,
    [nameOf(2)]: 0,
    [nameOf(3)]: 0,
    "stream.reads_default": 0,
  });
  expect((await usage()).readsKeptFrom).toBe(`${monthOf(0)}T00:00:00+00:00`);
});

test("reads go with their month, once it ended so many days ago; what is counted of them stays", async () => {
  await readIn(-15, -3, -2, -1);
  expect(await placed()).toMatchObject({ "stream.reads_default": 4 });
  const db = database.as("stream");
  expect(await removeOldReads(db, 10_000)).toEqual({ made: 15, dropped: 0 });
  expect(await placed()).toMatchObject({
    [nameOf(-15)]: 1,
    [nameOf(-3)]: 1,
    "stream.reads_default": 0,
  });
  expect(await usage()).toEqual({
    count: 5,
    readsKeptFrom: `${monthOf(-15)}T00:00:00+00:00`,
    given: { nodes: [{ readCount: 1 }] },
  });
  // Of 400 days ago are the month of that day and what follows.
  await keepReads(db, log, 400)();
  expect(await usage()).toMatchObject({ count: 4 });
  const before = await database
    .owner("stream.reads")
    .where("at", "<", monthOf(0));
  expect(before).toHaveLength(3);
  // Whoever asks for less keeps the last month all the same.
  await removeOldReads(db, 0);
  const left = await placed();
  expect(left[nameOf(-3)]).toBeUndefined();
  expect(left).toMatchObject({ [nameOf(-1)]: 1, [nameOf(0)]: 1 });
  expect(await usage()).toMatchObject({ given: { nodes: [{ readCount: 1 }] } });
});

test("the subgraph neither changes nor removes a read in any month, as one of all or by its table", async () => {
  for (const table of ["stream.reads", ...Object.keys(await placed())])
    for (const statement of [
      `update ${table} set points = 0`,
      `delete from ${table}`,
      `drop table ${table}`,
    ])
      await expect(database.as("stream").raw(statement)).rejects.toThrow(
        /permission denied|must be owner/,
      );
});
