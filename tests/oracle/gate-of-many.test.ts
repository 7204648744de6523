import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { prepared } from "../../common/database.ts";
import { TestDatabase } from "../support/database.ts";
import { load, maskOf, uuidOf } from "./load.ts";
import { Oracle } from "./rules.ts";
import { WorldMaker } from "./worlds.ts";

const { world, readers } = make();
const named = world.streams.map(({ id }) => uuidOf("stream", id));

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
  await load(database.owner, world);
  // So that which share lets somebody in is not a matter of ids alone.
  await database.owner.raw(
    "update stream.shares set shared_at = shared_at + make_interval(days => (id * 7919 % 5)::int)",
  );
});
afterAll(() => database.drop());

/** Five tenants that share, each 30 streams in some of seven communities, where the readers' tenant is in most. */
function make() {
  const world = new WorldMaker();
  const reader = world.tenant();
  const sharers = [0, 1, 2, 3, 4].map((i) => world.tenant(i !== 3));
  const readers = [
    world.identity(reader, "LIVE", ["VIEWER"]),
    world.identity(reader, "LIVE", ["DATA_STEWARD"]),
    world.identity(reader, "DISABLED", ["VIEWER"]),
    world.identity(reader, "LIVE", []),
  ];
  const own = Array.from({ length: 25 }, (_, i) =>
    world.stream(reader, [
      {
        effect: i % 3 ? "ALLOW" : "DENY",
        rights: ["READ"],
        subject: { role: i % 2 ? "VIEWER" : "MEMBER" },
      },
    ]),
  );
  const streams = sharers.map((sharer) =>
    Array.from({ length: 30 }, () => world.stream(sharer, [])),
  );
  for (let c = 0; c < 7; c += 1) {
    const community = world.community(reader);
    const reading = world.membership(
      community,
      reader,
      c === 6 ? "GONE" : c === 5 ? "PAUSED" : "ACTIVE",
    );
    for (const [i, identity] of readers.entries())
      if (reading && (c + i) % 4)
        world.participate(reading, identity, "MEMBER");
    for (const [s, sharer] of sharers.entries()) {
      const sharing = world.membership(
        community,
        sharer,
        (c + s) % 5 ? "ACTIVE" : "PAUSED",
      );
      if (!sharing) continue;
      if ((c + s) % 4 === 1)
        world.ask(reading, sharing, c % 2 ? "NONE YET" : "REFUSED");
      for (const [i, stream] of (streams[s] ?? []).entries())
        if ((i + 3 * c + s) % 5 < 2) world.share(stream, sharing);
    }
    for (const [i, stream] of own.entries())
      if (reading && (i + c) % 5 === 0) world.share(stream, reading);
  }
  return { world, readers };
}

/** What the gate says of streams by place; all at once, or of each alone. */
async function ask(reader: number, streams: readonly string[], alone: boolean) {
  const db = database.as("stream");
  return prepared<{ place: number; rights: number; id: number }>(
    db,
    db.raw(
      alone
        ? `select q.place::int, v.tenant_id, v.id, v.uuid, v.type_id, v.is_own, v.rights, v.share_id, v.community_id, v.retention
           from unnest(?::uuid[]) with ordinality q (uuid, place)
           cross join lateral stream.visible(?, array[q.uuid]) v order by q.place`
        : `select v.* from (select ?::uuid[] as streams) s cross join lateral stream.visible(?, s.streams) v order by v.place`,
      [[...streams], uuidOf("identity", reader)],
    ),
  );
}

test.each([
  ["few of them widely shared", "id % 40 = 1"],
  ["all of them widely shared", "true"],
  ["none of them widely shared", "false"],
])(
  "the gate says of many streams named together what it says of each alone, and what the rules say: %s",
  async (_, areWide) => {
    await database.owner.raw(
      `update stream.streams set is_widely_shared = ${areWide}`,
    );
    const oracle = new Oracle(world);
    const missing = "eeeeeeee-0000-4000-8000-999999999999";
    const twice = [...named, missing, ...named.slice(20, 60)];
    let seen = 0;
    for (const reader of readers) {
      const alone = await ask(reader.id, twice, true);
      expect(await ask(reader.id, twice, false)).toEqual(alone);
      const masks = new Map(alone.map(({ id, rights }) => [id, rights]));
      for (const stream of world.streams) {
        const { sees, rights } = oracle.decide(reader, stream);
        expect([stream, masks.get(stream.id)]).toEqual([
          stream,
          sees ? maskOf(rights) : undefined,
        ]);
        if (sees) seen += 1;
      }
    }
    expect(seen).toBeGreaterThan(100);
    expect(seen).toBeLessThan(readers.length * world.streams.length - 100);
  },
);
