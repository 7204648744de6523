import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { schema } from "../../subgraphs/stream/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { startGraph } from "../support/graph.ts";
import type { TestGraph } from "../support/gateway.ts";
import { outcome, run, type Answer } from "../support/run.ts";
import { load, maskOf, uuidOf } from "./load.ts";
import { Oracle, type Identity, type Stream } from "./rules.ts";
import { coveringSample } from "./worlds.ts";

const { world, cases, communityCount } = coveringSample();
const oracle = new Oracle(world);
const viewerOf = ({ id }: Identity) => ({
  identityId: uuidOf("identity", id),
  person: null,
});

let database: TestDatabase;
let graph: TestGraph;
let subgraph: Subgraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  await load(database.owner, world, communityCount);
  await addEvents();
  graph = await startGraph(database, "in one process");
  subgraph = {
    name: "stream",
    schema,
    createContext: createContext(database.as("stream")),
  };
}, 60_000);
afterAll(async () => {
  await graph.stop();
  await database.drop();
});

/** Three events a stream, so that a page of one leaves a cursor. */
async function addEvents(): Promise<void> {
  await database.owner.raw(`
    insert into stream.events (tenant_id, stream_id, ts, value)
    select tenant_id, id, timestamptz '2026-01-01T00:00:00Z' + make_interval(mins => g), g
    from stream.streams, generate_series(1, 3) g`);
  await database.owner.raw(`
    insert into stream.latest (tenant_id, stream_id, first_ts, ts, value)
    select tenant_id, id, '2026-01-01T00:01:00Z', '2026-01-01T00:03:00Z', 3 from stream.streams`);
}

const sees = (reader: Identity, stream: Stream) =>
  oracle.decide(reader, stream).sees;
const reads = (reader: Identity, stream: Stream) =>
  oracle.decide(reader, stream).rights.has("READ");
const uuidsOf = (streams: readonly Stream[]) =>
  streams.map(({ id }) => uuidOf("stream", id)).sort();

/** Counts what was compared, so that a door that compares nothing is noticed. */
function tally(door: string) {
  let decisions = 0;
  return {
    add: (count: number) => (decisions += count),
    done: (atLeast: number) => {
      console.log(`${door}: ${decisions} decisions`);
      expect(decisions).toBeGreaterThanOrEqual(atLeast);
    },
  };
}

describe("every door gives the oracle's answer:", () => {
  test("the root field, with rights and last event", async () => {
    const compared = tally("root field");
    for (const { readers, streams } of cases)
      for (const reader of readers) {
        const fields = streams.map(
          ({ id }) =>
            `s${id}: stream(id: "${uuidOf("stream", id)}") { id myRights last { value } }`,
        );
        const answer = await run(
          subgraph,
          viewerOf(reader),
          `{ ${fields.join(" ")} }`,
        );
        for (const stream of streams) {
          expect(observed(answer, `s${stream.id}`)).toEqual(
            expectedAt(reader, stream),
          );
          compared.add(1);
        }
      }
    compared.done(2_000);
  }, 120_000);

  test("an entity reference at the subgraph", async () => {
    const compared = tally("_entities");
    for (const { readers, streams } of cases)
      for (const reader of readers) {
        const representations = streams.map(({ id }) => ({
          __typename: "Stream",
          id: uuidOf("stream", id),
        }));
        const answer = await run(
          subgraph,
          viewerOf(reader),
          "query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on Stream { id name } } }",
          { representations },
        );
        const entities = (answer.data?.["_entities"] ??
          streams.map(() => null)) as ({ id: string } | null)[];
        streams.forEach((stream, i) => {
          expect(entities[i]?.id).toBe(
            sees(reader, stream) ? uuidOf("stream", stream.id) : undefined,
          );
          compared.add(1);
        });
        if (reader.state !== "LIVE")
          expect(outcome(answer)).toBe("UNAUTHENTICATED");
      }
    compared.done(2_000);
  }, 120_000);

  test("the list and its count, over all worlds at once", async () => {
    const compared = tally("list and count");
    for (const { readers } of cases)
      for (const reader of readers) {
        const answer = await run(
          subgraph,
          viewerOf(reader),
          "{ streams(first: 1000) { totalCount nodes { id } } }",
        );
        if (reader.state !== "LIVE") {
          expect(outcome(answer)).toBe("UNAUTHENTICATED");
          continue;
        }
        const visible = world.streams.filter((stream) => sees(reader, stream));
        const page = answer.data?.["streams"] as unknown as {
          totalCount: number;
          nodes: { id: string }[];
        };
        expect(page.nodes.map(({ id }) => id).sort()).toEqual(uuidsOf(visible));
        expect(page.totalCount).toBe(visible.length);
        compared.add(world.streams.length);
      }
    compared.done(2_000);
  }, 120_000);

  test("a reference from another subgraph, through the gateway", async () => {
    const compared = tally("gateway reference");
    for (const [i, { readers, streams }] of cases.entries())
      for (const reader of readers) {
        const answer = await graph.request(
          viewerOf(reader),
          `query ($id: ID!) { community(id: $id) { myRole streams(first: 1000) { totalCount nodes { id } } } }`,
          { id: uuidOf("community", i + 1) },
        );
        compared.add(streams.length);
        if (reader.state !== "LIVE") {
          expect(outcome(answer)).toBe("UNAUTHENTICATED");
          continue;
        }
        const community = answer.data?.["community"] as unknown as {
          myRole: string | null;
          streams: { totalCount: number; nodes: { id: string }[] } | null;
        } | null;
        // Streams of a community are for those who take part in it; own ones among them go by the access list.
        const here = community?.myRole
          ? streams.filter(
              (stream) =>
                reads(reader, stream) &&
                world.shares.some((share) => share.stream === stream.id),
            )
          : [];
        expect(
          (community?.streams?.nodes ?? []).map(({ id }) => id).sort(),
        ).toEqual(uuidsOf(here));
        expect(community?.streams?.totalCount ?? 0).toBe(here.length);
      }
    compared.done(2_000);
  }, 120_000);
});

function observed({ data }: Answer, field: string) {
  const stream = data?.[field] as unknown as
    { myRights: string[]; last: { value: number } | null } | null | undefined;
  return stream
    ? {
        rights: maskOf(new Set(stream.myRights as never)),
        last: stream.last?.value ?? null,
      }
    : null;
}

function expectedAt(reader: Identity, stream: Stream) {
  const { sees: visible, rights } = oracle.decide(reader, stream);
  return visible
    ? { rights: maskOf(rights), last: rights.has("READ") ? 3 : null }
    : null;
}

describe("a cursor issued before the change", () => {
  // One reader for each foreign stream that has any: some changes are for good.
  const open = cases.flatMap(({ readers, streams }) =>
    streams.flatMap((stream) => {
      const reader = readers.find(
        (other) => other.tenant !== stream.tenant && reads(other, stream),
      );
      return reader ? [{ reader, stream }] : [];
    }),
  );
  const events = `query ($id: ID!, $after: String) { stream(id: $id) {
    events(window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }, first: 1, after: $after) { rowCount values endCursor } } }`;

  /** What ends reading, and what brings it back, straight in the tables. */
  const changes: readonly [string, string, string][] = [
    [
      "pausing the sharer",
      "update community.memberships set status = 'PAUSED' where tenant_id = :sharer",
      "update community.memberships set status = 'ACTIVE' where tenant_id = :sharer",
    ],
    [
      "disabling the reader",
      "update tenant.identities set enabled = false where id = :reader",
      "update tenant.identities set enabled = true where id = :reader",
    ],
    [
      "the sharer's lost entitlement",
      "delete from tenant.entitlements where tenant_id = :sharer",
      "insert into tenant.entitlements (tenant_id, entitlement) values (:sharer, 'COMMUNITIES')",
    ],
    [
      "the reader's tenant's lost entitlement",
      "delete from tenant.entitlements where tenant_id = :readerTenant",
      "insert into tenant.entitlements (tenant_id, entitlement) values (:readerTenant, 'COMMUNITIES')",
    ],
    ["unsharing", "delete from stream.shares where stream_id = :stream", ""],
  ];

  test.each(changes)(
    "is worth nothing after %s",
    async (_change, end, restore) => {
      expect(open.length).toBeGreaterThan(3);
      for (const { reader, stream } of open) {
        const id = uuidOf("stream", stream.id);
        const before = await graph.request(viewerOf(reader), events, { id });
        const page = (
          before.data?.["stream"] as unknown as {
            events: { values: number[]; endCursor: string };
          }
        ).events;
        expect(page.values).toEqual([1]);
        const bindings = {
          sharer: stream.tenant,
          reader: reader.id,
          readerTenant: reader.tenant,
          stream: stream.id,
        };
        await database.owner.raw(end, bindings);
        const after = await graph.request(viewerOf(reader), events, {
          id,
          after: page.endCursor,
        });
        expect(after.data?.["stream"] ?? null).toBeNull();
        expect(["NOT_FOUND", "UNAUTHENTICATED"]).toContain(outcome(after));
        if (restore) {
          await database.owner.raw(restore, bindings);
          const again = await graph.request(viewerOf(reader), events, {
            id,
            after: page.endCursor,
          });
          expect(
            (
              again.data?.["stream"] as unknown as {
                events: { values: number[] };
              }
            ).events.values,
          ).toEqual([2]);
        }
      }
    },
    60_000,
  );
});
