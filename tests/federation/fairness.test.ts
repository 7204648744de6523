import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { communitySubgraph } from "../community/world.ts";
import { streamSubgraph } from "../stream/world.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { tenantSubgraph } from "../support/tenant-world.ts";

let database: TestDatabase;
let tenants: Subgraph;
let communities: Subgraph;
let streams: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  tenants = tenantSubgraph(database);
  communities = communitySubgraph(database);
  streams = streamSubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

let owner: Row;
let guest: Row;
let community: Row;
let stream: Row;
/** Administers the community. */
let ada: Identity;
/** Administers the guest tenant, and is its moderator. */
let bob: Identity;
/** Is about to lose access, and would rather not. */
let eve: Identity;
beforeEach(async () => {
  owner = await seed.tenant();
  guest = await seed.tenant();
  const founded = await seed.community(owner);
  community = founded;
  const membership = await seed.membership(founded, guest);
  ada = await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]);
  bob = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
  eve = await seed.user(guest, ["DATA_STEWARD"]);
  await seed.member(founded.ownerMembership, ada, "ADMINISTRATOR");
  await seed.member(membership, bob, "MODERATOR");
  await seed.member(membership, eve);
  const shared = await seed.stream(guest);
  await seed.share(shared, membership);
  stream = shared;
});

const inTenant = (mutation: string) =>
  run(tenants, as(bob), `mutation { ${mutation} }`);
const inCommunity = (by: Identity, mutation: string) =>
  run(communities, as(by), `mutation { ${mutation} }`);

const revocations: Record<string, () => Promise<Answer>> = {
  removeUser: () => inTenant(`removeUser(id: "${eve.uuid}")`),
  setUserRoles: () =>
    inTenant(`setUserRoles(input: { id: "${eve.uuid}", roles: [] }) { id }`),
  removeTenant: () =>
    inCommunity(
      ada,
      `removeTenant(communityId: "${community.uuid}", tenantId: "${guest.uuid}") { applied }`,
    ),
  removeCommunityMembers: () =>
    inCommunity(
      bob,
      `removeCommunityMembers(input: { communityId: "${community.uuid}", identityIds: ["${eve.uuid}"] }) { applied }`,
    ),
  pauseSharing: () =>
    inCommunity(
      bob,
      `pauseSharing(communityId: "${community.uuid}") { applied }`,
    ),
};

test.each(Object.keys(revocations))(
  "whoever is about to lose access cannot hold it off by mutations without end: %s",
  async (name) => {
    let goesOn = true;
    const again = `shareStreams(input: { streamIds: ["${stream.uuid}"], communityIds: ["${community.uuid}"] }) { id }`;
    const source = `mutation { ${Array.from({ length: 20 }, (_, i) => `again${i}: ${again}`).join(" ")} }`;
    const flood = Array.from({ length: 12 }, async () => {
      while (goesOn) await run(streams, as(eve), source);
    });
    await new Promise((resolve) => setTimeout(resolve, 500));

    const begun = performance.now();
    const patience = setTimeout(() => (goesOn = false), 10_000);
    const answer = await revocations[name]?.();
    const tookMs = performance.now() - begun;
    clearTimeout(patience);
    goesOn = false;
    await Promise.all(flood);

    expect(answer && outcome(answer)).toBe("ok");
    expect(tookMs).toBeLessThan(2000);
  },
  60_000,
);

test("nobody can lock the rows of another tenant's identities by naming them", async () => {
  const named = `identityId: "${ada.uuid}"`;
  const attempts = [
    () =>
      run(
        streams,
        as(bob),
        `mutation { setStreamAccess(input: { streamIds: ["${stream.uuid}"], access: [{ effect: ALLOW, rights: [READ], ${named} }] }) { applied } }`,
      ),
    () =>
      inCommunity(
        bob,
        `setCommunityRoles(input: { communityId: "${community.uuid}", members: [{ ${named}, role: MEMBER }] }) { applied }`,
      ),
  ];
  // Whoever asks for a lock of that row waits until the transaction ends.
  const waiting = new Promise<string>((resolve) =>
    setTimeout(() => resolve("waits"), 10_000).unref(),
  );
  await database.as("tenant").transaction(async (transaction) => {
    await transaction.raw(
      "select from tenant.claim_identities(array[?::int], array[?::uuid])",
      [ada.tenantId, ada.uuid],
    );
    for (const attempt of attempts)
      expect(await Promise.race([attempt().then(outcome), waiting])).toBe(
        "NOT_FOUND",
      );
  });
});
