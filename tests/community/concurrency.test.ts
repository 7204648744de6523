import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Knex } from "../../common/database.ts";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { whileHolding } from "../support/waiting.ts";
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
let community: Row & { ownerMembership: Membership };
let administrators: [Identity, Identity];
let guest: Row;
let membership: Membership;
let moderators: [Identity, Identity];
let stream: Stream;
const seedCommunity = async () => {
  owner = await seed.tenant();
  community = await seed.community(owner, "Pumps");
  administrators = [await seed.user(owner), await seed.user(owner)];
  guest = await seed.tenant();
  membership = await seed.membership(community, guest);
  const user = () => seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
  moderators = [await user(), await user()];
  for (const one of administrators)
    await seed.member(community.ownerMembership, one, "ADMINISTRATOR");
  for (const one of moderators) await seed.member(membership, one, "MODERATOR");
  stream = await seed.stream(guest);
  await seed.share(stream, membership);
};
beforeEach(seedCommunity);

const mutate = (caller: Identity, mutation: string): Promise<Answer> =>
  run(subgraph, as(caller), `mutation { ${mutation} }`);
const set = (caller: Identity, identity: Identity, role: string) =>
  mutate(
    caller,
    `setCommunityRoles(input: { communityId: "${community.uuid}", members: [{ identityId: "${identity.uuid}", role: ${role} }] }) { applied }`,
  );
const remove = (caller: Identity, identity: Identity) =>
  mutate(
    caller,
    `removeCommunityMembers(input: { communityId: "${community.uuid}", identityIds: ["${identity.uuid}"] }) { shareCount }`,
  );
const onCommunity =
  (mutation: string, fields = "communityId") =>
  (caller: Identity) =>
    mutate(
      caller,
      `${mutation}(communityId: "${community.uuid}") { ${fields} }`,
    );
const leave = onCommunity("leaveCommunity");
const pause = onCommunity("pauseSharing");
const resume = onCommunity("resumeSharing", "id");
const removeGuest = (caller: Identity) =>
  mutate(
    caller,
    `removeTenant(communityId: "${community.uuid}", tenantId: "${guest.uuid}") { communityId }`,
  );
const removeCommunity = (caller: Identity) =>
  mutate(
    caller,
    `deleteCommunity(id: "${community.uuid}", confirmName: "Pumps") { communityId }`,
  );

const holders = async ({ id }: Membership, role: string) =>
  (await database
    .owner("community.members")
    .where({ membership_id: id, role })) as unknown[];
const exists = async ({ id }: Membership) =>
  (await database.owner("community.memberships").where({ id })).length === 1;

describe("at the same time", () => {
  test("two administrators who lower each other leave one", async () => {
    const [a, b] = administrators;
    for (let round = 0; round < 5; round++) {
      const outcomes = await Promise.all([
        set(a, b, "MEMBER"),
        set(b, a, "MEMBER"),
      ]).then((answers) => answers.map(outcome));
      expect(outcomes.sort()).toEqual(["FORBIDDEN", "ok"]);
      expect(
        await holders(community.ownerMembership, "ADMINISTRATOR"),
      ).toHaveLength(1);
      await database
        .owner("community.members")
        .where({ membership_id: community.ownerMembership.id })
        .update({ role: "ADMINISTRATOR" });
    }
  });

  test("two administrators who step down leave one", async () => {
    const [a, b] = administrators;
    const outcomes = await Promise.all([
      set(a, a, "MEMBER"),
      set(b, b, "MEMBER"),
    ]).then((answers) => answers.map(outcome));
    expect(outcomes.sort()).toEqual(["CONFLICT", "ok"]);
    expect(
      await holders(community.ownerMembership, "ADMINISTRATOR"),
    ).toHaveLength(1);
  });

  test("one moderator removes the other, who leaves with the tenant", async () => {
    const [a, b] = moderators;
    const outcomes = await Promise.all([remove(a, b), leave(b)]).then(
      (answers) => answers.map(outcome),
    );
    // As AA the other may leave without a role too; the first finds nothing if it comes second.
    expect([
      ["ok", "ok"],
      ["NOT_FOUND", "ok"],
    ]).toContainEqual(outcomes);
    expect(await exists(membership)).toBe(false);
  });

  test("pausing and resuming end in one of both", async () => {
    const [a, b] = moderators;
    const answers = await Promise.all([
      pause(a),
      resume(b),
      pause(b),
      resume(a),
    ]);
    expect(answers.map(outcome)).toEqual(["ok", "ok", "ok", "ok"]);
  });

  test("whatever they try, nobody meets a deadlock and no forbidden state comes about", async () => {
    for (let round = 0; round < 6; round++) {
      await seedCommunity();
      const [a, b] = administrators;
      const [c, d] = moderators;
      const storm = [
        () => set(a, b, "MEMBER"),
        () => set(b, a, "MEMBER"),
        () => remove(c, d),
        () => remove(d, c),
        () => pause(c),
        () => resume(d),
        () => share(stream, d),
        () => removeIdentity(d),
        () => removeGuest(a),
        () => leave(c),
        ...(round % 3 === 2 ? [() => removeCommunity(b)] : []),
      ];
      const turn = storm.map((_, i) => storm[(i * 7 + round) % storm.length]);
      const outcomes = await Promise.all(
        turn.map(async (attempt) => {
          const answer = await attempt?.();
          return typeof answer === "object" ? outcome(answer) : "ok";
        }),
      );
      expect(
        outcomes.filter(
          (code) =>
            !/^(ok|FORBIDDEN|NOT_FOUND|CONFLICT|UNAUTHENTICATED)$/.test(code),
        ),
      ).toEqual([]);
      if (await exists(community.ownerMembership))
        expect(
          (await holders(community.ownerMembership, "ADMINISTRATOR")).length,
        ).toBeGreaterThan(0);
      const { rows } = await database.owner.raw(
        `select (select count(*) from community.members where membership_id = :id) as members,
                (select count(*) from stream.shares where membership_id = :id) as shares`,
        { id: membership.id },
      );
      if (!(await exists(membership)))
        expect(rows).toEqual([{ members: 0, shares: 0 }]);
    }
  });
});

/** As the stream subgraph shares, in its order of locks. */
const share = (what: Stream, by: Identity): Promise<void> =>
  database.as("stream").transaction(async (transaction) => {
    const { rows } = await transaction.raw<{
      rows: { membership_id: number }[];
    }>("select membership_id from community.lock_participation(?, ?::uuid[])", [
      by.uuid,
      [community.uuid],
    ]);
    await transaction.raw(
      "select from tenant.lock_identities(array[?::int], array[?::uuid])",
      [by.tenantId, by.uuid],
    );
    for (const { membership_id } of rows)
      await transaction.raw(
        `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
         select s.tenant_id, s.id, m.id, ?, m.community_id, s.uuid, s.name
         from stream.streams s, community.published_memberships m where s.id = ? and m.id = ?
         on conflict do nothing`,
        [by.uuid, what.id, membership_id],
      );
  });

/** As the tenant subgraph removes an identity, in its order of locks. */
const lockIdentity = async (
  transaction: Knex,
  { uuid, tenantId }: Identity,
) => {
  await transaction.raw(
    "select from tenant.tenants where id = ? for no key update",
    [tenantId],
  );
  await transaction.raw(
    "select from tenant.claim_identities(array[?::int], array[?::uuid])",
    [tenantId, uuid],
  );
};
const removeIdentity = (identity: Identity): Promise<void> =>
  database.as("tenant").transaction(async (transaction) => {
    await lockIdentity(transaction, identity);
    await transaction("tenant.identities").where({ id: identity.id }).delete();
  });

describe("what a mutation waited for counts", () => {
  /** Starts a mutation that finds its rows locked by a change, which then commits. */
  async function afterWaitingFor(
    change: (transaction: Knex) => Promise<unknown>,
    attempt: () => Promise<Answer>,
  ): Promise<string> {
    const before = await database.owner("ledger.entries").count();
    const answer = await whileHolding(database.owner, change, attempt);
    const got = outcome(answer);
    if (got !== "ok")
      expect(await database.owner("ledger.entries").count()).toEqual(before);
    return got;
  }

  const lockCommunity = (transaction: Knex) =>
    transaction.raw(
      "select from community.communities where id = ? for no key update",
      [community.id],
    );
  const loseRole = (whose: () => Identity) => async (transaction: Knex) => {
    await lockCommunity(transaction);
    await transaction("community.members")
      .where({ identity_id: whose().id })
      .update({ role: "MEMBER" });
    await transaction("tenant.identity_roles")
      .where({ identity_id: whose().id })
      .delete();
  };

  const attempts: Record<string, [() => Identity, () => Promise<Answer>]> = {
    setCommunityRoles: [
      () => moderators[0],
      () => set(moderators[0], moderators[1], "MEMBER"),
    ],
    removeCommunityMembers: [
      () => moderators[0],
      () => remove(moderators[0], moderators[1]),
    ],
    pauseSharing: [() => moderators[0], () => pause(moderators[0])],
    resumeSharing: [() => moderators[0], () => resume(moderators[0])],
    leaveCommunity: [() => moderators[0], () => leave(moderators[0])],
    removeTenant: [
      () => administrators[0],
      () => removeGuest(administrators[0]),
    ],
    deleteCommunity: [
      () => administrators[0],
      () => removeCommunity(administrators[0]),
    ],
  };

  test.each(Object.keys(attempts))(
    "a caller who has lost the role meanwhile is refused: %s",
    async (name) => {
      const [caller, attempt] = attempts[name] as (typeof attempts)[string];
      expect(await afterWaitingFor(loseRole(caller), attempt)).toBe(
        "FORBIDDEN",
      );
      expect(await exists(membership)).toBe(true);
    },
  );

  test.each(Object.keys(attempts))(
    "nothing is found in a community that was deleted meanwhile: %s",
    async (name) => {
      const [, attempt] = attempts[name] as (typeof attempts)[string];
      const deleted = (transaction: Knex) =>
        transaction("community.communities")
          .where({ id: community.id })
          .delete();
      expect(await afterWaitingFor(deleted, attempt)).toBe("NOT_FOUND");
    },
  );

  test("whoever is account administrator no more becomes no moderator", async () => {
    const receiver = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
    const demoted = async (transaction: Knex) => {
      await lockIdentity(transaction, receiver);
      await transaction("tenant.identity_roles")
        .where({ identity_id: receiver.id })
        .delete();
    };
    expect(
      await afterWaitingFor(demoted, () =>
        set(moderators[0], receiver, "MODERATOR"),
      ),
    ).toBe("FORBIDDEN");
  });

  test("whoever was removed from its tenant is not found", async () => {
    const receiver = await seed.user(guest);
    const removed = async (transaction: Knex) => {
      await lockIdentity(transaction, receiver);
      await transaction("tenant.identities")
        .where({ id: receiver.id })
        .delete();
    };
    expect(
      await afterWaitingFor(removed, () =>
        set(moderators[0], receiver, "MEMBER"),
      ),
    ).toBe("NOT_FOUND");
  });

  test("a caller who was disabled founds nothing", async () => {
    const founder = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
    const disabled = async (transaction: Knex) => {
      await lockIdentity(transaction, founder);
      await transaction("tenant.identities")
        .where({ id: founder.id })
        .update({ enabled: false });
    };
    expect(
      await afterWaitingFor(disabled, () =>
        mutate(founder, `createCommunity(input: { name: "Late" }) { id }`),
      ),
    ).toBe("UNAUTHENTICATED");
  });

  test("a share that was made meanwhile goes with the membership, and is counted", async () => {
    const another = await seed.stream(guest);
    const shared = async (transaction: Knex) => {
      await transaction.raw(
        "select from community.lock_participation(?, ?::uuid[])",
        [moderators[0].uuid, [community.uuid]],
      );
      await new Seed(transaction).share(another, membership);
    };
    const { data } = await whileHolding(database.as("stream"), shared, () =>
      run(
        subgraph,
        as(moderators[0]),
        `mutation { leaveCommunity(communityId: "${community.uuid}") { shareCount } }`,
      ),
    );
    expect(data).toEqual({ leaveCommunity: { shareCount: 2 } });
    expect(
      await database
        .owner("stream.shares")
        .where({ membership_id: membership.id }),
    ).toEqual([]);
  });
});
