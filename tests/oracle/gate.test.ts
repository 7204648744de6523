import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { prepared } from "../../common/database.ts";
import { TestDatabase } from "../support/database.ts";
import { load, maskOf, uuidOf } from "./load.ts";
import { Oracle, type World } from "./rules.ts";
import {
  oneCommunity,
  ownerships,
  twoCommunities,
  type Case,
} from "./worlds.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await TestDatabase.create();
});
afterEach(() => database.drop());

/** The gate's two shapes: asked for streams that are named, and for all. */
const gates = {
  visible: "stream.visible(r.uuid, a.streams)",
  all_visible: "stream.all_visible(r.uuid)",
} as const;

/** The masks of rights by reader and stream, where the one sees the other. */
type Masks = ReadonlyMap<number, ReadonlyMap<number, number>>;

/** What the gate says of every reader and stream of a case, whose tenants have no other streams. */
async function askGate(
  gate: keyof typeof gates,
  { readers, streams }: Case,
): Promise<Masks> {
  const db = database.as("stream");
  const rows = await prepared<{
    reader: number;
    stream: number;
    rights: number;
  }>(
    db,
    db.raw(
      `select r.id as reader, v.id as stream, v.rights
       from unnest(?::int[], ?::uuid[]) as r (id, uuid)
       cross join (select ?::uuid[], ?::int[]) as a (streams, tenants)
       cross join lateral ${gates[gate]} v
       where v.tenant_id = any (a.tenants)`,
      [
        readers.map(({ id }) => id),
        readers.map(({ id }) => uuidOf("identity", id)),
        streams.map(({ id }) => uuidOf("stream", id)),
        [...new Set(streams.map(({ tenant }) => tenant))],
      ],
    ),
  );
  const masks = new Map(
    readers.map(({ id }) => [id, new Map<number, number>()]),
  );
  for (const { reader, stream, rights } of rows)
    masks.get(reader)?.set(stream, rights);
  return masks;
}

async function compare(world: World, cases: readonly Case[]) {
  const oracle = new Oracle(world);
  const differences: string[] = [];
  let decisions = 0;
  let seen = 0;
  for (const part of cases) {
    const answers = new Map<string, Masks>();
    for (const gate of ["visible", "all_visible"] as const)
      answers.set(gate, await askGate(gate, part));
    for (const reader of part.readers)
      for (const stream of part.streams) {
        const expected = oracle.decide(reader, stream);
        const mask = expected.sees ? maskOf(expected.rights) : undefined;
        decisions += 1;
        if (expected.sees) seen += 1;
        for (const [gate, masks] of answers) {
          const answer = masks.get(reader.id)?.get(stream.id);
          if (answer !== mask)
            differences.push(
              `${JSON.stringify(reader)} on ${JSON.stringify(stream)}: ${gate} ${answer}, oracle ${JSON.stringify([...expected.rights])}`,
            );
        }
      }
  }
  return { decisions, seen, differences };
}

/** Joins small cases into larger ones, so that thousands of worlds are asked in a few statements. */
function batches(cases: readonly Case[], size: number): Case[] {
  const joined: Case[] = [];
  for (let from = 0; from < cases.length; from += size) {
    const part = cases.slice(from, from + size);
    joined.push({
      readers: part.flatMap(({ readers }) => readers),
      streams: part.flatMap(({ streams }) => streams),
    });
  }
  return joined;
}

test.each([
  ["one community", oneCommunity, 1, 700_000],
  ["two communities, neighbours' worlds included", twoCommunities, 30, 20_000],
  ["one community with its ownership in every state", ownerships, 30, 20_000],
] as const)(
  "the gate and the oracle agree on every world of %s",
  async (name, make, batch, atLeast) => {
    const { world, cases } = make();
    await load(database.owner, world);
    const { decisions, seen, differences } = await compare(
      world,
      batches(cases, batch),
    );
    console.log(
      `${name}: ${cases.length} worlds, ${decisions} decisions, ${seen} of them see the stream, ${differences.length} differences`,
    );
    expect(differences.slice(0, 5)).toEqual([]);
    expect(decisions).toBeGreaterThanOrEqual(atLeast);
    expect(seen).toBeGreaterThan(0);
  },
  240_000,
);
