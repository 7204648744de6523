import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { communitySubgraph } from "../community/world.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import { Seed, type Identity } from "../support/seed.ts";
import { tenantSubgraph } from "../support/tenant-world.ts";

let database: TestDatabase;
let tenants: Subgraph;
let communities: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  tenants = tenantSubgraph(database);
  communities = communitySubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

test("changes of the same identities in tenant and community at once end in order, never in a deadlock", async () => {
  for (let round = 0; round < 15; round += 1) {
    const owner = await seed.tenant();
    const guest = await seed.tenant();
    const community = await seed.community(owner);
    const membership = await seed.membership(community, guest);
    const administrator = await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(
      community.ownerMembership,
      administrator,
      "ADMINISTRATOR",
    );
    const users: Identity[] = [];
    for (let count = 0; count < 3; count += 1) {
      const user = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
      await seed.member(membership, user, "MODERATOR");
      users.push(user);
    }
    const [ada, bob, cem] = users as [Identity, Identity, Identity];
    await seed.share(await seed.stream(guest), membership);

    const inTenant = (actor: Identity, mutation: string) =>
      run(tenants, as(actor), `mutation { ${mutation} }`);
    const inCommunity = (actor: Identity, mutation: string) =>
      run(communities, as(actor), `mutation { ${mutation} }`);
    const communityId = `communityId: "${community.uuid}"`;
    const role = (identity: Identity, name: string) =>
      `{ identityId: "${identity.uuid}", role: ${name} }`;

    const outcomes = (
      await Promise.all([
        inTenant(ada, `removeUser(id: "${bob.uuid}")`),
        inTenant(bob, `removeUser(id: "${cem.uuid}")`),
        inTenant(
          cem,
          `setUserRoles(input: { id: "${ada.uuid}", roles: [] }) { id }`,
        ),
        inCommunity(
          bob,
          `setCommunityRoles(input: { ${communityId}, members: [${role(ada, "MEMBER")}, ${role(cem, "MEMBER")}] }) { applied }`,
        ),
        inCommunity(
          cem,
          `removeCommunityMembers(input: { ${communityId}, identityIds: ["${ada.uuid}", "${bob.uuid}"] }) { communityId }`,
        ),
        inCommunity(ada, `pauseSharing(${communityId}) { communityId }`),
        round % 3 === 0
          ? inCommunity(
              administrator,
              `removeTenant(${communityId}, tenantId: "${guest.uuid}") { communityId }`,
            )
          : inCommunity(ada, `leaveCommunity(${communityId}) { communityId }`),
      ])
    ).map(outcome);
    expect([
      "ok",
      "NOT_FOUND",
      "FORBIDDEN",
      "UNAUTHENTICATED",
      "CONFLICT",
    ]).toEqual(expect.arrayContaining(outcomes));
    expect(outcomes).toContain("ok");
  }
});
