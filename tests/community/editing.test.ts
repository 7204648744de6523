import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { toldTenants } from "../support/ledger.ts";
import { as, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { communitySubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = communitySubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

let owner: Row;
let guest: Row;
let community: Row;
let guestMembership: Membership;
let administrator: Identity;
let moderator: Identity;
beforeEach(async () => {
  owner = await seed.tenant();
  guest = await seed.tenant();
  const { ownerMembership, ...founded } = await seed.community(owner, "Pumps");
  community = founded;
  guestMembership = await seed.membership(community, guest);
  administrator = await seed.user(owner);
  moderator = await seed.user(guest);
  await seed.member(ownerMembership, administrator, "ADMINISTRATOR");
  await seed.member(guestMembership, moderator, "MODERATOR");
});

const last = async () => {
  const { rows } = await database.owner.raw<{
    rows: [{ kind: string; tenant_ids: string[] }];
  }>(
    `select kind, action, subject_id, community_id, ${toldTenants}, before, after
     from ledger.entries order by id desc limit 1`,
  );
  return rows[0];
};

const changed = ({ data, errors }: Answer): unknown => {
  expect(errors).toEqual([]);
  return Object.values(data ?? {})[0];
};

describe("updateCommunity (C3)", () => {
  const update = (input: object) =>
    attempt(database, () =>
      run(
        subgraph,
        as(administrator),
        `mutation ($input: UpdateCommunityInput!) { updateCommunity(input: $input) { name description preferredRegion } }`,
        { input: { id: community.uuid, ...input } },
      ),
    );

  test("changes what is given, and what is left out stays; null clears what may be empty", async () => {
    expect(
      changed(
        await update({ description: "Who runs pumps", preferredRegion: "eu" }),
      ),
    ).toEqual({
      name: "Pumps",
      description: "Who runs pumps",
      preferredRegion: "eu",
    });
    expect(changed(await update({ name: " Compressors " }))).toEqual({
      name: "Compressors",
      description: "Who runs pumps",
      preferredRegion: "eu",
    });
    expect(
      changed(await update({ description: null, preferredRegion: null })),
    ).toEqual({
      name: "Compressors",
      description: null,
      preferredRegion: null,
    });
  });

  test("is in the ledger of all tenants here, the name beside it", async () => {
    await update({ name: "Compressors", preferredRegion: "eu" });
    const entry = await last();
    expect(entry).toMatchObject({
      kind: "COMMUNITY",
      action: "updateCommunity",
      subject_id: community.uuid,
      community_id: community.uuid,
      before: { preferredRegion: null },
      after: { preferredRegion: "eu", changed: ["name", "preferredRegion"] },
    });
    expect([...entry.tenant_ids].sort()).toEqual(
      [owner.uuid, guest.uuid].sort(),
    );
    const names = (await database
      .owner("ledger.names")
      .where({ id: community.uuid })
      .pluck("name")) as string[];
    expect(names).toEqual(["Compressors"]);
  });

  test.each([
    ["no name", { name: null }, "input.name"],
    ["an empty name", { name: " " }, "input.name"],
    ["a name too long", { name: "x".repeat(201) }, "input.name"],
    [
      "a description with control characters",
      { description: "a\0" },
      "input.description",
    ],
    ["an empty region", { preferredRegion: "" }, "input.preferredRegion"],
  ])("%s is refused", async (_, input, at) => {
    const { errors } = await update(input);
    expect(errors[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", at });
  });
});

describe("updateMembership (C12)", () => {
  const update = (input: object, caller = moderator) =>
    attempt(database, () =>
      run(
        subgraph,
        as(caller),
        `mutation ($input: UpdateMembershipInput!) { updateMembership(input: $input) { id alias contactEmail } }`,
        { input: { communityId: community.uuid, ...input } },
      ),
    );

  test("changes what is given of the own membership, and what is left out stays; null clears", async () => {
    const id = guestMembership.uuid;
    expect(
      changed(
        await update({ alias: "Works", contactEmail: "Data@Example.com " }),
      ),
    ).toEqual({ id, alias: "Works", contactEmail: "data@example.com" });
    expect(changed(await update({ alias: null }))).toEqual({
      id,
      alias: null,
      contactEmail: "data@example.com",
    });
    expect(changed(await update({ contactEmail: null }))).toEqual({
      id,
      alias: null,
      contactEmail: null,
    });
  });

  test("is in the ledger of all tenants here, name and e-mail beside it", async () => {
    await update({ contactEmail: "data@example.com" });
    expect(await last()).toMatchObject({
      kind: "MEMBERSHIP",
      action: "updateMembership",
      subject_id: guestMembership.uuid,
      community_id: community.uuid,
      before: null,
      after: { changed: ["contactEmail"] },
    });
    const emails = (await database
      .owner("ledger.names")
      .where({ id: guestMembership.uuid })
      .pluck("email")) as string[];
    expect(emails).toEqual(["data@example.com"]);
  });

  test.each([
    ["an empty alias", { alias: "" }, "input.alias"],
    ["what is no e-mail", { contactEmail: "nobody" }, "input.contactEmail"],
  ])("%s is refused", async (_, input, at) => {
    const { errors } = await update(input);
    expect(errors[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", at });
  });
});
