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
import { attempt, everythingWritten } from "../support/written.ts";
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

let community: Row & { ownerMembership: Membership };
let guest: Row;
let guestMembership: Membership;
/** Of each tenant an account administrator without a role, and those who take part. */
let owners: Team;
let guests: Team;

interface Team {
  readonly outsider: Identity;
  readonly receiver: Identity;
  readonly leader: Identity;
  readonly moderator: Identity;
  readonly member: Identity;
}

async function seedTeam(membership: Membership, tenant: Row, isOwner: boolean) {
  const aa = ["ACCOUNT_ADMINISTRATOR"] as const;
  const team = {
    outsider: await seed.user(tenant, aa),
    receiver: await seed.user(tenant, aa),
    leader: await seed.user(tenant, aa),
    moderator: await seed.user(tenant, aa),
    member: await seed.user(tenant),
  };
  await seed.member(
    membership,
    team.leader,
    isOwner ? "ADMINISTRATOR" : "MODERATOR",
  );
  await seed.member(membership, team.moderator, "MODERATOR");
  await seed.member(membership, team.member);
  return team;
}
beforeEach(async () => {
  const owner = await seed.tenant();
  guest = await seed.tenant();
  community = await seed.community(owner, "Pumps");
  guestMembership = await seed.membership(community, guest);
  owners = await seedTeam(community.ownerMembership, owner, true);
  guests = await seedTeam(guestMembership, guest, false);
});

const appoint = (
  caller: Identity,
  identity: Identity,
  role: CommunityRole,
  dryRun = false,
): Promise<Answer> =>
  run(
    subgraph,
    as(caller),
    `mutation { setCommunityRoles(input: { communityId: "${community.uuid}", members: [{ identityId: "${identity.uuid}", role: ${role} }], dryRun: ${dryRun} }) { applied members { identity { id } role addedBy { id } } } }`,
  );

const notices = async (reader: Identity) => {
  const { data, errors } = await run(
    subgraph,
    as(reader),
    `{ viewer { notices { nodes { text } } } }`,
  );
  expect(errors).toEqual([]);
  const { viewer } = data as unknown as {
    viewer: { notices: { nodes: { text: string }[] } };
  };
  return viewer.notices.nodes.map(({ text }) => text);
};

describe("an account administrator who has no role here (C16)", () => {
  test.each([
    ["of a member tenant appoints moderators", () => guests, "MODERATOR"],
    [
      "of the owner tenant appoints administrators",
      () => owners,
      "ADMINISTRATOR",
    ],
  ] as const)(
    "%s, and those who lead the tenant here are told",
    async (_, teamOf, role) => {
      const team = teamOf();
      const answer = await attempt(database, () =>
        appoint(team.outsider, team.receiver, role),
      );
      expect(answer.data).toEqual({
        setCommunityRoles: {
          applied: true,
          members: [
            {
              identity: { id: team.receiver.uuid },
              role,
              addedBy: { id: team.outsider.uuid },
            },
          ],
        },
      });
      const others = `1 identity of your tenant is now ${role} in the community "Pumps".`;
      expect(await notices(team.leader)).toEqual([others]);
      expect(await notices(team.moderator)).toEqual([others]);
      expect(await notices(team.receiver)).toEqual([
        `You are now ${role} in the community "Pumps".`,
      ]);
      expect(await notices(team.member)).toEqual([]);
      const foreign = team === owners ? guests : owners;
      for (const one of [foreign.leader, foreign.moderator])
        expect(await notices(one)).toEqual([]);
    },
  );

  test.each([
    ["of a member tenant adds no member", () => guests, "MEMBER"],
    [
      "of a member tenant makes no administrator",
      () => guests,
      "ADMINISTRATOR",
    ],
    ["of the owner tenant adds no member", () => owners, "MEMBER"],
    ["of the owner tenant makes no moderator", () => owners, "MODERATOR"],
  ] as const)("%s", async (_, teamOf, role) => {
    const { outsider, receiver } = teamOf();
    const answer = await attempt(database, () =>
      appoint(outsider, receiver, role),
    );
    expect(outcome(answer)).toBe("FORBIDDEN");
  });

  test("appoints itself, and so helps a tenant whose last moderators were disabled", async () => {
    await database
      .owner("tenant.identities")
      .whereIn("id", [guests.leader.id, guests.moderator.id])
      .update({ enabled: false });
    const answer = await appoint(guests.outsider, guests.outsider, "MODERATOR");
    expect(outcome(answer)).toBe("ok");
    expect(
      outcome(await appoint(guests.outsider, guests.receiver, "MEMBER")),
    ).toBe("ok");
  });

  test("tells nobody by a dry run", async () => {
    const before = await everythingWritten(database);
    const { data } = await appoint(
      guests.outsider,
      guests.receiver,
      "MODERATOR",
      true,
    );
    expect(data).toMatchObject({
      setCommunityRoles: { applied: false, members: [{ role: "MODERATOR" }] },
    });
    expect(await everythingWritten(database)).toEqual(before);
    expect(await notices(guests.leader)).toEqual([]);
  });
});
