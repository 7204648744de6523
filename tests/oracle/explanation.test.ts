import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createContext } from "../../subgraphs/stream/context.ts";
import { schema } from "../../subgraphs/stream/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { run } from "../support/run.ts";
import { load, maskOf, uuidOf } from "./load.ts";
import { withOverseers } from "./overseers.ts";
import {
  Oracle,
  type Approval,
  type Identity,
  type Right,
  type Stream,
} from "./rules.ts";
import { coveringSample, WorldMaker } from "./worlds.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";
import { anonymous } from "../../common/viewer.ts";

interface Gate {
  kind: string;
  passed: boolean;
  sentence: string;
  nextStep: string | null;
}
interface Explanation {
  gates: Gate[];
  rights: Right[];
}

let database: TestDatabase;
beforeEach(async () => {
  database = await TestDatabase.create();
});
afterEach(() => database.drop());

/** What a caller is told of each pair: the explanation, or where the id is that is not found. */
async function explain(
  caller: Identity,
  pairs: readonly (readonly [Identity, Stream])[],
): Promise<(Explanation | string | undefined)[]> {
  const fields = pairs.map(
    ([identity, stream], i) =>
      `e${i}: explainAccess(streamId: "${uuidOf("stream", stream.id)}", identityId: "${uuidOf("identity", identity.id)}") {
         rights gates { kind passed sentence nextStep } }`,
  );
  const { data, errors } = await run(
    {
      name: "stream",
      schema,
      createContext: createContext(database.as("stream"), unrecorded),
    },
    { ...anonymous, identityId: uuidOf("identity", caller.id) },
    `{ ${fields.join(" ")} }`,
  );
  const refusals = new Map(
    errors.map(({ path, extensions }) => [
      path?.[0],
      `${extensions.code} ${extensions.at}`,
    ]),
  );
  return pairs.map(
    (_, i) =>
      (data?.[`e${i}`] as unknown as Explanation | null) ??
      refusals.get(`e${i}`),
  );
}

test("the last answer is the oracle's decision, and follows from the gates before it", async () => {
  const { cases, world: sample } = coveringSample();
  const { world, overseers } = withOverseers(sample);
  await load(database.owner, world);
  const oracle = new Oracle(world);
  let explained = 0;
  for (const { readers, streams } of cases) {
    const live = readers.filter(({ state }) => state === "LIVE");
    const overseer = overseers.find(
      ({ tenant }) => tenant === readers[0]?.tenant,
    ) as Identity;
    const steward = live.find(({ roles }) => roles.includes("DATA_STEWARD"));
    const asked = [
      ...live.map((reader) => [reader, [reader]] as const),
      [overseer, readers] as const,
      ...(steward ? [[steward, readers] as const] : []),
    ];
    for (const [caller, identities] of asked) {
      const pairs = identities.flatMap((identity) =>
        streams.map((stream) => [identity, stream] as const),
      );
      for (const [i, answer] of (await explain(caller, pairs)).entries()) {
        const [identity, stream] = pairs[i] as (typeof pairs)[number];
        if (identity.state === "REMOVED") {
          expect(answer).toBe("NOT_FOUND identityId");
        } else if (!oracle.decide(caller, stream).sees) {
          expect(answer).toBe("NOT_FOUND streamId");
        } else {
          const { rights, gates } = answer as Explanation;
          const decision = oracle.decide(identity, stream);
          expect(maskOf(new Set(rights))).toBe(maskOf(decision.rights));
          expectConclusive(gates, stream.tenant === identity.tenant);
          expect(gates.at(-1)).toMatchObject({
            kind: "READ",
            passed: decision.rights.has("READ"),
          });
          explained += 1;
        }
      }
    }
  }
  console.log(`explained: ${explained} decisions`);
  expect(explained).toBeGreaterThan(3_000);
}, 180_000);

function expectConclusive(gates: readonly Gate[], isOwn: boolean): void {
  const passed = (kind: string) =>
    gates.some((gate) => gate.kind === kind && gate.passed);
  if (isOwn)
    expect(passed("READ")).toBe(
      passed("IDENTITY") && (passed("ACCESS_LIST") || passed("OWNERSHIP")),
    );
  else if (passed("READ"))
    expect(gates.every((gate) => gate.passed)).toBe(true);
  expect(
    gates.filter(({ kind, passed, nextStep }) =>
      passed ? nextStep !== null : nextStep === null && kind !== "OWNERSHIP",
    ),
  ).toEqual([]);
}

const states = ["LIVE", "DISABLED"] as const;
const places = [[], ["seen"], ["other"], ["seen", "other"]] as const;
const answers = ["NOT ASKED", "NONE YET", "REFUSED", "APPROVED"] as const;

test("of another tenant's stream nothing but the last answer depends on the other side", async () => {
  const world = new WorldMaker();
  const host = world.tenant();
  const ownSides = states.flatMap((state) =>
    places.map((takesPartIn) => ({ state, takesPartIn })),
  );
  const otherSides = (["ACTIVE", "PAUSED", "GONE"] as const).flatMap(
    (presence) =>
      [true, false].flatMap((shared) =>
        answers.map((answer) => ({ presence, shared, answer })),
      ),
  );
  const worlds = ownSides.map((ownSide) =>
    otherSides.map((otherSide) => make(world, host, ownSide, otherSide)),
  );
  await load(database.owner, world);
  const oracle = new Oracle(world);
  const lastAnswers = new Set<string>();
  let compared = 0;
  for (const [i, alike] of worlds.entries()) {
    const told = new Set<string>();
    for (const { caller, identity, stream } of alike) {
      const [answer] = await explain(caller, [[identity, stream]]);
      const { gates } = answer as Explanation;
      expect(gates.at(-1)?.passed).toBe(
        oracle.decide(identity, stream).rights.has("READ"),
      );
      lastAnswers.add(`${i} ${gates.at(-1)?.passed}`);
      told.add(JSON.stringify(gates.slice(0, -1)));
      compared += 1;
    }
    expect(told.size).toBe(1);
  }
  console.log(`other sides: ${compared} worlds`);
  // Somebody who takes part in the other community alone reads or not as the other side has it.
  expect(lastAnswers.size).toBe(ownSides.length + 1);
}, 120_000);

/** The caller sees the stream by one community; what the identity reads may hang on another one. */
function make(
  world: WorldMaker,
  host: ReturnType<WorldMaker["tenant"]>,
  {
    state,
    takesPartIn,
  }: {
    state: Identity["state"];
    takesPartIn: readonly ("seen" | "other")[];
  },
  {
    presence,
    shared,
    answer,
  }: {
    presence: "ACTIVE" | "PAUSED" | "GONE";
    shared: boolean;
    answer: Approval["answer"] | "NOT ASKED";
  },
) {
  const reader = world.tenant();
  const sharer = world.tenant();
  const caller = world.identity(reader, "LIVE", ["DATA_STEWARD"]);
  const identity = world.identity(reader, state, []);
  const stream = world.stream(sharer, []);
  for (const place of ["seen", "other"] as const) {
    const community = world.community(host);
    const reading = world.membership(community, reader, "ACTIVE");
    const sharing = world.membership(
      community,
      sharer,
      place === "seen" ? "ACTIVE" : presence,
    );
    if (place === "other") world.ask(reading, sharing, answer);
    if (reading && place === "seen")
      world.participate(reading, caller, "MEMBER");
    if (reading && takesPartIn.includes(place))
      world.participate(reading, identity, "MEMBER");
    if (sharing && (place === "seen" || shared)) world.share(stream, sharing);
  }
  return { caller, identity, stream };
}
