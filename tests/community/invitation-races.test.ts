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
import { tokenSent } from "../support/invitations.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { untilWaiting } from "../support/waiting.ts";
import { tenantSubgraph } from "../support/tenant-world.ts";
import { communitySubgraph, settings } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let tenants: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = communitySubgraph(database, {
    invitations: { ...settings.invitations, perDay: 10_000 },
  });
  tenants = tenantSubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

let owner: Row;
let community: Row & { ownerMembership: Membership };
let administrators: [Identity, Identity];
let guest: Row;
let guests: [Identity, Identity];
let rival: Row;
let rivals: [Identity, Identity];
beforeEach(async () => {
  owner = await seed.tenant();
  community = await seed.community(owner, "Pumps");
  administrators = [await seed.user(owner), await seed.user(owner)];
  for (const one of administrators)
    await seed.member(community.ownerMembership, one, "ADMINISTRATOR");
  [guest, guests] = await company();
  [rival, rivals] = await company();
});

async function company(): Promise<[Row, [Identity, Identity]]> {
  const tenant = await seed.tenant();
  const user = () => seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  return [tenant, [await user(), await user()]];
}

const mutate = (caller: Identity, mutation: string, at = subgraph) =>
  run(at, as(caller), `mutation { ${mutation} }`);
const invite = (by = administrators[0]) =>
  mutate(
    by,
    `inviteTenant(input: { communityId: "${community.uuid}", email: "a@b.example" }) { id }`,
  );
const accept = (token: string, by: Identity) =>
  mutate(
    by,
    `acceptInvitation(input: { token: "${token}", contactEmail: "a@b.example" }) { id }`,
  );
const decline = (token: string, by: Identity) =>
  mutate(by, `declineInvitation(token: "${token}") { id }`);
const byId = (mutation: string) => (id: string, by: Identity) =>
  mutate(by, `${mutation}(id: "${id}") { id }`);
const withdraw = byId("withdrawInvitation");
const resend = byId("resendInvitation");
const cancel = byId("cancelAcceptance");
const confirm = (id: string, tenant: Row, by: Identity) =>
  mutate(
    by,
    `confirmInvitation(input: { id: "${id}", tenantId: "${tenant.uuid}", acceptMismatch: true }) { id }`,
  );
const setRole = (by: Identity, identity: Identity, role: string) =>
  mutate(
    by,
    `setCommunityRoles(input: { communityId: "${community.uuid}", members: [{ identityId: "${identity.uuid}", role: ${role} }] }) { applied }`,
  );
const setTenantRoles = (by: Identity, { uuid }: Identity) =>
  mutate(
    by,
    `setUserRoles(input: { id: "${uuid}", roles: [] }) { id }`,
    tenants,
  );

async function invited(): Promise<{ id: string; token: string }> {
  const { data } = await invite();
  const { id } = data?.["inviteTenant"] as never as { id: string };
  return { id, token: await tokenSent(database) };
}

const all = async (answers: readonly Promise<Answer>[]) =>
  (await Promise.all(answers)).map(outcome);

const stateOf = async (id: string) => {
  const { state, accepting_tenant_id } = await database
    .owner("community.invitations")
    .where({ uuid: id })
    .first("state", "accepting_tenant_id");
  return { state, tenant: accepting_tenant_id as number | null };
};
const isIn = async ({ id }: Row) =>
  (
    await database
      .owner("community.memberships")
      .where({ community_id: community.id, tenant_id: id })
  ).length === 1;

const rounds = 8;

describe("at the same time", () => {
  test("of two tenants that accept by one link, one is bound", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id, token } = await invited();
      const outcomes = await all([
        accept(token, guests[0]),
        accept(token, rivals[0]),
        accept(token, guests[1]),
      ]);
      expect([...outcomes].sort()).toEqual(["CONFLICT", "CONFLICT", "ok"]);
      expect(await stateOf(id)).toEqual({
        state: "ACCEPTED",
        tenant: outcomes[1] === "ok" ? rival.id : guest.id,
      });
      expect(outcome(await withdraw(id, administrators[0]))).toBe("ok");
    }
  });

  test("of two links to one tenant, one is accepted", async () => {
    const [one, two] = [await invited(), await invited()];
    const outcomes = await all([
      accept(one.token, guests[0]),
      accept(two.token, guests[1]),
    ]);
    expect(outcomes.sort()).toEqual(["CONFLICT", "ok"]);
  });

  test("confirmed and withdrawn, an invitation ends in one of both", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id, token } = await invited();
      await accept(token, guests[0]);
      const [confirmed, withdrawn, cancelled] = await all([
        confirm(id, guest, administrators[0]),
        withdraw(id, administrators[1]),
        cancel(id, guests[1]),
      ]);
      const { state } = await stateOf(id);
      expect([confirmed, withdrawn, cancelled]).toEqual([
        state === "CONFIRMED" ? "ok" : "CONFLICT",
        state === "WITHDRAWN" ? "ok" : "CONFLICT",
        state === "CANCELLED" ? "ok" : "CONFLICT",
      ]);
      expect(await isIn(guest)).toBe(state === "CONFIRMED");
      await database
        .owner("community.memberships")
        .where({ tenant_id: guest.id })
        .delete();
    }
  });

  test("two administrators who confirm make one membership", async () => {
    const { id, token } = await invited();
    await accept(token, guests[0]);
    const outcomes = await all(
      administrators.map((one) => confirm(id, guest, one)),
    );
    expect(outcomes.sort()).toEqual(["CONFLICT", "ok"]);
    expect(await isIn(guest)).toBe(true);
  });

  test("whoever confirms one tenant never makes another a member", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id, token } = await invited();
      await accept(token, guests[0]);
      await all([
        confirm(id, guest, administrators[0]),
        cancel(id, guests[0]),
        accept(token, rivals[0]),
        confirm(id, rival, administrators[1]),
      ]);
      expect(await isIn(rival)).toBe(false);
      const { state } = await stateOf(id);
      expect(await isIn(guest)).toBe(state === "CONFIRMED");
      await database
        .owner("community.memberships")
        .where({ tenant_id: guest.id })
        .delete();
    }
  });

  test("accepted and declined, an invitation ends in one of both", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id, token } = await invitedBy(forgiving);
      const [accepted, declined] = await all([
        accept(token, guests[0]),
        decline(token, guests[1]),
      ]);
      const { state } = await stateOf(id);
      expect([accepted, declined]).toEqual(
        state === "ACCEPTED" ? ["ok", "CONFLICT"] : ["CONFLICT", "ok"],
      );
      if (state === "ACCEPTED") await withdraw(id, administrators[0]);
    }
  });

  test("who waits for an invitation finds it expired if it expired meanwhile", async () => {
    const { id, token } = await invited();
    const blocker = await database.owner.transaction();
    await blocker.raw(
      "select from community.communities where id = ? for update",
      [community.id],
    );
    await blocker("community.invitations")
      .where({ uuid: id })
      .update({
        expires_at: blocker.raw("clock_timestamp() + interval '200 ms'"),
      });
    await blocker.raw("select 1");
    const answer = accept(token, guests[0]);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await blocker.commit();
    expect(outcome(await answer)).toBe("CONFLICT");
    expect(await stateOf(id)).toEqual({ state: "CREATED", tenant: null });
  });

  test("who joins is told nothing of what happened while the confirmation waited", async () => {
    await seed.membership(community, rival);
    const { id, token } = await invited();
    await accept(token, guests[0]);
    const blocker = await database.owner.transaction();
    await blocker.raw(
      "select from community.communities where id = ? for update",
      [community.id],
    );
    const removal = mutate(
      administrators[0],
      `removeTenant(communityId: "${community.uuid}", tenantId: "${rival.uuid}") { applied }`,
    );
    await untilWaiting(database.owner);
    const confirmation = confirm(id, guest, administrators[1]);
    await untilWaiting(database.owner, 2);
    await blocker.commit();
    expect(await all([removal, confirmation])).toEqual(["ok", "ok"]);
    const { data } = await run(
      subgraph,
      as(guests[0]),
      "{ viewer { notices { totalCount nodes { kind } } } }",
    );
    expect(data).toEqual({
      viewer: {
        notices: {
          totalCount: 2,
          nodes: [{ kind: "TENANT_JOINED" }, { kind: "INVITATION_CONFIRMED" }],
        },
      },
    });
  });

  test("sent anew while it is accepted, it is either accepted by the old link or has a new one", async () => {
    const { id, token } = await invitedBy(forgiving);
    const [accepted, resent] = await all([
      accept(token, guests[0]),
      run(
        forgiving,
        as(administrators[0]),
        `mutation { resendInvitation(id: "${id}") { id } }`,
      ),
    ]);
    const { state } = await stateOf(id);
    expect([accepted, resent]).toEqual(
      state === "ACCEPTED" ? ["ok", "CONFLICT"] : ["NOT_FOUND", "ok"],
    );
  });

  test("an administrator who is demoted invites before that or not at all", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const before = await countInvitations();
      const [demoted, issued] = await all([
        setRole(administrators[0], administrators[1], "MEMBER"),
        invite(administrators[1]),
      ]);
      expect(demoted).toBe("ok");
      expect(["ok", "FORBIDDEN"]).toContain(issued);
      expect(await countInvitations()).toBe(before + (issued === "ok" ? 1 : 0));
      await setRole(administrators[0], administrators[1], "MEMBER");
      expect(outcome(await invite(administrators[1]))).toBe("FORBIDDEN");
      await database
        .owner("community.members")
        .where({ identity_id: administrators[1].id })
        .update({ role: "ADMINISTRATOR" });
    }
  });

  test("who loses the tenant role meanwhile accepts before that or not at all", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id, token } = await invited();
      const [lost, accepted] = await all([
        setTenantRoles(guests[1], guests[0]),
        accept(token, guests[0]),
      ]);
      expect(lost).toBe("ok");
      expect(["ok", "FORBIDDEN"]).toContain(accepted);
      expect((await stateOf(id)).state).toBe(
        accepted === "ok" ? "ACCEPTED" : "CREATED",
      );
      await withdraw(id, administrators[0]);
      await database.owner("tenant.identity_roles").insert({
        tenant_id: guest.id,
        identity_id: guests[0].id,
        role: "ACCOUNT_ADMINISTRATOR",
      });
    }
  });

  test("a tenant that is confirmed while its accepter is demoted has no moderator who may not be one", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const { id, token } = await invited();
      await accept(token, guests[0]);
      const [lost, confirmed] = await all([
        setTenantRoles(guests[1], guests[0]),
        confirm(id, guest, administrators[0]),
      ]);
      expect(lost).toBe("ok");
      expect(await isIn(guest)).toBe(confirmed === "ok");
      if (confirmed === "CONFLICT") await withdraw(id, administrators[0]);
      await database
        .owner("community.memberships")
        .where({ tenant_id: guest.id })
        .delete();
      await database.owner("tenant.identity_roles").insert({
        tenant_id: guest.id,
        identity_id: guests[0].id,
        role: "ACCOUNT_ADMINISTRATOR",
      });
    }
  });

  test("a tenant does not issue more than its limit", async () => {
    const strict = communitySubgraph(database, {
      invitations: { ...settings.invitations, perDay: 3 },
    });
    const another = await seed.community(owner);
    for (const one of administrators)
      await seed.member(another.ownerMembership, one, "ADMINISTRATOR");
    const outcomes = await all(
      Array.from({ length: 8 }, (_, i) =>
        run(
          strict,
          as(administrators[i % 2] as Identity),
          `mutation { inviteTenant(input: { communityId: "${(i < 4 ? community : another).uuid}", email: "a@b.example" }) { id } }`,
        ),
      ),
    );
    expect(outcomes.filter((one) => one === "ok")).toHaveLength(3);
    expect(outcomes.filter((one) => one === "LIMIT_EXCEEDED")).toHaveLength(5);
  });

  test("whatever they try, nobody meets a deadlock, and members come by confirmations alone", async () => {
    for (let round = 0; round < rounds; round += 1) {
      const [one, two] = [await invited(), await invited()];
      await accept(one.token, guests[0]);
      const [a, b] = administrators;
      const [ada, bob] = guests;
      const outcomes = await all([
        confirm(one.id, guest, a),
        withdraw(one.id, b),
        cancel(one.id, bob),
        accept(two.token, bob),
        accept(two.token, rivals[0]),
        decline(two.token, rivals[1]),
        resend(two.id, a),
        invite(b),
        setRole(a, b, "MODERATOR"),
        setTenantRoles(ada, bob),
        setTenantRoles(bob, ada),
        mutate(
          b,
          `deleteCommunity(id: "${community.uuid}", confirmName: "${round < rounds - 1 ? "No" : "Pumps"}") { applied }`,
        ),
      ]);
      for (const one of outcomes)
        expect([
          "ok",
          "CONFLICT",
          "FORBIDDEN",
          "NOT_FOUND",
          "RATE_LIMITED",
          "BAD_USER_INPUT",
        ]).toContain(one);
      const confirmed = await database
        .owner("community.invitations")
        .where({ community_id: community.id, state: "CONFIRMED" })
        .pluck("accepting_tenant_id");
      expect(await isIn(guest)).toBe(confirmed.includes(guest.id));
      expect(await isIn(rival)).toBe(false);
      await tidyUp();
    }
  });
});

/** Without the limits that a race would run into. */
let forgiving: Subgraph;
beforeAll(() => {
  forgiving = communitySubgraph(database, {
    invitations: {
      ...settings.invitations,
      resendMinutes: 0,
      afterDecline: true,
    },
  });
});

async function invitedBy(at: Subgraph) {
  const { data } = await run(
    at,
    as(administrators[0]),
    `mutation { inviteTenant(input: { communityId: "${community.uuid}", email: "a@b.example" }) { id } }`,
  );
  const { id } = data?.["inviteTenant"] as never as { id: string };
  return { id, token: await tokenSent(database) };
}

const countInvitations = async () =>
  (
    await database
      .owner("community.invitations")
      .where({ community_id: community.id })
  ).length;

/** As it was before the round, but for the community if that is gone. */
async function tidyUp(): Promise<void> {
  const { owner: db } = database;
  await db("community.invitations").delete();
  await db("community.memberships").where({ tenant_id: guest.id }).delete();
  await db("community.members")
    .whereIn(
      "identity_id",
      administrators.map(({ id }) => id),
    )
    .update({ role: "ADMINISTRATOR" });
  await db("tenant.identity_roles")
    .insert(
      guests.map(({ id }) => ({
        tenant_id: guest.id,
        identity_id: id,
        role: "ACCOUNT_ADMINISTRATOR",
      })),
    )
    .onConflict()
    .ignore();
}
