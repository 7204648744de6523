import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import {
  callers,
  communitySubgraph,
  seedWorld,
  type Caller,
  type CommunityWorld,
} from "./world.ts";

interface Step {
  kind: string;
  community: { id: string } | null;
  sentence: string;
}

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = communitySubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

const ask = (viewer: Viewer) =>
  run(
    subgraph,
    viewer,
    "{ viewer { nextSteps { kind community { id } sentence } } }",
  );

async function stepsOf(viewer: Viewer): Promise<Step[]> {
  const answer = await ask(viewer);
  expect(answer.errors).toEqual([]);
  return (answer.data?.["viewer"] as unknown as { nextSteps: Step[] })
    .nextSteps;
}

const kindsOf = async (identity: Identity) =>
  (await stepsOf(as(identity))).map(({ kind }) => kind);

const invite = (
  place: Row,
  issuing: Row,
  email: string,
  acceptedBy: Row | null = null,
) =>
  database.owner("community.invitations").insert({
    community_id: place.id,
    community_name: "Pumps",
    issuing_tenant_id: issuing.id,
    issued_by: issuing.uuid,
    issued_by_name: "Ann",
    email,
    token_hash: Buffer.from(`${place.uuid} ${email}`),
    expires_at: "2126-01-01",
    ...(acceptedBy && {
      state: "ACCEPTED",
      accepting_tenant_id: acceptedBy.id,
      accepting_tenant_created_at: "2026-01-01",
      accepted_by: acceptedBy.uuid,
      accepted_by_name: "Bob",
      accepted_by_email: email,
      accepted_at: "2026-01-02",
      moderators: [],
      contact_email: email,
      new_tenants_read: "AT_ONCE",
    }),
  });

describe("where an invitation is accepted, a tenant waits, and both sides have paused,", () => {
  let world: CommunityWorld;
  beforeAll(async () => {
    world = await seedWorld(database);
    const { community, tenants } = world;
    const { owner, member, stranger } = tenants;
    // That the third tenant waits, the world has already.
    await invite(community, owner, "bob@stranger.example", stranger);
    await database
      .owner("community.memberships")
      .whereIn(
        "id",
        [owner, member].map(({ membership }) => membership?.id ?? 0),
      )
      .update({ status: "PAUSED" });
  });

  const lead = "APPROVE_NEW_TENANT RESUME_SHARING";
  const expected: readonly [Caller, string][] = [
    ["owner: user, ADMINISTRATOR", `CONFIRM_INVITATION ${lead}`],
    ["owner: user, MODERATOR", lead],
    ["owner: user, MEMBER", ""],
    ["owner: client, MEMBER", ""],
    ["owner: AA, no role", lead],
    ["owner: DS, no role", ""],
    ["owner: CONTRIBUTOR, no role", ""],
    ["owner: VIEWER, no role", ""],
    ["owner: client AA, no role", lead],
    ["member: user, MODERATOR", lead],
    ["member: user, MEMBER", ""],
    ["member: client, MEMBER", ""],
    ["member: AA, no role", lead],
    ["member: AA, MEMBER", lead],
    ["member: client AA, no role", lead],
    ["member: DS, no role", ""],
    ["former: AA, was MODERATOR", "CREATE_COMMUNITY"],
    ["former: user, was MEMBER", ""],
    ["stranger: AA, not in", "CREATE_COMMUNITY"],
    ["unentitled: AA, MODERATOR", "APPROVE_NEW_TENANT ADD_CLIENTS"],
    ["unentitled: user, MEMBER", ""],
  ];

  test.each(expected)("%s: %s", async (caller, kinds) => {
    const steps = await stepsOf(world.viewers[caller]);
    expect(steps.map(({ kind }) => kind).join(" ")).toBe(kinds);
    for (const { kind, community, sentence } of steps) {
      if (kind === "CREATE_COMMUNITY") expect(community).toBeNull();
      else {
        expect(community?.id).toBe(world.community.uuid);
        expect(sentence).toContain(world.community.name);
      }
    }
  });

  test("nobody else is told any", async () => {
    const named = new Set<string>(expected.map(([caller]) => caller));
    for (const caller of callers.filter((caller) => !named.has(caller))) {
      const answer = await ask(world.viewers[caller]);
      if (caller.includes("person"))
        expect(answer.data).toEqual({ viewer: null });
      else expect(outcome(answer)).toBe("UNAUTHENTICATED");
    }
  });
});

describe("from founding to sharing", () => {
  let tenant: Row;
  let administrator: Identity;
  let colleague: Identity;
  beforeEach(async () => {
    tenant = await seed.tenant();
    administrator = await seed.user(tenant, [
      "ACCOUNT_ADMINISTRATOR",
      "DATA_STEWARD",
    ]);
    colleague = await seed.user(tenant, ["DATA_STEWARD"]);
  });

  async function found(): Promise<Row & { ownerMembership: Membership }> {
    const place = await seed.community(tenant);
    await seed.member(place.ownerMembership, administrator, "ADMINISTRATOR");
    return place;
  }

  test("each step goes once it is taken", async () => {
    expect(await kindsOf(administrator)).toEqual(["CREATE_COMMUNITY"]);
    const place = await found();
    expect(await kindsOf(administrator)).toEqual([
      "INVITE_TENANT",
      "ADD_MEMBERS",
      "ADD_CLIENTS",
    ]);
    await invite(place, tenant, "bob@partner.example");
    expect(await kindsOf(administrator)).toEqual([
      "ADD_MEMBERS",
      "ADD_CLIENTS",
    ]);
    await seed.member(place.ownerMembership, colleague);
    expect(await kindsOf(administrator)).toEqual(["ADD_CLIENTS"]);
    await seed.member(place.ownerMembership, await seed.client(tenant));
    expect(await kindsOf(administrator)).toEqual([]);
    const stream = await seed.stream(tenant);
    expect(await kindsOf(administrator)).toEqual(["SHARE_STREAMS"]);
    expect(await kindsOf(colleague)).toEqual(["SHARE_STREAMS"]);
    await seed.share(stream, place.ownerMembership);
    expect(await kindsOf(administrator)).toEqual([]);
  });

  test("sharing is suggested to none who may not share, nor where the tenant is not entitled", async () => {
    const place = await found();
    const reader = await seed.user(tenant, ["VIEWER"]);
    await seed.member(place.ownerMembership, reader);
    await seed.member(place.ownerMembership, colleague);
    await seed.stream(tenant);
    expect(await kindsOf(reader)).toEqual([]);
    expect(await kindsOf(colleague)).toEqual(["SHARE_STREAMS"]);
    await database
      .owner("tenant.entitlements")
      .where({ tenant_id: tenant.id })
      .delete();
    expect(await kindsOf(colleague)).toEqual([]);
  });

  test("where nobody looks after a community any more, an account administrator is to appoint somebody", async () => {
    const place = await found();
    const partner = await seed.tenant();
    const theirs = await seed.user(partner, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(await seed.membership(place, partner), theirs);
    await database
      .owner("tenant.identities")
      .where({ id: administrator.id })
      .update({ enabled: false });
    const other = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
    expect(await kindsOf(other)).toEqual(["APPOINT_ADMINISTRATOR"]);
    expect(await kindsOf(theirs)).toEqual(["APPOINT_MODERATOR"]);
  });

  test("a moderator who is no account administrator looks after nothing, unless its tenant allows it", async () => {
    const partner = await seed.tenant();
    const theirs = await seed.user(partner, ["ACCOUNT_ADMINISTRATOR"]);
    const membership = await seed.membership(await found(), partner);
    await seed.member(membership, await seed.user(partner), "MODERATOR");
    expect(await kindsOf(theirs)).toContain("APPOINT_MODERATOR");
    await database
      .owner("tenant.tenants")
      .where({ id: partner.id })
      .update({ moderators_are_administrators: false });
    expect(await kindsOf(theirs)).not.toContain("APPOINT_MODERATOR");
  });

  test("ownership that is offered is answered by a user who administers its tenant and moderates for it", async () => {
    const host = await seed.tenant();
    const place = await seed.community(host);
    const membership = await seed.membership(place, tenant);
    await seed.member(membership, administrator, "MODERATOR");
    await seed.member(membership, colleague, "MODERATOR");
    const offer = database.owner("community.ownership_offers");
    await offer.clone().insert({
      community_id: place.id,
      membership_id: membership.id,
      offered_by: colleague.uuid,
    });
    const others = ["ADD_MEMBERS", "ADD_CLIENTS"];
    expect(await kindsOf(administrator)).toEqual([
      "ANSWER_OWNERSHIP_OFFER",
      ...others,
    ]);
    expect(await kindsOf(colleague)).toEqual(others);
    await offer.clone().where({ membership_id: membership.id }).update({
      accepted_by: administrator.uuid,
      accepted_at: "2026-01-01",
      effective_at: "2126-01-01",
    });
    expect(await kindsOf(administrator)).toEqual(others);
  });

  test("an invitation at the own address is told to those who may accept it, until it ends", async () => {
    const host = await seed.tenant();
    const place = await seed.community(host);
    const [email] = (await database
      .owner("tenant.users")
      .where({ identity_id: administrator.id })
      .pluck("email")) as [string];
    const theirs = database
      .owner("tenant.users")
      .where({ identity_id: colleague.id });
    await invite(place, host, email);
    expect(await kindsOf(administrator)).toEqual([
      "ACCEPT_INVITATION",
      "CREATE_COMMUNITY",
    ]);
    const [step] = await stepsOf(as(administrator));
    expect(step?.community).toBeNull();
    const [otherEmail] = (await theirs.pluck("email")) as [string];
    await invite(place, host, otherEmail);
    expect(await kindsOf(colleague)).toEqual([]);
    await database
      .owner("community.invitations")
      .where({ email })
      .update({ expires_at: "2026-01-01" });
    expect(await kindsOf(administrator)).toEqual(["CREATE_COMMUNITY"]);
  });

  test("of many communities one joined long ago is looked at where it is paused, or somebody waits", async () => {
    const old = await found();
    const partner = await seed.tenant();
    await database
      .owner("community.memberships")
      .where({ id: old.ownerMembership.id })
      .update({ status: "PAUSED" });
    for (let i = 0; i < 21; i++) await found();
    const [paused] = await stepsOf(as(administrator));
    expect(paused).toMatchObject({
      kind: "RESUME_SHARING",
      community: { id: old.uuid },
    });
    await invite(old, tenant, "bob@partner.example", partner);
    const [accepted] = await stepsOf(as(administrator));
    expect(accepted).toMatchObject({
      kind: "CONFIRM_INVITATION",
      community: { id: old.uuid },
    });
  });

  test("no more than twenty are told", async () => {
    for (let i = 0; i < 11; i++) await found();
    const kinds = await kindsOf(administrator);
    expect(kinds).toHaveLength(20);
    expect(new Set(kinds)).toEqual(new Set(["INVITE_TENANT", "ADD_MEMBERS"]));
  });
});
