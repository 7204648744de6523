import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { createLogger } from "../../common/log.ts";
import type { Subgraph } from "../../common/schema.ts";
import { keepOwnership } from "../../subgraphs/community/ownership/transfer-store.ts";
import { TestDatabase } from "../support/database.ts";
import { toldTenants } from "../support/ledger.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
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
let community: Row & { ownerMembership: Membership };
let administrators: [Identity, Identity];
let heir: Row;
let heirMembership: Membership;
let moderator: Identity;
let third: Row;
let thirdModerator: Identity;
const seedCommunity = async () => {
  owner = await seed.tenant();
  community = await seed.community(owner);
  administrators = [await seed.user(owner), await seed.user(owner)];
  for (const one of administrators)
    await seed.member(community.ownerMembership, one, "ADMINISTRATOR");
  [heir, heirMembership, moderator] = await join();
  [third, , thirdModerator] = await join();
};
beforeEach(seedCommunity);
const join = async (): Promise<[Row, Membership, Identity]> => {
  const tenant = await seed.tenant();
  const membership = await seed.membership(community, tenant);
  const user = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  await seed.member(membership, user, "MODERATOR");
  return [tenant, membership, user];
};

const mutate = (caller: Identity, mutation: string): Promise<Answer> =>
  run(subgraph, as(caller), `mutation { ${mutation} }`);
const offerFields = "ownershipOffer { tenant { id } acceptedAt effectiveAt }";
const offer = (caller = administrators[0], { uuid } = heir) =>
  mutate(
    caller,
    `offerOwnership(communityId: "${community.uuid}", tenantId: "${uuid}") { ${offerFields} }`,
  );
const onCommunity =
  (mutation: string, fields = offerFields) =>
  (caller: Identity) =>
    mutate(
      caller,
      `${mutation}(communityId: "${community.uuid}") { ${fields} }`,
    );
const withdraw = onCommunity("withdrawOwnershipOffer");
const accept = onCommunity("acceptOwnership");
const decline = onCommunity("declineOwnership");
const leave = onCommunity("leaveCommunity", "applied");
const setRole = (caller: Identity, identity: Identity, role: string) =>
  mutate(
    caller,
    `setCommunityRoles(input: { communityId: "${community.uuid}", members: [{ identityId: "${identity.uuid}", role: ${role} }] }) { applied }`,
  );
const ask = async (caller: Identity, fields: string) => {
  const answer = await run(
    subgraph,
    as(caller),
    `{ community(id: "${community.uuid}") { ${fields} } }`,
  );
  return answer.data?.["community"] ?? null;
};
const offerSeenBy = async (caller: Identity) =>
  (await ask(caller, offerFields))?.["ownershipOffer"];
const roleOf = async (caller: Identity) =>
  (await ask(caller, "myRole"))?.["myRole"];
const ownerSeenBy = async (caller: Identity) =>
  (await ask(caller, "ownerTenant { id }"))?.["ownerTenant"];

/** As if the announced time had passed. */
const becomeDue = () =>
  database
    .owner("community.ownership_offers")
    .where({ community_id: community.id })
    .update({ effective_at: database.owner.raw("now()") });
/** What every process that serves communities does each second. */
const beat = () =>
  keepOwnership(database.as("community"), createLogger("test", "silent"))();
const acceptAndLetPass = async () => {
  await offer();
  expect(outcome(await accept(moderator))).toBe("ok");
  await becomeDue();
};
const lastEntry = async () =>
  (await database
    .owner("ledger.entries")
    .where({ community_id: community.uuid, kind: "COMMUNITY" })
    .orderBy("id", "desc")
    .select(database.owner.raw(toldTenants))
    .first("action", "actor_identity", "before", "after")) as {
    action: string;
    tenant_ids: string[];
  };
const noticed = async (): Promise<string[]> =>
  (
    (await database
      .owner("mail.notices")
      .where({ community: community.uuid })
      .orderBy("id")
      .select("kind")) as { kind: string }[]
  ).map(({ kind }) => kind);

describe("an offer", () => {
  test("is seen by those who can take it back or answer it, until it is accepted; then by all", async () => {
    const member = await seed.client(third);
    const [, thirdMembership] = await memberships();
    await seed.member(thirdMembership, member);
    const ownMember = await seed.user(owner);
    await seed.member(community.ownerMembership, ownMember);
    const answer = await attempt(database, () => offer());
    expect(answer.data?.["offerOwnership"]?.["ownershipOffer"]).toEqual({
      tenant: { id: heir.uuid },
      acceptedAt: null,
      effectiveAt: null,
    });
    for (const one of [...administrators, moderator])
      expect(await offerSeenBy(one)).not.toBeNull();
    for (const one of [thirdModerator, member, ownMember])
      expect(await offerSeenBy(one)).toBeNull();

    await accept(moderator);
    for (const one of [thirdModerator, member, ownMember])
      expect(await offerSeenBy(one)).toMatchObject({
        tenant: { id: heir.uuid },
      });
  });

  test("takes effect 72 hours after its acceptance, or as it is configured", async () => {
    await offer();
    const answer = await attempt(database, () => accept(moderator));
    const { acceptedAt, effectiveAt } = answer.data?.["acceptOwnership"]?.[
      "ownershipOffer"
    ] as unknown as { acceptedAt: string; effectiveAt: string };
    expect(Date.parse(effectiveAt) - Date.parse(acceptedAt)).toBe(
      72 * 3_600_000,
    );
    expect(await ownerSeenBy(moderator)).toEqual({ id: owner.uuid });
    await beat();
    expect(await ownerSeenBy(moderator)).toEqual({ id: owner.uuid });

    await withdraw(administrators[0]);
    subgraph = communitySubgraph(database, { ownershipDelayHours: 0 });
    await offer();
    await accept(moderator);
    subgraph = communitySubgraph(database);
    await beat();
    expect(await ownerSeenBy(moderator)).toEqual({ id: heir.uuid });
  });

  test("tells both sides, and once it is accepted everybody, in ledger and notices", async () => {
    await offer();
    expect(await lastEntry()).toMatchObject({
      action: "offerOwnership",
      tenant_ids: [owner.uuid, heir.uuid],
      after: { offeredToTenantId: heir.uuid },
    });
    await accept(moderator);
    const { tenant_ids: all, action } = await lastEntry();
    expect(action).toBe("acceptOwnership");
    expect([...all].sort()).toEqual([owner.uuid, heir.uuid, third.uuid].sort());
    expect(await noticed()).toEqual([
      "OWNERSHIP_OFFERED",
      "OWNERSHIP_ANNOUNCED",
    ]);
    const { rows } = await database.owner.raw<{ rows: { uuid: string }[] }>(
      `select distinct r.identity as uuid from mail.recipients r
       join mail.notices n on n.id = r.notice_id
       where n.kind = 'OWNERSHIP_ANNOUNCED' and n.community = ?`,
      [community.uuid],
    );
    expect(rows.map(({ uuid }) => uuid).sort()).toEqual(
      [...administrators, moderator, thirdModerator]
        .map(({ uuid }) => uuid)
        .sort(),
    );
  });

  test("names who made it, and the owner once that one is gone", async () => {
    await offer();
    const name = async () =>
      (await ask(moderator, "ownershipOffer { offeredByName }"))?.[
        "ownershipOffer"
      ]?.["offeredByName"];
    const nameOf = async (table: string, { id }: Row) =>
      (
        (await database.owner(table).where({ id }).first("name")) as Row & {
          name: string;
        }
      ).name;
    expect(await name()).toBe(
      await nameOf("tenant.identities", administrators[0]),
    );
    await remove(administrators[0]);
    expect(await name()).toBe(await nameOf("tenant.tenants", owner));
    expect(outcome(await withdraw(administrators[1]))).toBe("ok");
  });

  test("can be withdrawn or declined, before it is accepted and after, until it takes effect", async () => {
    for (const [end, caller] of [
      [withdraw, administrators[1]],
      [decline, moderator],
    ] as const)
      for (const isAccepted of [false, true]) {
        await offer();
        if (isAccepted) await accept(moderator);
        const answer = await attempt(database, () => end(caller));
        expect(outcome(answer)).toBe("ok");
        expect(await offerSeenBy(administrators[0])).toBeNull();
        expect((await lastEntry()).tenant_ids).toHaveLength(isAccepted ? 3 : 2);
      }
    expect(await noticed()).toContain("OWNERSHIP_OFFER_ENDED");
  });

  test("shows its right to those who can answer it, as long as there is one", async () => {
    const rights = async (caller: Identity): Promise<string[]> =>
      (await ask(caller, "myRights"))?.["myRights"] ?? [];
    expect(await rights(moderator)).not.toContain("ACCEPT_OWNERSHIP");
    expect(await rights(administrators[0])).toContain("OFFER_OWNERSHIP");
    await offer();
    expect(await rights(moderator)).toContain("ACCEPT_OWNERSHIP");
    expect(await rights(thirdModerator)).not.toContain("ACCEPT_OWNERSHIP");
    expect(await rights(moderator)).not.toContain("OFFER_OWNERSHIP");
  });
});

describe("it is refused, and nothing written:", () => {
  const refused = async (operation: () => Promise<Answer>, code: string) =>
    expect(outcome(await attempt(database, operation))).toBe(code);

  test("to offer to the owner itself, to a tenant that is not in, or a second time", async () => {
    const stranger = await seed.tenant();
    await refused(() => offer(administrators[0], owner), "CONFLICT");
    await refused(() => offer(administrators[0], stranger), "NOT_FOUND");
    await refused(
      () => offer(administrators[0], { id: 0, uuid: "no id" }),
      "NOT_FOUND",
    );
    await offer();
    await refused(() => offer(administrators[1], third), "CONFLICT");
  });

  test("to answer what is offered to nobody, or to another tenant, in the same words", async () => {
    const messages = new Set<string | undefined>();
    for (const answer of [accept, decline]) {
      await refused(() => answer(thirdModerator), "CONFLICT");
      messages.add((await answer(thirdModerator)).errors[0]?.message);
    }
    await offer();
    for (const answer of [accept, decline]) {
      await refused(() => answer(thirdModerator), "CONFLICT");
      messages.add((await answer(thirdModerator)).errors[0]?.message);
    }
    expect(messages.size).toBe(1);
  });

  test("to accept twice, or to withdraw what is not offered", async () => {
    await refused(() => withdraw(administrators[0]), "CONFLICT");
    await offer();
    await accept(moderator);
    await refused(() => accept(moderator), "CONFLICT");
  });

  test("to accept without being AA, or moderator, or a person", async () => {
    await offer();
    const nobody = await seed.user(heir, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(heirMembership, nobody);
    const noAdministrator = await seed.user(heir, ["DATA_STEWARD"]);
    await seed.member(heirMembership, noAdministrator, "MODERATOR");
    const program = await seed.client(heir, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(heirMembership, program, "MODERATOR");
    for (const caller of [nobody, noAdministrator, program])
      for (const answer of [accept, decline])
        await refused(() => answer(caller), "FORBIDDEN");
  });

  test("to accept for a tenant that is not entitled to communities", async () => {
    await offer();
    await entitle(heir, false);
    await refused(() => accept(moderator), "CONFLICT");
  });
});

describe("when its time has come, ownership moves", () => {
  const moved = async () => {
    expect(await ownerSeenBy(thirdModerator)).toEqual({ id: heir.uuid });
    expect(await roleOf(moderator)).toBe("ADMINISTRATOR");
    for (const one of administrators)
      expect(await roleOf(one)).toBe("MODERATOR");
    expect(await offerSeenBy(moderator)).toBeNull();
  };

  test("by the clock of a process, though nobody touches the community", async () => {
    await acceptAndLetPass();
    await beat();
    await moved();
    expect(await lastEntry()).toMatchObject({
      action: "transferOwnership",
      actor_identity: null,
      before: { ownerTenantId: owner.uuid },
      after: { ownerTenantId: heir.uuid },
    });
    const roles = await database
      .owner("ledger.entries")
      .where({
        action: "transferOwnership",
        kind: "ROLE",
        community_id: community.uuid,
      })
      .select("subject_id", "before", "after");
    expect(roles).toHaveLength(3);
    expect(roles).toContainEqual({
      subject_id: moderator.uuid,
      before: { role: "MODERATOR" },
      after: { role: "ADMINISTRATOR" },
    });
    expect((await noticed()).at(-1)).toBe("OWNERSHIP_TRANSFERRED");
  });

  test("before whatever is done to the community: the old owner's word counts no more", async () => {
    await acceptAndLetPass();
    const answer = await mutate(
      administrators[0],
      `removeTenant(communityId: "${community.uuid}", tenantId: "${third.uuid}") { applied }`,
    );
    expect(outcome(answer)).toBe("FORBIDDEN");
    await moved();
    expect(
      outcome(
        await mutate(
          moderator,
          `updateCommunity(input: { id: "${community.uuid}", name: "Ours" }) { name }`,
        ),
      ),
    ).toBe("ok");
  });

  test("before a withdrawal that comes too late", async () => {
    await acceptAndLetPass();
    expect(outcome(await withdraw(administrators[0]))).toBe("FORBIDDEN");
    await moved();
  });

  test("and the new owner is the owner in everything: it cannot leave, the old one can", async () => {
    await acceptAndLetPass();
    await beat();
    expect(outcome(await leave(moderator))).toBe("CONFLICT");
    expect(outcome(await leave(administrators[0]))).toBe("ok");
    expect(
      outcome(
        await mutate(
          moderator,
          `removeTenant(communityId: "${community.uuid}", tenantId: "${third.uuid}") { applied }`,
        ),
      ),
    ).toBe("ok");
  });

  test("once, whatever the number of processes", async () => {
    await acceptAndLetPass();
    await Promise.all([beat(), beat(), beat()]);
    await moved();
    const { rows } = await database.owner.raw<{ rows: [{ count: number }] }>(
      "select count(*) from ledger.entries where action = 'transferOwnership' and kind = 'COMMUNITY' and community_id = ?",
      [community.uuid],
    );
    expect(rows[0].count).toBe(1);
  });

  test("though that of another community fails, which is tried again", async () => {
    await acceptAndLetPass();
    const stuck = { id: community.id, owner: owner.id, heir: heir.id };
    await database.owner.raw(
      `alter table community.communities add constraint stuck check (id <> ${stuck.id} or owner_tenant_id = ${stuck.owner})`,
    );
    await seedCommunity();
    await acceptAndLetPass();
    await beat();
    await moved();

    await database.owner.raw(
      "alter table community.communities drop constraint stuck",
    );
    await beat();
    const { owner_tenant_id } = (await database
      .owner("community.communities")
      .where({ id: stuck.id })
      .first("owner_tenant_id")) as { owner_tenant_id: number };
    expect(owner_tenant_id).toBe(stuck.heir);
  });
});

describe("before it takes effect,", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["the one who accepted is removed", () => remove(moderator)],
    [
      "the one who accepted is disabled",
      () =>
        database
          .owner("tenant.identities")
          .where({ id: moderator.id })
          .update({ enabled: false }),
    ],
    [
      "the one who accepted is no longer AA",
      () =>
        database
          .owner("tenant.identity_roles")
          .where({ identity_id: moderator.id })
          .delete(),
    ],
    [
      "the one who accepted is no longer moderator",
      async () => {
        const second = await seed.user(heir, ["ACCOUNT_ADMINISTRATOR"]);
        await seed.member(heirMembership, second, "MODERATOR");
        expect(outcome(await setRole(second, moderator, "MEMBER"))).toBe("ok");
      },
    ],
    [
      "the tenant that accepted loses its entitlement",
      () => entitle(heir, false),
    ],
  ])("%s: the community stays where it is", async (_what, happen) => {
    await offer();
    await accept(moderator);
    await happen();
    await becomeDue();
    await beat();
    expect(await ownerSeenBy(thirdModerator)).toEqual({ id: owner.uuid });
    for (const one of administrators)
      expect(await roleOf(one)).toBe("ADMINISTRATOR");
    expect(await offerSeenBy(administrators[0])).toBeNull();
    expect(await lastEntry()).toMatchObject({
      action: "lapseOwnershipOffer",
      after: { ownerTenantId: owner.uuid },
    });
    expect((await noticed()).at(-1)).toBe("OWNERSHIP_OFFER_ENDED");
  });

  test.each<[string, () => Promise<Answer>]>([
    ["leaves", () => leave(moderator)],
    [
      "is removed",
      () =>
        mutate(
          administrators[0],
          `removeTenant(communityId: "${community.uuid}", tenantId: "${heir.uuid}") { applied }`,
        ),
    ],
  ])(
    "the tenant that accepted %s: the offer ends with it",
    async (_what, end) => {
      await offer();
      await accept(moderator);
      expect(outcome(await end())).toBe("ok");
      expect(await offerSeenBy(administrators[0])).toBeNull();
      expect(outcome(await offer(administrators[0], third))).toBe("ok");
    },
  );

  test("the community is deleted: so is the offer", async () => {
    await offer();
    await accept(moderator);
    const { name } = (await database
      .owner("community.communities")
      .where({ id: community.id })
      .first("name")) as { name: string };
    const answer = await mutate(
      administrators[0],
      `deleteCommunity(id: "${community.uuid}", confirmName: "${name}") { applied }`,
    );
    expect(outcome(answer)).toBe("ok");
    await beat();
  });

  test("the one who offered loses the role: the offer was the community's, and stands", async () => {
    await offer();
    await accept(moderator);
    await setRole(administrators[1], administrators[0], "MEMBER");
    await becomeDue();
    await beat();
    expect(await ownerSeenBy(moderator)).toEqual({ id: heir.uuid });
    expect(await roleOf(administrators[0])).toBe("MEMBER");
  });
});

describe("at the same time", () => {
  test("an acceptance and a withdrawal end in one state that both agree on", async () => {
    for (let round = 0; round < 5; round++) {
      await offer();
      const [accepted, withdrawn] = (
        await Promise.all([accept(moderator), withdraw(administrators[0])])
      ).map(outcome);
      expect(withdrawn).toBe("ok");
      expect(["ok", "CONFLICT"]).toContain(accepted);
      expect(await offerSeenBy(administrators[0])).toBeNull();
    }
  });

  test("two offers, or an offer and the tenant's removal, leave one or none", async () => {
    const both = (
      await Promise.all([offer(), offer(administrators[1], third)])
    ).map(outcome);
    expect(both.sort()).toEqual(["CONFLICT", "ok"]);
    await withdraw(administrators[0]);
    const [offered, removed] = (
      await Promise.all([
        offer(),
        mutate(
          administrators[1],
          `removeTenant(communityId: "${community.uuid}", tenantId: "${heir.uuid}") { applied }`,
        ),
      ])
    ).map(outcome);
    expect(["ok", "NOT_FOUND"]).toContain(offered);
    expect(removed).toBe("ok");
    expect(await offerSeenBy(administrators[0])).toBeNull();
  });

  test("a transfer that is due, demotions, withdrawals and leavings meet no deadlock and leave an owner with an administrator", async () => {
    for (let round = 0; round < 6; round++) {
      await seedCommunity();
      await acceptAndLetPass();
      const [a, b] = administrators;
      const storm = [
        () => setRole(a, b, "MEMBER"),
        () => beat(),
        () => setRole(b, a, "MEMBER"),
        () => withdraw(a),
        () => remove(a),
        () => decline(moderator),
        () => leave(moderator),
        () => leave(thirdModerator),
        () => beat(),
        () => offer(b, third),
      ];
      const turn = storm.map(
        (_, i) =>
          storm[(i * 3 + round) % storm.length] as (typeof storm)[number],
      );
      const answers = await Promise.all(turn.map((one) => one()));
      for (const answer of answers)
        if (answer)
          expect(outcome(answer)).toMatch(
            /^(ok|FORBIDDEN|NOT_FOUND|CONFLICT|UNAUTHENTICATED)$/,
          );
      expect(await ownerSeenBy(moderator)).toEqual({ id: heir.uuid });
      expect(await roleOf(moderator)).toBe("ADMINISTRATOR");
      const { rows } = await database.owner.raw<{ rows: unknown[] }>(
        `select from community.members r
         join community.memberships m on m.id = r.membership_id
         join community.communities c on c.id = m.community_id
         where c.id = ? and r.role = 'ADMINISTRATOR' and m.tenant_id <> c.owner_tenant_id`,
        [community.id],
      );
      expect(rows).toEqual([]);
    }
  });
});

const remove = ({ id }: Identity) =>
  database
    .owner("tenant.identities")
    .where({ id })
    .delete()
    .then(() => null);

const entitle = ({ id }: Row, isEntitled: boolean) =>
  isEntitled
    ? database
        .owner("tenant.entitlements")
        .insert({ tenant_id: id, entitlement: "COMMUNITIES" })
    : database.owner("tenant.entitlements").where({ tenant_id: id }).delete();

/** Of the heir and of the third tenant. */
const memberships = async (): Promise<[Membership, Membership]> => {
  const rows = (await database
    .owner("community.memberships")
    .where({ community_id: community.id })
    .whereIn("tenant_id", [heir.id, third.id])
    .orderBy("id")
    .select("id", "uuid", "tenant_id as tenantId")) as [Membership, Membership];
  return rows;
};
