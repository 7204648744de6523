import { describe, expect, test } from "@jest/globals";
import { outcome, run, type Answer } from "../support/run.ts";
import {
  administeringOwnTenant,
  type Caller,
} from "../support/tenant-world.ts";
import { attempt } from "../support/written.ts";
import { database, subgraph, world, useTenants } from "./world.ts";

useTenants();

const policy = `moderatorsAreAdministrators communityFounders usesPseudonyms`;

const update = (caller: Caller, input: object): Promise<Answer> =>
  attempt(database, () =>
    run(
      subgraph,
      world.callers[caller],
      `mutation($input: UpdateTenantInput!) { updateTenant(input: $input) { ${policy} } }`,
      { input },
    ),
  );
const changed = async (input: object) => {
  const { data, errors } = await update("an administrator", input);
  expect(errors).toEqual([]);
  return (data as never as { updateTenant: object }).updateTenant;
};
const see = async (caller: Caller) => {
  const { data, errors } = await run(
    subgraph,
    world.callers[caller],
    `query($id: ID!) { tenant(id: $id) { ${policy} } }`,
    { id: world.home.uuid },
  );
  expect(errors).toEqual([]);
  return (data as never as { tenant: object }).tenant;
};

const asFounded = {
  moderatorsAreAdministrators: true,
  communityFounders: [],
  usesPseudonyms: false,
};

describe("what a tenant decides for itself", () => {
  test("is at first what it always was: moderators are AA, AA alone creates communities, names are shown", async () => {
    expect(await see("an administrator")).toEqual(asFounded);
  });

  test.each<[Caller, object]>([
    ["a user without roles", asFounded],
    ["the client itself", asFounded],
    [
      "the administrator of a partner tenant",
      {
        moderatorsAreAdministrators: null,
        communityFounders: null,
        usesPseudonyms: null,
      },
    ],
  ])("is shown inside the tenant alone: %s", async (caller, expected) => {
    expect(await see(caller)).toEqual(expected);
  });

  test.each(administeringOwnTenant)(
    "is changed by its administrators (T1): %s: %s",
    async (caller, expected) => {
      const answer = await update(caller, {
        moderatorsAreAdministrators: false,
        communityFounders: ["DATA_STEWARD"],
        usesPseudonyms: true,
      });
      expect(outcome(answer)).toBe(expected);
    },
  );

  test("changes one by one, and what is left out stays", async () => {
    expect(await changed({ moderatorsAreAdministrators: false })).toEqual({
      ...asFounded,
      moderatorsAreAdministrators: false,
    });
    expect(
      await changed({
        communityFounders: [
          "VIEWER",
          "ACCOUNT_ADMINISTRATOR",
          "DATA_STEWARD",
          "VIEWER",
        ],
      }),
    ).toEqual({
      moderatorsAreAdministrators: false,
      communityFounders: ["DATA_STEWARD", "VIEWER"],
      usesPseudonyms: false,
    });
    expect(await changed({ usesPseudonyms: true, name: "Other" })).toEqual({
      moderatorsAreAdministrators: false,
      communityFounders: ["DATA_STEWARD", "VIEWER"],
      usesPseudonyms: true,
    });
    expect(await changed({ communityFounders: [] })).toMatchObject({
      communityFounders: [],
    });
  });

  test("is in the ledger, as it was and as it is", async () => {
    await changed({
      moderatorsAreAdministrators: false,
      communityFounders: ["MEMBER"],
    });
    const entry = (await database
      .owner("ledger.entries")
      .orderBy("id", "desc")
      .first("kind", "action", "subject_id", "before", "after")) as unknown;
    expect(entry).toMatchObject({
      kind: "TENANT",
      action: "updateTenant",
      subject_id: world.home.uuid,
      before: asFounded,
      after: {
        moderatorsAreAdministrators: false,
        communityFounders: ["MEMBER"],
        usesPseudonyms: false,
      },
    });
  });

  test.each([
    [
      "moderatorsAreAdministrators",
      { moderatorsAreAdministrators: null },
      "input.moderatorsAreAdministrators",
    ],
    [
      "communityFounders",
      { communityFounders: null },
      "input.communityFounders",
    ],
    ["usesPseudonyms", { usesPseudonyms: null }, "input.usesPseudonyms"],
  ])("cannot be empty: %s", async (_, input, at) => {
    const { errors } = await update("an administrator", input);
    expect(errors[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", at });
  });
});
