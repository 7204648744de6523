import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { schema } from "../../subgraphs/stream/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { startGraph } from "../support/graph.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { outcome, run, type Answer } from "../support/run.ts";
import { load, maskOf, uuidOf } from "./load.ts";
import { changes, withChange } from "./changes.ts";
import { Oracle, type Identity, type Stream } from "./rules.ts";
import { coveringSample } from "./worlds.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

const { world, cases } = coveringSample();
const oracle = new Oracle(world);
const viewerOf = ({ id }: Identity) => ({
  ...anonymous,
  identityId: uuidOf("identity", id),
});

let database: TestDatabase;
let subgraph: Subgraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  await load(database.owner, world);
  await addEvents();
  subgraph = {
    name: "stream",
    schema,
    createContext: createContext(database.as("stream"), unrecorded),
  };
}, 60_000);
afterAll(async () => {
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
  test("the root field, with rights and events", async () => {
    const compared = tally("root field");
    for (const { readers, streams } of cases)
      for (const reader of readers) {
        const fields = streams.map(
          ({
            id,
          }) => `s${id}: stream(id: "${uuidOf("stream", id)}") { myRights last { value } first { value }
            at(timestamp: "2026-01-01T00:02:00Z") { value } ${eventsField("")} }`,
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

  test("a trend, with an error in the place of each stream that is not read", async () => {
    const compared = tally("trend");
    for (const { readers, streams } of cases)
      for (const reader of readers) {
        const { data, errors } = await run(
          subgraph,
          viewerOf(reader),
          `query ($ids: [ID!]!) { trend(input: { streamIds: $ids, width: 1,
             window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" } }) { stream { id } community { id } values lastValue } }`,
          { ids: streams.map(({ id }) => uuidOf("stream", id)) },
        );
        compared.add(streams.length);
        if (reader.state !== "LIVE") {
          expect(errors[0]?.extensions.code).toBe("UNAUTHENTICATED");
          continue;
        }
        expect(data?.["trend"]).toEqual(
          streams.map((stream) =>
            reads(reader, stream)
              ? {
                  stream: { id: uuidOf("stream", stream.id) },
                  community:
                    reader.tenant === stream.tenant
                      ? null
                      : { id: expect.any(String) },
                  ...{ values: [1, 3], lastValue: 3 },
                }
              : null,
          ),
        );
        const refused = streams.flatMap((stream, i) =>
          reads(reader, stream)
            ? []
            : [[i, sees(reader, stream) ? "FORBIDDEN" : "NOT_FOUND"]],
        );
        expect(
          errors.map(({ path, extensions }) => [path?.[1], extensions.code]),
        ).toEqual(expect.arrayContaining(refused));
        expect(errors).toHaveLength(refused.length);
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
          "{ streams(first: 1000) { totalCount nodes { id last { value } } } }",
        );
        if (reader.state !== "LIVE") {
          expect(outcome(answer)).toBe("UNAUTHENTICATED");
          continue;
        }
        const visible = world.streams.filter((stream) => sees(reader, stream));
        const page = answer.data?.["streams"] as unknown as Page;
        expect(lastValues(page)).toEqual(
          new Map(
            visible.map((stream) => [
              uuidOf("stream", stream.id),
              reads(reader, stream) ? 3 : undefined,
            ]),
          ),
        );
        expect(page.totalCount).toBe(visible.length);
        compared.add(world.streams.length);
      }
    compared.done(2_000);
  }, 120_000);

  test("an event cursor issued before a change", async () => {
    const compared = tally("cursor");
    const cursors = await firstPages();
    for (const [i, change] of changes.entries()) {
      const changed = change.to(world);
      const after = new Oracle(changed);
      const identities = new Map(
        changed.identities.map((identity) => [identity.id, identity]),
      );
      const streams = new Map(
        changed.streams.map((stream) => [stream.id, stream]),
      );
      await withChange(database.owner, change, async () => {
        // Each change meets a quarter of the readers, the next one another.
        const some = [...cursors].filter((_, j) => (i + j) % 4 === 0);
        for (const [reader, open] of some) {
          const fields = open.map(
            ({ stream, cursor }) =>
              `s${stream.id}: stream(id: "${uuidOf("stream", stream.id)}") { ${eventsField(cursor)} }`,
          );
          const { data } = await run(
            subgraph,
            viewerOf(reader),
            `{ ${fields.join(" ")} }`,
          );
          for (const { stream } of open) {
            const decision = after.decide(
              identities.get(reader.id) ?? reader,
              streams.get(stream.id) ?? stream,
            );
            const found = data?.[`s${stream.id}`] as unknown as {
              events: { values: number[] } | null;
            } | null;
            expect([
              change.name,
              reader,
              stream,
              found?.events?.values,
            ]).toEqual([
              change.name,
              reader,
              stream,
              decision.rights.has("READ") ? [2] : undefined,
            ]);
            compared.add(1);
          }
        }
      });
    }
    compared.done(2_000);
  }, 180_000);
});

/** Of every reader the streams that it reads, each with the cursor behind the first of three events. */
async function firstPages(): Promise<
  Map<Identity, { stream: Stream; cursor: string }[]>
> {
  const pages = new Map<Identity, { stream: Stream; cursor: string }[]>();
  for (const { readers, streams } of cases)
    for (const reader of readers) {
      const open = streams.filter((stream) => reads(reader, stream));
      if (open.length === 0) continue;
      const fields = open.map(
        ({ id }) =>
          `s${id}: stream(id: "${uuidOf("stream", id)}") { ${eventsField("")} }`,
      );
      const { data } = await run(
        subgraph,
        viewerOf(reader),
        `{ ${fields.join(" ")} }`,
      );
      pages.set(
        reader,
        open.map((stream) => {
          const found = data?.[`s${stream.id}`] as unknown as {
            events: { values: number[]; endCursor: string };
          };
          expect(found.events.values).toEqual([1]);
          return { stream, cursor: found.events.endCursor };
        }),
      );
    }
  return pages;
}

const eventsField = (after: string) => `events(
  window: { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }, first: 1
  ${after && `after: "${after}"`}) { values endCursor }`;

describe.each(modes)("%s,", (mode) => {
  let graph: TestGraph;
  beforeAll(async () => {
    graph = await startGraph(database, mode);
  });
  afterAll(() => graph.stop());

  test("a reference from another subgraph gives the oracle's answer", async () => {
    const compared = tally(`reference, ${mode}`);
    let reached = 0;
    // Each way there is spared every third reader, whom the other one has.
    let turn = modes.indexOf(mode);
    for (const [i, { readers, streams }] of cases.entries())
      for (const reader of readers) {
        if (turn++ % 3 === 2) continue;
        const answer = await graph.request(
          viewerOf(reader),
          `query ($id: ID!) { community(id: $id) { myRole sharedStreamCount streams(first: 1000) { totalCount nodes { id last { value } } } } }`,
          { id: uuidOf("community", i + 1) },
        );
        if (reader.state !== "LIVE")
          expect(outcome(answer)).toBe("UNAUTHENTICATED");
        const community = answer.data?.["community"] as unknown as {
          myRole: string | null;
          sharedStreamCount: number | null;
          streams: Page | null;
        } | null;
        // Streams of a community are for those who take part in it; own ones among them go by the access list.
        const role =
          world.participations.find(({ identity }) => identity === reader.id)
            ?.role ?? null;
        const here = role
          ? streams.filter(
              (stream) =>
                reads(reader, stream) &&
                world.shares.some((share) => share.stream === stream.id),
            )
          : [];
        expect(lastValues(community?.streams)).toEqual(
          new Map(here.map(({ id }) => [uuidOf("stream", id), 3])),
        );
        expect(community?.streams?.totalCount ?? 0).toBe(here.length);
        expect(community?.sharedStreamCount ?? 0).toBe(here.length);
        compared.add(streams.length);
        // Where the community is not there for the reader, the stream subgraph is not even asked.
        if (community) reached += streams.length;
      }
    compared.done(2_000);
    expect(reached).toBeGreaterThan(500);
  }, 120_000);
});

interface Page {
  readonly totalCount: number;
  readonly nodes: readonly { id: string; last: { value: number } | null }[];
}

const lastValues = (page: Page | null | undefined) =>
  new Map(page?.nodes.map(({ id, last }) => [id, last?.value]));

/** What the fields of a stream say; the same number twice where they should agree. */
function observed({ data }: Answer, field: string) {
  const stream = data?.[field] as unknown as
    | {
        myRights: string[];
        last: { value: number } | null;
        first: { value: number } | null;
        at: { value: number } | null;
        events: { values: number[] } | null;
      }
    | null
    | undefined;
  return stream
    ? {
        rights: maskOf(new Set(stream.myRights as never)),
        events: [
          stream.first?.value,
          stream.at?.value,
          stream.last?.value,
          stream.events?.values,
        ],
      }
    : null;
}

function expectedAt(reader: Identity, stream: Stream) {
  const { sees: visible, rights } = oracle.decide(reader, stream);
  const events = rights.has("READ")
    ? [1, 2, 3, [1]]
    : [undefined, undefined, undefined, undefined];
  return visible ? { rights: maskOf(rights), events } : null;
}
