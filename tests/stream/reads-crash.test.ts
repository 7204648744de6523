import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import { setTimeout as sleep } from "node:timers/promises";
import { InternalTokenSigner } from "../../common/internal-token.ts";
import { roleUrl } from "../../migrations/run.ts";
import { TestDatabase } from "../support/database.ts";
import { freePort, isReady, Process, stopAll } from "../support/process.ts";
import { as } from "../support/run.ts";
import { Seed, type Identity, type Stream } from "../support/seed.ts";

const secret = "known to the gateway and this subgraph alone";

let database: TestDatabase;
let subgraph: Process;
let url: string;
let reader: Identity;
let stream: Stream;

beforeAll(async () => {
  database = await TestDatabase.create();
  const seed = new Seed(database.owner);
  const plant = await seed.tenant();
  const partner = await seed.tenant();
  const community = await seed.community(plant);
  reader = await seed.user(partner);
  await seed.member(await seed.membership(community, partner), reader);
  stream = await seed.stream(plant);
  await seed.share(stream, community.ownerMembership);
});
afterAll(() => database.drop());

beforeEach(async () => {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  subgraph = new Process(["subgraphs/stream/main.ts"], {
    PORT: `${port}`,
    STOP_GRACE_MS: "0",
    INTERNAL_TOKEN_SECRET: secret,
    STREAM_DATABASE_URL: roleUrl(database.url, "stream"),
  });
  await subgraph.until(() => isReady(url));
});
afterEach(() => stopAll());

/** Reads the stream's last value, and answers when that was. */
async function read(): Promise<number> {
  const token = await new InternalTokenSigner(secret).sign(as(reader));
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({
      query: `{ stream(id: "${stream.uuid}") { last { value } } }`,
    }),
  });
  expect(await response.json()).toEqual({ data: { stream: { last: null } } });
  return Date.now();
}

async function kept(): Promise<number> {
  const { rows } = await database.owner.raw<{ rows: [{ count: number }] }>(
    "select count(*) as count from stream.reads",
  );
  return rows[0].count;
}

test("a stop loses nothing of what was read", async () => {
  const before = await kept();
  for (let i = 0; i < 20; i += 1) await read();
  expect(await subgraph.stop()).toBe(0);
  expect((await kept()) - before).toBe(20);
}, 120_000);

test("a kill loses at most what was read in the last second", async () => {
  const before = await kept();
  const times: number[] = [];
  const end = Date.now() + 2_500;
  while (Date.now() < end) {
    times.push(await read());
    await sleep(20);
  }
  subgraph.signal("SIGKILL");
  const killed = Date.now();
  await subgraph.ended;
  const older = times.filter((time) => killed - time > 1_000).length;
  expect(older).toBeGreaterThan(0);
  expect((await kept()) - before).toBeGreaterThanOrEqual(older);
}, 120_000);
