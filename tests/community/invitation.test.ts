import { describe, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { toldTenants } from "../support/ledger.ts";
import { as, outcome } from "../support/run.ts";
import type { Identity } from "../support/seed.ts";
import {
  accept,
  accepted,
  administrator,
  ask,
  cancel,
  community,
  confirm,
  database,
  decline,
  email,
  fields,
  got,
  guest,
  guestAdministrator,
  invited,
  memberships,
  owner,
  pass,
  person,
  read,
  resend,
  see,
  seed,
  useHandshake,
  withdraw,
} from "./handshake.ts";

useHandshake();

describe("the handshake", () => {
  test("invited, accepted and confirmed, a tenant is in, as it wished to be", async () => {
    const helper = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
    const { id, token } = await invited({ message: " Join us. " });
    expect(await memberships()).toEqual([owner.id]);

    const acceptance = got<Record<string, unknown>>(
      await accept(token, {
        alias: "Guests",
        moderatorIds: [helper.uuid],
        newTenantsRead: "AFTER_APPROVAL",
      }),
    );
    expect(acceptance).toMatchObject({
      id,
      state: "ACCEPTED",
      acceptedByEmail: email,
      acceptedByAddressee: true,
      acceptingTenant: { id: guest.uuid },
      issuingTenant: { id: owner.uuid },
    });
    expect(await memberships()).toEqual([owner.id]);

    const membership = got<{ id: string }>(await confirm(id));
    expect(membership).toEqual({
      id: expect.any(String),
      isOwner: false,
      status: "ACTIVE",
      alias: "Guests",
      contactEmail: "data@guest.example",
      tenant: { id: guest.uuid },
    });
    const rows = await database
      .owner("community.members as r")
      .join("community.memberships as m", "m.id", "r.membership_id")
      .where({ "m.uuid": membership.id })
      .orderBy("r.identity_id")
      .select("m.new_tenants_read", "r.identity_id", "r.role", "r.added_by");
    const moderator = {
      new_tenants_read: "AFTER_APPROVAL",
      role: "MODERATOR",
      added_by: guestAdministrator.uuid,
    };
    expect(rows).toEqual([
      { ...moderator, identity_id: guestAdministrator.id },
      { ...moderator, identity_id: helper.id },
    ]);
  });

  test("sends the link in a mail, and keeps its hash alone", async () => {
    const { id, token } = await invited({ message: "Join us." });
    const mail = await database
      .owner("mail.outbox")
      .orderBy("id", "desc")
      .first("recipient", "subject", "text");
    expect(mail).toEqual({
      recipient: email,
      subject: "Owner invites you to Pumps",
      text: expect.stringContaining(
        `\nhttps://tributary.example/invitation/${token}\n`,
      ),
    });
    expect(token).toMatch(/^[\w-]{43}$/);
    const kept = await database
      .owner("community.invitations")
      .where({ uuid: id })
      .first();
    expect(JSON.stringify(kept)).not.toContain(token);
    expect(kept.token_hash).toEqual(
      createHash("sha256").update(token).digest(),
    );
  });

  test("whoever holds the link sees what it is about, and nothing of the other side", async () => {
    const { token } = await invited({ message: "Join us." });
    const asHolder = {
      state: "CREATED",
      email,
      message: "Join us.",
      communityName: "Pumps",
      communityDescription: null,
      issuingTenantName: "Owner",
      issuedByName: expect.any(String),
      joiningMeans: expect.stringContaining("shares nothing by itself"),
      community: null,
      issuingTenant: null,
      acceptingTenant: null,
      acceptedByName: null,
      acceptedByEmail: null,
      acceptedByAddressee: null,
      acceptedAt: null,
      acceptingTenantCreatedAt: null,
    };
    expect(got(await see(token, person("pia@new.example")))).toMatchObject(
      asHolder,
    );
    await accept(token);
    const other = await seed.user(await seed.tenant());
    expect(got(await see(token, as(other)))).toMatchObject({
      ...asHolder,
      state: "ACCEPTED",
    });
  });

  test("the owner sees the tenant that accepted, its age, and by whom it was", async () => {
    const { id } = await accepted();
    const { data } = await read(
      as(administrator),
      `query ($id: ID!) { community(id: $id) { invitations { totalCount nodes { ${fields} } } } }`,
      { id: community.uuid },
    );
    const [tenant] = await database
      .owner("tenant.tenants")
      .where({ id: guest.id })
      .pluck("created_at");
    expect(data?.["community"]).toEqual({
      invitations: {
        totalCount: 1,
        nodes: [
          expect.objectContaining({
            id,
            state: "ACCEPTED",
            email,
            acceptingTenant: { id: guest.uuid },
            acceptingTenantCreatedAt: tenant,
            acceptedByName: expect.any(String),
            acceptedByEmail: email,
            acceptedByAddressee: true,
            community: { id: community.uuid },
            issuingTenant: { id: owner.uuid },
          }),
        ],
      },
    });
  });

  test("both sides find sent, pending and ended invitations in their lists, newest first", async () => {
    const first = await accepted();
    got(await cancel(first.id));
    const second = await accepted();
    const third = await invited();
    const sent = async (states: string) => {
      const { data } = await read(
        as(administrator),
        `{ community(id: "${community.uuid}") { invitations${states} { nodes { id } } } }`,
      );
      return (
        data?.["community"] as never as {
          invitations: { nodes: { id: string }[] };
        }
      ).invitations.nodes.map(({ id }) => id);
    };
    expect(await sent("")).toEqual([third.id, second.id, first.id]);
    expect(await sent("(states: [CREATED])")).toEqual([third.id]);
    expect(await sent("(states: [ACCEPTED, CANCELLED])")).toEqual([
      second.id,
      first.id,
    ]);
    expect(await sent("(states: [EXPIRED])")).toEqual([]);
    await pass(third.id, "15 days");
    expect(await sent("(states: [EXPIRED])")).toEqual([third.id]);

    const received = async (by: Identity, states = "") =>
      (
        await read(
          as(by),
          `{ viewer { acceptedInvitations${states} { totalCount nodes { id } } } }`,
        )
      ).data?.["viewer"];
    expect(await received(guestAdministrator)).toEqual({
      acceptedInvitations: {
        totalCount: 2,
        nodes: [{ id: second.id }, { id: first.id }],
      },
    });
    expect(await received(guestAdministrator, "(states: [ACCEPTED])")).toEqual({
      acceptedInvitations: { totalCount: 1, nodes: [{ id: second.id }] },
    });
    const colleague = await seed.user(guest, ["DATA_STEWARD"]);
    expect(await received(colleague)).toEqual({ acceptedInvitations: null });
  });

  test("is told to those whom it concerns", async () => {
    const { id } = await accepted();
    got(await confirm(id));
    got(await decline((await invited()).token, person(email)));
    const notices = await database
      .owner("mail.notices")
      .where({ community: community.uuid })
      .orderBy("id")
      .select("kind", "tenant");
    expect(notices).toEqual([
      { kind: "INVITED", tenant: owner.uuid },
      { kind: "INVITATION_ACCEPTED", tenant: guest.uuid },
      { kind: "INVITATION_CONFIRMED", tenant: guest.uuid },
      { kind: "TENANT_JOINED", tenant: guest.uuid },
      { kind: "INVITED", tenant: owner.uuid },
      { kind: "INVITATION_DECLINED", tenant: null },
    ]);
  });

  test("that ends before its confirmation is told to the other side", async () => {
    const told = async (by: Identity) => {
      const { data } = await read(
        as(by),
        "{ viewer { notices { nodes { text } } } }",
      );
      const { notices } = data?.["viewer"] as unknown as {
        notices: { nodes: { text: string }[] };
      };
      return notices.nodes.map(({ text }) => text);
    };
    const colleague = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
    const withdrawn =
      'Owner has withdrawn the invitation to the community "Pumps" that your tenant had accepted.';
    const cancelled =
      'Guest has taken back its acceptance of the invitation to the community "Pumps".';

    got(await withdraw((await invited()).id));
    expect(await told(colleague)).toEqual([]);
    got(await withdraw((await accepted()).id));
    expect(await told(colleague)).toEqual([withdrawn]);
    got(await cancel((await accepted()).id));
    expect(await told(colleague)).toEqual([withdrawn]);
    const [latest, ...earlier] = await told(administrator);
    expect(latest).toBe(cancelled);
    expect(earlier).not.toContain(cancelled);
    expect(earlier).not.toContain(withdrawn);

    await accepted();
    const deletion = await ask(
      as(administrator),
      `mutation { deleteCommunity(id: "${community.uuid}", confirmName: "Pumps") { applied } }`,
    );
    expect(outcome(deletion)).toBe("ok");
    expect(await told(colleague)).toEqual([withdrawn, withdrawn]);
  });

  test("asks those who want to approve of new tenants (rule 17)", async () => {
    await database
      .owner("community.memberships")
      .where({ id: community.ownerMembership.id })
      .update({ new_tenants_read: "AFTER_APPROVAL" });
    const { id } = await accepted();
    got(await confirm(id));
    const { data } = await read(
      as(administrator),
      `{ community(id: "${community.uuid}") { membership { waitingTenants { nodes { id } } } } }`,
    );
    expect(data?.["community"]).toEqual({
      membership: { waitingTenants: { nodes: [{ id: guest.uuid }] } },
    });
    const notices = await database
      .owner("mail.notices as n")
      .join("mail.audiences as a", "a.notice_id", "n.id")
      .where({ "n.community": community.uuid, "n.kind": "APPROVAL_WANTED" })
      .select("n.tenant", "a.tenant_id");
    expect(notices).toEqual([
      { tenant: guest.uuid, tenant_id: owner.id },
      { tenant: guest.uuid, tenant_id: owner.id },
    ]);
  });

  test("stands in the ledger by ids alone, each step with those whom it concerns", async () => {
    const { id } = await accepted();
    got(await confirm(id));
    const entries = await database
      .owner("ledger.entries")
      .where({ community_id: community.uuid })
      .orderBy("id")
      .select("action", "kind", "before", "after")
      .select(database.owner.raw(toldTenants));
    const both = [owner.uuid, guest.uuid];
    expect(entries).toEqual([
      {
        action: "inviteTenant",
        kind: "INVITATION",
        tenant_ids: [owner.uuid],
        before: null,
        after: { state: "CREATED" },
      },
      {
        action: "acceptInvitation",
        kind: "INVITATION",
        tenant_ids: both,
        before: { state: "CREATED" },
        after: { state: "ACCEPTED", tenantId: guest.uuid },
      },
      {
        action: "confirmInvitation",
        kind: "INVITATION",
        tenant_ids: both,
        before: { state: "ACCEPTED" },
        after: { state: "CONFIRMED", tenantId: guest.uuid },
      },
      {
        action: "confirmInvitation",
        kind: "MEMBERSHIP",
        tenant_ids: both,
        before: null,
        after: { tenantId: guest.uuid, status: "ACTIVE" },
      },
      {
        action: "confirmInvitation",
        kind: "ROLE",
        tenant_ids: [guest.uuid],
        before: null,
        after: { role: "MODERATOR" },
      },
    ]);
    expect(JSON.stringify(entries)).not.toContain("@");
  });
});

describe("who answers", () => {
  test("the addressee declines without a tenant or a role", async () => {
    const { token } = await invited({ email: "new@new.example" });
    expect(outcome(await decline(token, person("else@new.example")))).toBe(
      "FORBIDDEN",
    );
    expect(got(await decline(token, person("new@new.example"))).state).toBe(
      "DECLINED",
    );
  });

  test("a person without a tenant cannot accept; one whose tenant was just founded can, with the same token", async () => {
    const { token } = await invited({ email: "new@new.example" });
    const pia = person(`pia-${email}`);
    expect(outcome(await accept(token, {}, pia))).toBe("FORBIDDEN");
    const founded = await seed.tenant("Founded");
    const user = await seed.user(
      founded,
      ["ACCOUNT_ADMINISTRATOR"],
      pia.person?.email,
    );
    expect(got(await accept(token, {}, pia))).toMatchObject({
      state: "ACCEPTED",
      acceptedByEmail: pia.person?.email,
      acceptingTenant: { id: founded.uuid },
    });
    const [entry] = await database
      .owner("ledger.entries")
      .orderBy("id", "desc")
      .limit(1)
      .select("action", "actor_identity");
    expect(entry).toEqual({
      action: "acceptInvitation",
      actor_identity: user.uuid,
    });
  });

  test("a person who has users in two tenants has to choose one first", async () => {
    const pia = person(`pia-${email}`);
    const [one, two] = [await seed.tenant(), await seed.tenant()];
    const inOne = await seed.user(
      one,
      ["ACCOUNT_ADMINISTRATOR"],
      pia.person?.email,
    );
    await seed.user(two, ["ACCOUNT_ADMINISTRATOR"], pia.person?.email);
    const { id, token } = await invited({ email: pia.person?.email });
    expect(outcome(await accept(token, {}, pia))).toBe("FORBIDDEN");
    got(await accept(token, {}, as(inOne)));
    expect(outcome(await confirm(id, { tenantId: two.uuid }))).toBe("CONFLICT");
    got(await confirm(id, { tenantId: one.uuid }));
    expect(await memberships()).toEqual([owner.id, one.id]);
  });

  test.each(["DATA_STEWARD", "CONTRIBUTOR", "VIEWER"] as const)(
    "a %s sees the link, but cannot accept",
    async (role) => {
      const { token } = await invited();
      const user = await seed.user(guest, [role]);
      expect(outcome(await see(token, as(user)))).toBe("ok");
      expect(outcome(await accept(token, {}, as(user)))).toBe("FORBIDDEN");
      expect(outcome(await decline(token, as(user)))).toBe("FORBIDDEN");
    },
  );

  test("a tenant that is not entitled cannot accept", async () => {
    const plain = await seed.tenant("Plain", { entitled: false });
    const user = await seed.user(plain, ["ACCOUNT_ADMINISTRATOR"]);
    const { token } = await invited();
    expect(outcome(await accept(token, {}, as(user)))).toBe("FORBIDDEN");
  });

  test("only an administrator of the accepting tenant, a client too, takes the acceptance back", async () => {
    const { id } = await accepted();
    const colleague = await seed.user(guest, ["DATA_STEWARD"]);
    const stranger = await seed.user(await seed.tenant(), [
      "ACCOUNT_ADMINISTRATOR",
    ]);
    expect(outcome(await cancel(id, colleague))).toBe("NOT_FOUND");
    expect(outcome(await cancel(id, stranger))).toBe("NOT_FOUND");
    expect(outcome(await cancel(id, administrator))).toBe("FORBIDDEN");
    const client = await seed.client(guest, ["ACCOUNT_ADMINISTRATOR"]);
    expect(got(await cancel(id, client)).state).toBe("CANCELLED");
  });

  test("the accepting tenant neither confirms nor manages the invitation", async () => {
    const { id } = await accepted();
    expect(outcome(await confirm(id, {}, guestAdministrator))).toBe(
      "FORBIDDEN",
    );
    expect(outcome(await withdraw(id, guestAdministrator))).toBe("FORBIDDEN");
    expect(outcome(await resend(id, guestAdministrator))).toBe("FORBIDDEN");
  });
});

describe("moderators to begin with", () => {
  test("are identities of the accepting tenant", async () => {
    const { token } = await invited();
    const { errors } = await accept(token, {
      moderatorIds: [guestAdministrator.uuid, administrator.uuid],
    });
    expect(errors[0]?.extensions).toEqual({
      code: "NOT_FOUND",
      at: "input.moderatorIds.1",
    });
  });

  test("administer it, unless it does not ask that", async () => {
    const viewer = await seed.user(guest, ["VIEWER"]);
    const { id, token } = await invited();
    const input = { moderatorIds: [viewer.uuid] };
    const { errors } = await accept(token, input);
    expect(errors[0]?.extensions).toEqual({
      code: "FORBIDDEN",
      at: "input.moderatorIds.0",
    });
    await database
      .owner("tenant.tenants")
      .where({ id: guest.id })
      .update({ moderators_are_administrators: false });
    got(await accept(token, input));
    got(await confirm(id));
    const roles = await database
      .owner("community.members")
      .where({ tenant_id: guest.id })
      .pluck("role");
    expect(roles).toEqual(["MODERATOR", "MODERATOR"]);
  });

  test("are at most a thousand", async () => {
    const { token } = await invited();
    const moderatorIds = Array<string>(1001).fill(guestAdministrator.uuid);
    expect(outcome(await accept(token, { moderatorIds }))).toBe(
      "LIMIT_EXCEEDED",
    );
  });
});
