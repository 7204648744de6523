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
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type CommunityRole,
  type Identity,
  type Membership,
  type Row,
  type TenantRole,
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

let community: Row;
let guest: Row;
let membership: Membership;
let moderator: Identity;
beforeEach(async () => {
  community = await seed.community(await seed.tenant());
  guest = await seed.tenant();
  membership = await seed.membership(community, guest);
  moderator = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
  await seed.member(membership, moderator, "MODERATOR");
});

const decide = (settings: {
  moderators_are_administrators?: boolean;
  community_founders?: TenantRole[];
}) => database.owner("tenant.tenants").where({ id: guest.id }).update(settings);

const mutate = (caller: Identity, mutation: string): Promise<Answer> =>
  attempt(database, () =>
    run(subgraph, as(caller), `mutation { ${mutation} }`),
  );
const set = async (
  identity: Identity,
  role: CommunityRole,
  caller = moderator,
) =>
  outcome(
    await mutate(
      caller,
      `setCommunityRoles(input: { communityId: "${community.uuid}", members: [{ identityId: "${identity.uuid}", role: ${role} }] }) { communityId }`,
    ),
  );
const remove = async (identity: Identity, caller = moderator) =>
  outcome(
    await mutate(
      caller,
      `removeCommunityMembers(input: { communityId: "${community.uuid}", identityIds: ["${identity.uuid}"] }) { communityId }`,
    ),
  );

describe("whether moderators must be account administrators (C13)", () => {
  test.each([
    ["a user", () => seed.user(guest)],
    ["a client", () => seed.client(guest)],
  ])(
    "%s who is none becomes moderator only where the tenant does not ask for it",
    async (_, make) => {
      const receiver = await make();
      expect(await set(receiver, "MODERATOR")).toBe("FORBIDDEN");
      await decide({ moderators_are_administrators: false });
      expect(await set(receiver, "MODERATOR")).toBe("ok");
    },
  );

  test("is each tenant's own affair", async () => {
    const other = await seed.tenant();
    const otherMembership = await seed.membership(community, other);
    const otherModerator = await seed.user(other, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(otherMembership, otherModerator, "MODERATOR");
    await decide({ moderators_are_administrators: false });
    expect(await set(await seed.user(other), "MODERATOR", otherModerator)).toBe(
      "FORBIDDEN",
    );
  });

  test("binds new appointments only: who is moderator already stays and acts", async () => {
    const plain = await seed.user(guest);
    await seed.member(membership, plain, "MODERATOR");
    expect(await set(await seed.user(guest), "MEMBER", plain)).toBe("ok");
    expect(await set(plain, "MEMBER", plain)).toBe("ok");
    expect(await set(plain, "MODERATOR")).toBe("FORBIDDEN");
  });

  test("tells who is an effective moderator: the last of them stays (rule 5)", async () => {
    const plain = await seed.user(guest);
    await seed.member(membership, plain, "MODERATOR");
    expect(await remove(moderator, plain)).toBe("CONFLICT");
    expect(await set(moderator, "MEMBER")).toBe("CONFLICT");
    await decide({ moderators_are_administrators: false });
    expect(await remove(moderator, plain)).toBe("ok");
    expect(await remove(plain, plain)).toBe("CONFLICT");
  });

  test("a disabled one is not effective, whatever the tenant asks", async () => {
    const disabled = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(membership, disabled, "MODERATOR");
    await database
      .owner("tenant.identities")
      .where({ id: disabled.id })
      .update({ enabled: false });
    expect(await remove(moderator)).toBe("CONFLICT");
    await decide({ moderators_are_administrators: false });
    expect(await remove(moderator)).toBe("CONFLICT");
  });
});

describe("who may create a community (C1)", () => {
  const create = async (caller: Identity) =>
    outcome(
      await mutate(caller, `createCommunity(input: { name: "New" }) { id }`),
    );

  test.each<[TenantRole[], TenantRole[], string]>([
    [["ACCOUNT_ADMINISTRATOR"], [], "ok"],
    [["DATA_STEWARD"], [], "FORBIDDEN"],
    [["DATA_STEWARD"], ["DATA_STEWARD"], "ok"],
    [["CONTRIBUTOR", "VIEWER"], ["DATA_STEWARD", "VIEWER"], "ok"],
    [["CONTRIBUTOR"], ["DATA_STEWARD", "VIEWER"], "FORBIDDEN"],
    [["ACCOUNT_ADMINISTRATOR"], ["DATA_STEWARD"], "ok"],
    [[], ["DATA_STEWARD"], "FORBIDDEN"],
    [[], ["MEMBER" as TenantRole], "ok"],
  ])(
    "a user with %j where it is given to %j: %s",
    async (has, to, expected) => {
      const user = await seed.user(guest, has);
      await decide({ community_founders: to });
      expect(await create(user)).toBe(expected);
      if (expected !== "ok") return;
      const roles = (await database
        .owner("community.members")
        .where({ identity_id: user.id })
        .pluck("role")) as string[];
      expect(roles).toEqual(["ADMINISTRATOR"]);
    },
  );

  test.each<[TenantRole]>([["ACCOUNT_ADMINISTRATOR"], ["DATA_STEWARD"]])(
    "never a client, whatever it is: %s",
    async (role) => {
      await decide({ community_founders: ["DATA_STEWARD"] });
      expect(await create(await seed.client(guest, [role]))).toBe("FORBIDDEN");
    },
  );

  test("nobody of a tenant that is not entitled", async () => {
    await decide({ community_founders: ["DATA_STEWARD"] });
    const steward = await seed.user(guest, ["DATA_STEWARD"]);
    await database
      .owner("tenant.entitlements")
      .where({ tenant_id: guest.id })
      .delete();
    expect(await create(steward)).toBe("FORBIDDEN");
  });
});
