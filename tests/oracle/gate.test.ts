import { afterEach, beforeEach, expect, test } from "@jest/globals";
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

/** What the gate says of every reader and stream of a case: the mask of rights, by "reader stream", where it sees one. */
async function askGate({
  readers,
  streams,
}: Case): Promise<Map<string, number>> {
  const { rows } = await database
    .as("stream")
    .raw<{ rows: { reader: number; stream: number; rights: number }[] }>(
      `select r.id as reader, v.id as stream, v.rights
     from unnest(?::int[], ?::uuid[]) as r (id, uuid)
     cross join lateral stream.visible(r.uuid) v
     where v.tenant_id = any (?) and v.id = any (?)`,
      [
        readers.map(({ id }) => id),
        readers.map(({ id }) => uuidOf("identity", id)),
        [...new Set(streams.map(({ tenant }) => tenant))],
        streams.map(({ id }) => id),
      ],
    );
  return new Map(
    rows.map(({ reader, stream, rights }) => [`${reader} ${stream}`, rights]),
  );
}

async function compare(world: World, cases: readonly Case[]) {
  const oracle = new Oracle(world);
  const differences: string[] = [];
  let decisions = 0;
  let seen = 0;
  for (const part of cases) {
    const gate = await askGate(part);
    for (const reader of part.readers)
      for (const stream of part.streams) {
        const expected = oracle.decide(reader, stream);
        const answer = gate.get(`${reader.id} ${stream.id}`);
        decisions += 1;
        if (expected.sees) seen += 1;
        if (answer !== (expected.sees ? maskOf(expected.rights) : undefined))
          differences.push(
            `${JSON.stringify(reader)} on ${JSON.stringify(stream)}: gate ${answer}, oracle ${JSON.stringify([...expected.rights])}`,
          );
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
  ["one community", oneCommunity, 1, 1_000_000],
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
  120_000,
);
