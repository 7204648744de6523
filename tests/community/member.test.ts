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
} from "../support/seed.ts";
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
let owner: Row;
let ownerMembership: Membership;
let administrator: Identity;
let guest: Row;
let guestMembership: Membership;
let moderator: Identity;
beforeEach(async () => {
  owner = await seed.tenant();
  ({ ownerMembership, ...community } = await seed.community(owner));
  administrator = await seed.user(owner);
  await seed.member(ownerMembership, administrator, "ADMINISTRATOR");
  guest = await seed.tenant();
  guestMembership = await seed.membership(community, guest);
  moderator = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
  await seed.member(guestMembership, moderator, "MODERATOR");
});

type Wishes = readonly (readonly [{ uuid: string }, CommunityRole])[];

const set = (caller: Identity, wishes: Wishes): Promise<Answer> =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: SetCommunityRolesInput!) { setCommunityRoles(input: $input) {
       applied communityId membership { id } members { identity { id } role addedAt addedBy { id } }
       tenantCount identityCount shareCount streamCount stillReadableCount tenants { id } identities { id }
     } }`,
    {
      input: {
        communityId: community.uuid,
        members: wishes.map(([{ uuid }, role]) => ({ identityId: uuid, role })),
      },
    },
  );

const remove = (caller: Identity, identities: readonly { uuid: string }[]) =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: RemoveCommunityMembersInput!) { removeCommunityMembers(input: $input) {
       applied community { id } membership { id } members { role } tenantCount identityCount shareCount
       identities { id } tenants { id }
     } }`,
    {
      input: {
        communityId: community.uuid,
        identityIds: identities.map(({ uuid }) => uuid),
      },
    },
  );

const rolesOf = async (membership: Membership) =>
  Object.fromEntries(
    (
      (await database
        .owner("community.members as r")
        .join("tenant.identities as i", "i.id", "r.identity_id")
        .where({ membership_id: membership.id })
        .select("i.uuid", "r.role")) as { uuid: string; role: CommunityRole }[]
    ).map(({ uuid, role }) => [uuid, role]),
  );
const entries = async () =>
  database
    .owner("ledger.entries")
    .where({ community_id: community.uuid })
    .orderBy("id")
    .select("kind", "action", "subject_id", "before", "after", "tenant_ids");

/** A refusal, where it points, and that it left everything as it was. */
async function expectRefusal(
  attempt: () => Promise<Answer>,
  code: string,
  at?: string,
) {
  const before = [
    await rolesOf(ownerMembership),
    await rolesOf(guestMembership),
    await entries(),
  ];
  const answer = await attempt();
  expect(outcome(answer)).toBe(code);
  expect(answer.errors[0]?.extensions.at).toBe(at);
  expect([
    await rolesOf(ownerMembership),
    await rolesOf(guestMembership),
    await entries(),
  ]).toEqual(before);
}

describe("setting roles", () => {
  test("adds and changes many at once, answers them in the given order, and records each", async () => {
    const user = await seed.user(guest);
    const client = await seed.client(guest, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(guestMembership, user, "MODERATOR");
    const { data, errors } = await set(moderator, [
      [user, "MEMBER"],
      [client, "MODERATOR"],
      [moderator, "MODERATOR"],
    ]);
    expect(errors).toEqual([]);
    const member = (
      identity: Identity,
      role: string,
      addedBy: object | null,
    ) => ({
      identity: { id: identity.uuid },
      role,
      addedAt: expect.any(String),
      addedBy,
    });
    expect(data?.["setCommunityRoles"]).toEqual({
      applied: true,
      communityId: community.uuid,
      membership: { id: guestMembership.uuid },
      members: [
        member(user, "MEMBER", null),
        member(client, "MODERATOR", { id: moderator.uuid }),
        member(moderator, "MODERATOR", null),
      ],
      tenantCount: 0,
      identityCount: 0,
      shareCount: 0,
      streamCount: 0,
      stillReadableCount: 0,
      tenants: [],
      identities: [],
    });
    expect(await rolesOf(guestMembership)).toEqual({
      [user.uuid]: "MEMBER",
      [client.uuid]: "MODERATOR",
      [moderator.uuid]: "MODERATOR",
    });
    const entry = (identity: Identity, before: unknown, after: unknown) => ({
      kind: "ROLE",
      action: "setCommunityRoles",
      subject_id: identity.uuid,
      before: { role: before },
      after: { role: after },
      tenant_ids: [guest.uuid],
    });
    expect(await entries()).toEqual([
      entry(user, "MODERATOR", "MEMBER"),
      entry(client, null, "MODERATOR"),
    ]);
  });

  test("is all or nothing: one fault refuses them all and is named by its place", async () => {
    const user = await seed.user(guest);
    await expectRefusal(
      () =>
        set(moderator, [
          [user, "MEMBER"],
          [administrator, "MEMBER"],
        ]),
      "NOT_FOUND",
      "input.members.1",
    );
  });

  test("finds no identity of another tenant, no unknown and no malformed one", async () => {
    for (const uuid of [
      administrator.uuid,
      "11111111-1111-4111-8111-111111111111",
      "nonsense",
      "\0",
    ]) {
      await expectRefusal(
        () => set(moderator, [[{ uuid }, "MEMBER"]]),
        "NOT_FOUND",
        "input.members.0",
      );
      await expectRefusal(
        () => remove(moderator, [{ uuid }]),
        "NOT_FOUND",
        "input.identityIds.0",
      );
    }
  });

  test("refuses nobody, too many, and the same one twice", async () => {
    const user = await seed.user(guest);
    await expectRefusal(
      () => set(moderator, []),
      "BAD_USER_INPUT",
      "input.members",
    );
    await expectRefusal(
      () =>
        set(moderator, [
          [user, "MEMBER"],
          [user, "MODERATOR"],
        ]),
      "BAD_USER_INPUT",
      "input.members.1",
    );
    await expectRefusal(
      () => set(moderator, Array(1001).fill([user, "MEMBER"])),
      "LIMIT_EXCEEDED",
      "input.members",
    );
    await expectRefusal(
      () => remove(moderator, []),
      "BAD_USER_INPUT",
      "input.identityIds",
    );
  });

  test("asks who may, again, of the second of two mutations in one request", async () => {
    const second = await seed.user(owner);
    await seed.member(ownerMembership, second, "ADMINISTRATOR");
    const answer = await run(
      subgraph,
      as(second),
      `mutation ($id: ID!, $me: ID!, $other: ID!) {
         lower: setCommunityRoles(input: { communityId: $id, members: [{ identityId: $me, role: MEMBER }] }) { applied }
         remove: removeCommunityMembers(input: { communityId: $id, identityIds: [$other] }) { applied }
       }`,
      { id: community.uuid, me: second.uuid, other: administrator.uuid },
    );
    expect(answer.data).toEqual({ lower: { applied: true }, remove: null });
    expect(outcome(answer)).toBe("FORBIDDEN");
  });
});

describe("ADMINISTRATOR", () => {
  test("exists in the owner tenant only", async () => {
    const user = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
    await expectRefusal(
      () => set(moderator, [[user, "ADMINISTRATOR"]]),
      "FORBIDDEN",
      "input.members.0",
    );
  });

  test("is never a client's", async () => {
    const client = await seed.client(owner, ["ACCOUNT_ADMINISTRATOR"]);
    await expectRefusal(
      () => set(administrator, [[client, "ADMINISTRATOR"]]),
      "FORBIDDEN",
      "input.members.0",
    );
  });

  test("turned into MODERATOR is a new grant of that, for an account administrator only", async () => {
    const second = await seed.user(owner);
    await seed.member(ownerMembership, second, "ADMINISTRATOR");
    await expectRefusal(
      () => set(administrator, [[second, "MODERATOR"]]),
      "FORBIDDEN",
      "input.members.0",
    );
    expect(outcome(await set(administrator, [[second, "MEMBER"]]))).toBe("ok");
  });
});

describe("the last one", () => {
  test("of the owner tenant's administrators stays", async () => {
    await expectRefusal(
      () => set(administrator, [[administrator, "MEMBER"]]),
      "CONFLICT",
    );
    await expectRefusal(
      () => remove(administrator, [administrator]),
      "CONFLICT",
    );
  });

  test("of a member tenant's moderators stays", async () => {
    await expectRefusal(
      () => set(moderator, [[moderator, "MEMBER"]]),
      "CONFLICT",
    );
    await expectRefusal(() => remove(moderator, [moderator]), "CONFLICT");
  });

  test("of the owner's moderators may go, for an administrator is left", async () => {
    const user = await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(ownerMembership, user, "MODERATOR");
    expect(outcome(await remove(administrator, [user]))).toBe("ok");
  });

  test("may go as another one comes, in the same call", async () => {
    const next = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
    expect(
      outcome(
        await set(moderator, [
          [moderator, "MEMBER"],
          [next, "MODERATOR"],
        ]),
      ),
    ).toBe("ok");
    expect(await rolesOf(guestMembership)).toEqual({
      [moderator.uuid]: "MEMBER",
      [next.uuid]: "MODERATOR",
    });
  });

  test.each([
    ["disabled", true, false],
    ["no account administrator any more", false, true],
  ])("is also the last beside one who is %s", async (_what, isAA, enabled) => {
    const idle = await seed.client(
      guest,
      isAA ? ["ACCOUNT_ADMINISTRATOR"] : [],
    );
    await seed.member(guestMembership, idle, "MODERATOR");
    await database
      .owner("tenant.identities")
      .where({ id: idle.id })
      .update({ enabled });
    await expectRefusal(() => remove(moderator, [moderator]), "CONFLICT");
    expect(outcome(await remove(moderator, [idle]))).toBe("ok");
  });

  test("that is effective no longer holds nobody: others may go", async () => {
    const member = await seed.user(guest);
    await seed.member(guestMembership, member);
    const stale = await seed.user(guest);
    await seed.member(guestMembership, stale, "MODERATOR");
    await database
      .owner("tenant.identity_roles")
      .where({ identity_id: moderator.id })
      .delete();
    expect(outcome(await remove(stale, [member, moderator]))).toBe("ok");
  });
});

describe("removing members", () => {
  test("ends what they read, and says so", async () => {
    await seed.share(await seed.stream(owner), ownerMembership);
    const user = await seed.user(guest);
    const client = await seed.client(guest);
    await seed.member(guestMembership, user);
    await seed.member(guestMembership, client);
    const { data, errors } = await remove(moderator, [user, client]);
    expect(errors).toEqual([]);
    expect(data?.["removeCommunityMembers"]).toEqual({
      applied: true,
      community: { id: community.uuid },
      membership: { id: guestMembership.uuid },
      members: [],
      tenantCount: 1,
      identityCount: 2,
      shareCount: 1,
      identities: [{ id: user.uuid }, { id: client.uuid }],
      tenants: [{ id: guest.uuid }],
    });
    expect(await rolesOf(guestMembership)).toEqual({
      [moderator.uuid]: "MODERATOR",
    });
    expect(await entries()).toMatchObject([
      {
        action: "removeCommunityMembers",
        subject_id: user.uuid,
        before: { role: "MEMBER" },
        after: { role: null },
      },
      { subject_id: client.uuid },
    ]);
  });

  test("finds nobody who is not in", async () => {
    await expectRefusal(
      async () => remove(moderator, [await seed.user(guest)]),
      "NOT_FOUND",
      "input.identityIds.0",
    );
  });

  test("who takes oneself out sees the community no more", async () => {
    const second = await seed.user(guest);
    await seed.member(guestMembership, second, "MODERATOR");
    const { data } = await remove(second, [second]);
    expect(data?.["removeCommunityMembers"]).toMatchObject({
      applied: true,
      community: null,
      membership: null,
    });
  });
});

describe("the members of a membership", () => {
  const members = (caller: Identity, args = "") =>
    run(
      subgraph,
      as(caller),
      `{ community(id: "${community.uuid}") { memberships { nodes {
           userCount clientCount tenant { id } members${args} { totalCount nodes { identity { id } role } }
         } } } }`,
    );

  test("are the own tenant's, for those who take part; of the others, numbers", async () => {
    const client = await seed.client(guest);
    await seed.member(guestMembership, client);
    const { data, errors } = await members(client);
    expect(errors).toEqual([]);
    expect(data?.["community"]).toEqual({
      memberships: {
        nodes: [
          {
            userCount: 1,
            clientCount: 0,
            tenant: { id: owner.uuid },
            members: null,
          },
          {
            userCount: 1,
            clientCount: 1,
            tenant: { id: guest.uuid },
            members: {
              totalCount: 2,
              nodes: expect.arrayContaining([
                { identity: { id: client.uuid }, role: "MEMBER" },
                { identity: { id: moderator.uuid }, role: "MODERATOR" },
              ]),
            },
          },
        ],
      },
    });
  });

  test("are hidden from an account administrator who has no role here", async () => {
    const { data } = await members(
      await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]),
    );
    expect(data?.["community"]).toMatchObject({
      memberships: { nodes: [{ members: null }, { members: null }] },
    });
  });

  test("are found by words of their name, and paged", async () => {
    const ann = await seed.user(guest);
    const bob = await seed.user(guest);
    await seed.member(guestMembership, ann);
    await seed.member(guestMembership, bob);
    for (const [{ id }, name] of [
      [ann, "Ann Müller"],
      [bob, "bob Muller"],
    ] as const)
      await database.owner("tenant.identities").where({ id }).update({ name });
    const found = async (args: string) => {
      const { data } = await members(moderator, args);
      const { nodes } = (
        data?.["community"] as unknown as {
          memberships: { nodes: { members: object | null }[] };
        }
      ).memberships;
      return nodes[1]?.members;
    };
    expect(await found('(search: "müller ANN")')).toEqual({
      totalCount: 1,
      nodes: [{ identity: { id: ann.uuid }, role: "MEMBER" }],
    });
    expect(await found("(first: 1)")).toEqual({
      totalCount: 3,
      nodes: [{ identity: { id: ann.uuid }, role: "MEMBER" }],
    });
  });
});
