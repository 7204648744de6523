import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { Refusals, type Refusal } from "../../common/ledger/refusals.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { ledgerOf } from "../support/ledger.ts";
import { logTo } from "../support/log.ts";
import { as, outcome } from "../support/run.ts";
import { Seed, type Row } from "../support/seed.ts";
import { person } from "../support/tenant-world.ts";

let database: TestDatabase;
let tenant: Row;
let member: Viewer;
let disabled: Viewer;
let community: Row;
beforeAll(async () => {
  database = await TestDatabase.create();
  const seed = new Seed(database.owner);
  tenant = await seed.tenant();
  const partner = await seed.tenant();
  community = await seed.community(partner);
  const membership = await seed.membership(community, tenant);
  const identities = [await seed.user(tenant), await seed.client(tenant)];
  for (const identity of identities) await seed.member(membership, identity);
  const [user, client] = identities as [(typeof identities)[0], Row];
  await database
    .owner("tenant.identities")
    .where({ id: client.id })
    .update({ enabled: false });
  [member, disabled] = [as(user), as(client)];
});
beforeEach(() => database.owner.raw("truncate ledger.entries cascade"));
afterAll(() => database.drop());

const written = () =>
  database
    .owner("ledger.entries")
    .orderBy("id")
    .select(
      "action",
      "outcome",
      "kind",
      "subject_type",
      "subject_id",
      "tenant_ids",
      "actor_identity",
      "actor_tenant",
      "after",
    );

const refused = (viewer: Viewer, action: string, after: object) => ({
  action,
  outcome: "REFUSED",
  kind: "IDENTITY",
  subject_type: "Identity",
  subject_id: viewer.identityId,
  tenant_ids: [tenant.uuid],
  actor_identity: viewer.identityId,
  actor_tenant: tenant.uuid,
  after,
});

test.each(modes)(
  "a refused mutation is kept in the chain of the actor's tenant, %s",
  async (mode) => {
    const { log, lines } = logTo([], "info");
    const refusals = new Refusals(database.as("issuer"), 100, log);
    const graph: TestGraph = await startGraph(database, mode, {
      log,
      onRefusal: refusals.note,
    });
    try {
      const remove = `mutation ($community: ID!, $tenant: ID!) {
      first: removeTenant(communityId: $community, tenantId: $tenant) { applied }
      ... on Mutation { ...Second } }
      fragment Second on Mutation { deleteCommunity(id: "${randomUUID()}", confirmName: "a name") { applied } }`;
      const answer = await graph.request(member, remove, {
        community: community.uuid,
        tenant: tenant.uuid,
      });
      expect(
        answer.errors.map(({ extensions }) => extensions.code).sort(),
      ).toEqual(["FORBIDDEN", "NOT_FOUND"]);
      const leave = `mutation { leaveCommunity(communityId: "${community.uuid}") { applied } }`;
      expect(outcome(await graph.request(disabled, leave))).toBe(
        "UNAUTHENTICATED",
      );
      // What is wrong with an input is no refusal, and a read is none either.
      await graph.request(
        member,
        `mutation { createUser(input: { name: "", email: "" }) { id } }`,
      );
      await graph.request(
        member,
        `{ community(id: "${randomUUID()}") { id } }`,
      );
      await fetch(new URL("/graphql", graph.url), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: leave }),
      });
      await graph.request(person("pia@example.com"), leave);
      // A dry run would have changed nothing.
      for (const dryRun of [
        `leaveCommunity(communityId: "${community.uuid}", dryRun: true) { applied }`,
        `removeCommunityMembers(input: { communityId: "${community.uuid}", identityIds: ["${randomUUID()}"], dryRun: true }) { applied }`,
      ])
        expect(
          outcome(await graph.request(member, `mutation { ${dryRun} }`)),
        ).toBe("FORBIDDEN");
      await refusals.stop();
      const entries = await written();
      expect(entries).toHaveLength(4);
      expect(entries).toEqual(
        expect.arrayContaining([
          refused(member, "removeTenant", {
            code: "FORBIDDEN",
            ids: { communityId: community.uuid, tenantId: tenant.uuid },
          }),
          refused(member, "deleteCommunity", {
            code: "NOT_FOUND",
            ids: { id: expect.any(String) },
          }),
          refused(disabled, "leaveCommunity", {
            code: "UNAUTHENTICATED",
            ids: { communityId: community.uuid },
          }),
          refused(member, "createUser", { code: "FORBIDDEN", ids: {} }),
        ]),
      );
      expect(lines).toEqual([
        expect.objectContaining({ status: 401 }),
        expect.objectContaining({ msg: "refused", action: "leaveCommunity" }),
      ]);
      const ledger = await ledgerOf(database);
      expect(await ledger.seal()).toBe(4);
      expect(await ledger.chain(tenant.uuid)).toMatchObject({ kind: "TENANT" });
    } finally {
      await graph.stop();
    }
  },
);

test("variables count with the defaults that the operation gives them", async () => {
  const told: object[] = [];
  const graph = await startGraph(database, "in one process", {
    onRefusal: ({ action, code, ids }) => void told.push({ action, code, ids }),
  });
  try {
    const { data, errors } = await graph.request(
      member,
      `mutation ($id: ID! = "${community.uuid}", $dryRun: Boolean = true) {
        refused: leaveCommunity(communityId: $id) { applied }
        tried: leaveCommunity(communityId: $id, dryRun: $dryRun) { applied }
      }`,
    );
    expect(data).toEqual({ refused: null, tried: null });
    expect(errors).toHaveLength(2);
    expect(told).toEqual([
      {
        action: "leaveCommunity",
        code: "FORBIDDEN",
        ids: { communityId: community.uuid },
      },
    ]);
  } finally {
    await graph.stop();
  }
});

const refusal = (viewer: Viewer): Refusal => ({
  call: { viewer, requestId: "test" },
  action: "leaveCommunity",
  code: "FORBIDDEN",
  ids: {},
});

test("beyond so many a minute they are one entry with their number", async () => {
  const { log } = logTo([], "info");
  const refusals = new Refusals(database.as("issuer"), 2, log);
  for (let i = 0; i < 1000; i += 1) refusals.note(refusal(member));
  refusals.note(refusal(disabled));
  refusals.endMinute();
  refusals.note(refusal(member));
  await refusals.stop();
  const entries = await written();
  const one = refused(member, "leaveCommunity", { code: "FORBIDDEN", ids: {} });
  expect(entries).toHaveLength(5);
  expect(entries).toEqual(
    expect.arrayContaining([
      one,
      refused(member, "refusedMutations", { count: 998 }),
      {
        ...one,
        subject_id: disabled.identityId,
        actor_identity: disabled.identityId,
      },
    ]),
  );
});

test("an identity that was never there leaves no entry, and a database that fails no error", async () => {
  const { log, lines } = logTo([], "info");
  const refusals = new Refusals(database.as("issuer"), 2, log);
  refusals.note(refusal({ ...anonymous, identityId: randomUUID() }));
  await refusals.stop();
  expect(await written()).toEqual([]);
  expect(lines).toEqual([]);
  const failing = new Refusals(database.as("stream"), 2, log);
  failing.note(refusal(member));
  await failing.stop();
  expect(lines).toEqual([
    expect.objectContaining({ msg: "a refusal is not kept" }),
  ]);
});
