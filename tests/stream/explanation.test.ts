import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run } from "../support/run.ts";
import {
  Seed,
  type AccessEntry,
  type Identity,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";

interface Explanation {
  stream: { id: string };
  identity: { id: string };
  rights: string[];
  gates: {
    kind: string;
    passed: boolean;
    sentence: string;
    nextStep: string | null;
  }[];
}

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let plant: Row;
let vendor: Row;
let administrator: Identity;
let reader: Identity;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  plant = await seed.tenant();
  vendor = await seed.tenant();
  administrator = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
  reader = await seed.user(plant, ["VIEWER"]);
});
afterAll(() => database.drop());

const ask = (caller: Identity, streamId: string, identityId: string) =>
  run(
    subgraph,
    as(caller),
    `query ($streamId: ID!, $identityId: ID!) { explainAccess(streamId: $streamId, identityId: $identityId) {
       stream { id } identity { id } rights gates { kind passed sentence nextStep } } }`,
    { streamId, identityId },
  );

async function explain(
  caller: Identity,
  stream: Stream,
  identity: Identity,
): Promise<Explanation> {
  const { data, errors } = await ask(caller, stream.uuid, identity.uuid);
  expect(errors).toEqual([]);
  return data?.["explainAccess"] as unknown as Explanation;
}

const lines = ({ gates }: Explanation) =>
  gates.map(({ kind, passed, sentence, nextStep }) =>
    [
      `${passed ? "+" : "-"} ${kind}: ${sentence}`,
      ...(nextStep === null ? [] : [nextStep]),
    ].join(" > "),
  );

describe("of an own stream", () => {
  const explainWith = async (
    access: readonly AccessEntry[],
    owner?: Identity,
  ) =>
    explain(
      administrator,
      await seed.stream(plant, { access, ...(owner && { owner }) }),
      reader,
    );

  test("the entries that allow are told, by role and by name", async () => {
    const explanation = await explainWith([
      { rights: 1, role: "VIEWER" },
      { rights: 16, role: "DATA_STEWARD" },
      { rights: 2, identity: reader },
    ]);
    expect(lines(explanation)).toEqual([
      "+ IDENTITY: The identity is enabled.",
      "+ ACCESS_LIST: The access list allows READ to VIEWER; WRITE to the identity by name.",
      "- OWNERSHIP: The identity does not own the stream, so the access list alone decides.",
      "+ READ: The identity reads the stream now.",
    ]);
    expect(explanation).toMatchObject({
      rights: ["READ", "WRITE"],
      identity: { id: reader.uuid },
    });
  });

  test("an entry that denies prevails, and is the first step to take", async () => {
    expect(
      lines(
        await explainWith([
          { rights: 3, role: "MEMBER" },
          { effect: "DENY", rights: 1, identity: reader },
        ]),
      ),
    ).toEqual([
      "+ IDENTITY: The identity is enabled.",
      "- ACCESS_LIST: The access list allows READ, WRITE to MEMBER. It denies READ to the identity by name; that prevails. > Ask who manages the stream's access to take back what denies READ.",
      "- OWNERSHIP: The identity does not own the stream, so the access list alone decides.",
      "- READ: The identity does not read the stream now. > Take the first step above.",
    ]);
  });

  test("its owner reads it whatever the list says", async () => {
    expect(
      lines(
        await explainWith(
          [{ effect: "DENY", rights: 1, role: "MEMBER" }],
          reader,
        ),
      ).slice(2),
    ).toEqual([
      "+ OWNERSHIP: The identity owns the stream, and so has READ, WRITE and DELETE whatever the list says.",
      "+ READ: The identity reads the stream now.",
    ]);
  });

  test("who is disabled reads nothing, and a list without an entry is told as such", async () => {
    const disabled = await seed.client(plant);
    await database
      .owner("tenant.identities")
      .where({ id: disabled.id })
      .update({ enabled: false });
    const explanation = await explain(
      administrator,
      await seed.stream(plant),
      disabled,
    );
    expect(lines(explanation).slice(0, 2)).toEqual([
      "- IDENTITY: The identity is disabled. > Ask an account administrator of your tenant to enable it.",
      "- ACCESS_LIST: No entry of the access list concerns the identity. > Ask who manages the stream's access to allow READ to the identity or to a role that it has.",
    ]);
    expect(explanation.rights).toEqual([]);
  });
});

describe("of a stream that another tenant shares", () => {
  let stream: Stream;
  let steward: Identity;
  beforeAll(async () => {
    const community = await seed.community(vendor);
    stream = await seed.stream(vendor, {
      access: [{ effect: "DENY", rights: 31, role: "MEMBER" }],
    });
    await seed.share(stream, community.ownerMembership);
    steward = await seed.user(plant, ["DATA_STEWARD"]);
    await seed.member(await seed.membership(community, plant), steward);
  });

  test("the gates of the own side are told, and nothing of the other tenant's list", async () => {
    expect(lines(await explain(steward, stream, steward))).toEqual([
      "+ IDENTITY: The identity is enabled.",
      "+ ENTITLEMENT: Your tenant may use communities.",
      "+ MEMBERSHIP: Your tenant is in a community.",
      "+ PARTICIPATION: The identity takes part in a community.",
      "+ READ: The identity reads the stream now.",
    ]);
    expect(lines(await explain(steward, stream, reader)).slice(3)).toEqual([
      "- PARTICIPATION: The identity takes part in no community. > Ask a moderator of your tenant in the community to add it there.",
      "- READ: The identity does not read the stream now. > Take the first step above; if there is none, add the identity to a community through which you read the stream.",
    ]);
  });

  test("it is not there for a caller who does not see it, itself an administrator", async () => {
    const hidden = await ask(administrator, stream.uuid, reader.uuid);
    const missing = await ask(
      administrator,
      "00000000-0000-4000-8000-000000000000",
      reader.uuid,
    );
    const malformed = await ask(administrator, "nonsense", reader.uuid);
    expect(hidden.errors[0]?.extensions).toEqual({
      code: "NOT_FOUND",
      at: "streamId",
    });
    expect(missing.errors).toEqual(hidden.errors);
    expect(malformed.errors).toEqual(hidden.errors);
  });

  test("another tenant's identity is not there, like one that was never issued", async () => {
    const foreign = await seed.user(vendor);
    const answers = await Promise.all(
      [foreign.uuid, "00000000-0000-4000-8000-000000000000", "nonsense"].map(
        (id) => ask(steward, stream.uuid, id),
      ),
    );
    expect(answers[0]?.errors[0]?.extensions).toEqual({
      code: "NOT_FOUND",
      at: "identityId",
    });
    for (const { errors } of answers)
      expect(errors).toEqual(answers[0]?.errors);
  });
});
