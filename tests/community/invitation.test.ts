import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { createHash } from "node:crypto";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { toldTenants } from "../support/ledger.ts";
import { tokenSent } from "../support/invitations.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { communitySubgraph, settings } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = communitySubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

/* A community, its administrator, and a company that is invited. */
let owner: Row;
let community: Row & { ownerMembership: Membership };
let administrator: Identity;
let guest: Row;
let guestAdministrator: Identity;
let email: string;
let count = 0;
beforeEach(async () => {
  count += 1;
  email = `gina-${count}@guest.example`;
  owner = await seed.tenant("Owner");
  community = await seed.community(owner, "Pumps");
  administrator = await seed.user(owner);
  await seed.member(community.ownerMembership, administrator, "ADMINISTRATOR");
  guest = await seed.tenant("Guest");
  guestAdministrator = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"], email);
});

const person = (email: string): Viewer => ({
  ...anonymous,
  person: { id: "00000000-0000-4000-8000-0000000000aa", email, name: "Pia" },
});

const ask = (
  viewer: Viewer,
  operation: string,
  variables: object = {},
  at = subgraph,
): Promise<Answer> =>
  attempt(database, () => run(at, viewer, operation, { ...variables }));
const read = (viewer: Viewer, query: string, variables: object = {}) =>
  run(subgraph, viewer, query, { ...variables });

const fields = `id state email message communityName communityDescription issuingTenantName issuedByName expiresAt
  community { id } issuingTenant { id } acceptingTenant { id } acceptedByName acceptedByEmail acceptedByAddressee
  acceptedAt acceptingTenantCreatedAt`;

const invite = (input: object = {}, by = administrator, at = subgraph) =>
  ask(
    as(by),
    `mutation ($input: InviteTenantInput!) { inviteTenant(input: $input) { ${fields} } }`,
    { input: { communityId: community.uuid, email, ...input } },
    at,
  );
const accept = (
  token: string,
  input: object = {},
  by: Viewer = as(guestAdministrator),
) =>
  ask(
    by,
    `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { ${fields} } }`,
    { input: { token, contactEmail: "data@guest.example", ...input } },
  );
const confirm = (id: string, input: object = {}, by = administrator) =>
  ask(
    as(by),
    `mutation ($input: ConfirmInvitationInput!) {
      confirmInvitation(input: $input) { id isOwner status alias contactEmail tenant { id } } }`,
    { input: { id, tenantId: guest.uuid, ...input } },
  );
const byId =
  (mutation: string) =>
  (id: string, by: Identity = administrator, at = subgraph) =>
    ask(
      as(by),
      `mutation ($id: ID!) { ${mutation}(id: $id) { ${fields} } }`,
      { id },
      at,
    );
const resend = byId("resendInvitation");
const withdraw = byId("withdrawInvitation");
const cancelBy = byId("cancelAcceptance");
const cancel = (id: string, by = guestAdministrator) => cancelBy(id, by);
const decline = (token: string, by: Viewer = as(guestAdministrator)) =>
  ask(
    by,
    `mutation ($token: String!) { declineInvitation(token: $token) { ${fields} } }`,
    { token },
  );
const see = (token: string, by: Viewer) =>
  read(
    by,
    `query ($token: String!) { invitation(token: $token) { ${fields} joiningMeans } }`,
    { token },
  );

/** The one field of an answer that must have succeeded. */
function got<T = { id: string; state: string }>({ data, errors }: Answer): T {
  expect(errors).toEqual([]);
  return Object.values(data ?? {})[0] as T;
}

async function invited(input: object = {}) {
  const { id } = got(await invite(input));
  return { id, token: await tokenSent(database) };
}

async function accepted(input: object = {}) {
  const invitation = await invited();
  got(await accept(invitation.token, input));
  return invitation;
}

/** Lets time pass for one invitation: moves all that it says of time. */
const pass = (id: string, time: string) =>
  database.owner.raw(
    `update community.invitations set issued_at = issued_at - :time::interval, sent_at = sent_at - :time::interval,
       expires_at = expires_at - :time::interval, accepted_at = accepted_at - :time::interval where uuid = :id`,
    { id, time },
  );

const memberships = () =>
  database
    .owner("community.memberships as m")
    .where({ "m.community_id": community.id })
    .pluck("m.tenant_id") as Promise<number[]>;

const hoursFromNow = (time: string) =>
  Math.round((Date.parse(time) - Date.now()) / 3_600_000);

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

describe("a link", () => {
  test.each([["no token"], ["x".repeat(43)], [""]])(
    "that was never issued is NOT_FOUND: %s",
    async (token) => {
      const viewer = as(guestAdministrator);
      expect(outcome(await see(token, viewer))).toBe("NOT_FOUND");
      expect(outcome(await accept(token))).toBe("NOT_FOUND");
      expect(outcome(await decline(token))).toBe("NOT_FOUND");
    },
  );

  test("that was sent anew is dead, and the new one is good for 14 days", async () => {
    const { id, token } = await invited();
    await pass(id, "13 days");
    const { expiresAt } = got<{ expiresAt: string }>(await resend(id));
    expect(hoursFromNow(expiresAt)).toBe(14 * 24);
    const renewed = await tokenSent(database, email);
    expect(renewed).not.toBe(token);
    expect(outcome(await accept(token))).toBe("NOT_FOUND");
    expect(outcome(await accept(renewed))).toBe("ok");
  });

  test("that has expired can be sent anew, unless it was accepted", async () => {
    const { id } = await invited();
    await pass(id, "14 days");
    expect(got(await resend(id)).state).toBe("CREATED");
    got(await accept(await tokenSent(database, email)));
    expect(outcome(await resend(id))).toBe("CONFLICT");
    await pass(id, "14 days");
    expect(outcome(await resend(id))).toBe("CONFLICT");
  });

  test("shows a client nothing, for a client has no verified e-mail", async () => {
    const { token } = await invited();
    const client = await seed.client(guest, ["ACCOUNT_ADMINISTRATOR"]);
    expect(outcome(await see(token, as(client)))).toBe("NOT_FOUND");
    expect(outcome(await accept(token, {}, as(client)))).toBe("NOT_FOUND");
    expect(outcome(await decline(token, as(client)))).toBe("NOT_FOUND");
  });

  test("may be forwarded: another tenant accepts, and the owner is asked whether that is meant", async () => {
    const other = await seed.tenant("Other");
    const otherEmail = `olaf-${count}@other.example`;
    const olaf = await seed.user(other, ["ACCOUNT_ADMINISTRATOR"], otherEmail);
    const { id, token } = await invited();
    expect(got(await accept(token, {}, as(olaf)))).toMatchObject({
      acceptedByEmail: otherEmail,
      acceptedByAddressee: false,
    });
    const meant = { tenantId: other.uuid };
    const refused = await confirm(id, meant);
    expect(refused.errors[0]).toMatchObject({
      message: expect.stringContaining(otherEmail),
      extensions: { code: "CONFLICT", at: "input.acceptMismatch" },
    });
    got(await confirm(id, { ...meant, acceptMismatch: true }));
    expect(await memberships()).toEqual([owner.id, other.id]);
  });
});

describe("the clock", () => {
  test("ends an invitation after 14 days, for everybody and everything", async () => {
    const { id, token } = await invited();
    await pass(id, "14 days");
    expect(got(await see(token, as(guestAdministrator))).state).toBe("EXPIRED");
    expect(outcome(await accept(token))).toBe("CONFLICT");
    expect(outcome(await decline(token))).toBe("CONFLICT");
    expect(outcome(await withdraw(id))).toBe("CONFLICT");
    expect(outcome(await confirm(id))).toBe("CONFLICT");
  });

  test("gives 14 days more from the acceptance, and ends that", async () => {
    const { id, token } = await invited();
    await pass(id, "13 days");
    const { expiresAt } = got<{ expiresAt: string }>(await accept(token));
    expect(hoursFromNow(expiresAt)).toBe(14 * 24);
    await pass(id, "14 days");
    expect(outcome(await confirm(id))).toBe("CONFLICT");
    expect(outcome(await cancel(id))).toBe("CONFLICT");
    expect(await memberships()).toEqual([owner.id]);
    const { token: next } = await invited();
    expect(outcome(await accept(next))).toBe("ok");
  });

  test("is set by the operator", async () => {
    const brief = communitySubgraph(database, {
      invitations: { ...settings.invitations, days: 2 },
    });
    const { expiresAt } = got<{ expiresAt: string }>(
      await invite({}, administrator, brief),
    );
    expect(hoursFromNow(expiresAt)).toBe(48);
  });
});

describe("an ended invitation stays ended:", () => {
  const ends: Readonly<
    Record<string, (id: string, token: string) => Promise<Answer>>
  > = {
    DECLINED: (_, token) => decline(token),
    WITHDRAWN: (id) => withdraw(id),
    CANCELLED: async (id, token) => {
      await accept(token);
      return cancel(id);
    },
    CONFIRMED: async (id, token) => {
      await accept(token);
      await confirm(id);
      return see(token, as(guestAdministrator));
    },
  };
  test.each(Object.keys(ends))("%s", async (state) => {
    const { id, token } = await invited();
    expect(got((await ends[state]?.(id, token)) as Answer).state).toBe(state);
    expect(outcome(await accept(token))).toBe("CONFLICT");
    expect(outcome(await decline(token))).toBe("CONFLICT");
    expect(outcome(await withdraw(id))).toBe("CONFLICT");
    expect(outcome(await resend(id))).toBe("CONFLICT");
    expect(outcome(await confirm(id))).toBe("CONFLICT");
  });

  test("withdrawn after it was accepted, it cannot be confirmed", async () => {
    const { id } = await accepted();
    expect(got(await withdraw(id)).state).toBe("WITHDRAWN");
    expect(outcome(await confirm(id))).toBe("CONFLICT");
    expect(outcome(await cancel(id))).toBe("CONFLICT");
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
    const pia = person(`pia-${count}@new.example`);
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
    const pia = person(`pia-${count}@new.example`);
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

describe("edge cases:", () => {
  test("a second tenant on one link is refused, and confirming names the one that is meant", async () => {
    const other = await seed.tenant();
    const otherUser = await seed.user(other, ["ACCOUNT_ADMINISTRATOR"]);
    const { id, token } = await accepted();
    expect(outcome(await accept(token, {}, as(otherUser)))).toBe("CONFLICT");
    expect(outcome(await accept(token))).toBe("CONFLICT");
    for (const tenantId of [other.uuid, owner.uuid, "no id"])
      expect(outcome(await confirm(id, { tenantId }))).toBe("CONFLICT");
    expect(outcome(await confirm(id))).toBe("ok");
  });

  test("the owner's own tenant is refused", async () => {
    const own = await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]);
    const { token } = await invited();
    const { errors } = await accept(token, {}, as(own));
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining("owns this community"),
      extensions: { code: "CONFLICT" },
    });
  });

  test("a tenant that is in already is refused", async () => {
    await seed.membership(community, guest);
    const { token } = await invited();
    const { errors } = await accept(token);
    expect(errors[0]).toMatchObject({
      message: expect.stringContaining("in this community already"),
      extensions: { code: "CONFLICT" },
    });
  });

  test("of two invitations to one tenant it can accept one at a time", async () => {
    const [one, two] = [await invited(), await invited()];
    got(await accept(one.token));
    expect(outcome(await accept(two.token))).toBe("CONFLICT");
    got(await cancel(one.id));
    got(await accept(two.token));
    got(await confirm(two.id));
    expect(await memberships()).toEqual([owner.id, guest.id]);
  });

  test("a tenant that came in by another way meanwhile is not made a member twice", async () => {
    const { id } = await accepted();
    await seed.membership(community, guest);
    expect(outcome(await confirm(id))).toBe("CONFLICT");
  });

  test("a tenant that left is invited anew", async () => {
    const first = await accepted();
    got(await confirm(first.id));
    const leave = `mutation { leaveCommunity(communityId: "${community.uuid}") { applied } }`;
    got(await ask(as(guestAdministrator), leave));
    expect(outcome(await confirm(first.id))).toBe("CONFLICT");
    const second = await accepted();
    expect(outcome(await confirm(second.id))).toBe("ok");
  });

  test("a community that is deleted takes its open invitations back, and its name stays with them", async () => {
    const { id, token } = await accepted();
    const { token: open } = await invited();
    const remove = `mutation { deleteCommunity(id: "${community.uuid}", confirmName: "Pumps") { applied } }`;
    got(await ask(as(administrator), remove));
    expect(outcome(await confirm(id))).toBe("NOT_FOUND");
    expect(outcome(await cancel(id))).toBe("CONFLICT");
    for (const each of [token, open]) {
      expect(outcome(await accept(each))).toBe("CONFLICT");
      expect(got(await see(each, as(guestAdministrator)))).toMatchObject({
        state: "WITHDRAWN",
        communityName: "Pumps",
        community: null,
        issuingTenant: null,
      });
    }
    const { data } = await read(
      as(guestAdministrator),
      `{ viewer { acceptedInvitations { nodes { id state } } } }`,
    );
    expect(data?.["viewer"]).toEqual({
      acceptedInvitations: { nodes: [{ id, state: "WITHDRAWN" }] },
    });
    const entries = await database
      .owner("ledger.entries")
      .where({ subject_id: id, action: "deleteCommunity" })
      .select("tenant_ids", "after");
    expect(entries).toEqual([
      {
        tenant_ids: [owner.uuid, guest.uuid],
        after: { state: "WITHDRAWN" },
      },
    ]);
  });

  test("a community that is renamed is shown by its new name, and confirmed", async () => {
    const { id, token } = await accepted();
    const rename = `mutation { updateCommunity(input: { id: "${community.uuid}", name: "Compressors" }) { id } }`;
    got(await ask(as(administrator), rename));
    expect(got(await see(token, as(guestAdministrator)))).toMatchObject({
      communityName: "Compressors",
    });
    expect(outcome(await confirm(id))).toBe("ok");
  });

  test("after the ownership has moved, the new owner confirms, and the old one no more", async () => {
    const next = await seed.tenant("Next");
    const heir = await seed.user(next, ["ACCOUNT_ADMINISTRATOR"]);
    const membership = await seed.membership(community, next);
    await seed.member(membership, heir, "ADMINISTRATOR");
    const { id, token } = await accepted();
    await database
      .owner("community.communities")
      .where({ id: community.id })
      .update({ owner_tenant_id: next.id });
    await database
      .owner("community.members")
      .where({ identity_id: administrator.id })
      .update({ role: "MODERATOR" });
    expect(outcome(await confirm(id))).toBe("NOT_FOUND");
    expect(got(await see(token, as(guestAdministrator)))).toMatchObject({
      issuingTenantName: "Owner",
      issuingTenant: { id: owner.uuid },
    });
    expect(outcome(await confirm(id, {}, heir))).toBe("ok");
  });

  test("a tenant that lost its entitlement is not confirmed until it has it back", async () => {
    const { id } = await accepted();
    const entitlement = { tenant_id: guest.id, entitlement: "COMMUNITIES" };
    await database.owner("tenant.entitlements").where(entitlement).delete();
    expect(outcome(await confirm(id))).toBe("CONFLICT");
    await database.owner("tenant.entitlements").insert(entitlement);
    expect(outcome(await confirm(id))).toBe("ok");
  });

  const losses: Readonly<Record<string, (one: Identity) => Promise<unknown>>> =
    {
      "lost the role of account administrator": ({ id }) =>
        database
          .owner("tenant.identity_roles")
          .where({ identity_id: id })
          .delete(),
      "was disabled": ({ id }) =>
        database
          .owner("tenant.identities")
          .where({ id })
          .update({ enabled: false }),
      "was removed": ({ id }) =>
        database.owner("tenant.identities").where({ id }).delete(),
    };
  test.each(Object.keys(losses))(
    "the accepter %s: the other moderators look after the tenant, and without any it is not confirmed",
    async (loss) => {
      const helper = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
      const { id } = await accepted({ moderatorIds: [helper.uuid] });
      await losses[loss]?.(guestAdministrator);
      await database
        .owner("tenant.identities")
        .where({ id: helper.id })
        .update({ enabled: false });
      expect(outcome(await confirm(id))).toBe("CONFLICT");
      await database
        .owner("tenant.identities")
        .where({ id: helper.id })
        .update({ enabled: true });
      got(await confirm(id));
      const moderators = await database
        .owner("community.members")
        .where({ tenant_id: guest.id })
        .pluck("identity_id");
      expect(moderators).toEqual([helper.id]);
    },
  );

  test("who lost the role of account administrator takes nothing back", async () => {
    const { id } = await accepted();
    await database
      .owner("tenant.identity_roles")
      .where({ identity_id: guestAdministrator.id })
      .delete();
    expect(outcome(await cancel(id))).toBe("NOT_FOUND");
  });
});

describe("no mail relay:", () => {
  const limits = settings.invitations;

  test("a message of 500 characters is sent, a longer one is refused", async () => {
    expect(outcome(await invite({ message: "ü".repeat(500) }))).toBe("ok");
    const { errors } = await invite({ message: "ü".repeat(501) });
    expect(errors[0]?.extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      at: "input.message",
      limit: 500,
      value: 501,
    });
  });

  test.each(["bell \u0007", "escape \u001b[31m", "NUL \0", "half \ud800"])(
    "a message with a character that controls is refused: %j",
    async (message) => {
      const { errors } = await invite({ message });
      expect(errors[0]?.extensions).toEqual({
        code: "BAD_USER_INPUT",
        at: "input.message",
      });
    },
  );

  test("the link of the invitation is the only one in the mail, whatever people write", async () => {
    await database
      .owner("community.communities")
      .where({ id: community.id })
      .update({ name: "www.evil.example" });
    const { message } = got<{ message: string }>(
      await invite({
        message:
          "See https://evil.example/x or\nevil.example, ann@evil.example",
      }),
    );
    expect(message).toContain("https://evil.example/x");
    const mail = await database
      .owner("mail.outbox")
      .orderBy("id", "desc")
      .first("text", "subject");
    expect(mail.subject).toBe("Owner invites you to www. evil. example");
    expect(mail.text).toContain("\n> See https: //evil. example/x or\n> evil.");
    expect(mail.text.match(/\S+:\/\/\S+|\S+@\S+|www\.\S+/g)).toEqual([
      `https://tributary.example/invitation/${await tokenSent(database)}`,
    ]);
  });

  test.each(["no address", "a@b@c", "a@b.example\nBcc: c@d.example", ""])(
    "%j is no address",
    async (text) => {
      const { errors } = await invite({ email: text });
      expect(errors[0]?.extensions).toEqual({
        code: "BAD_USER_INPUT",
        at: "input.email",
      });
    },
  );

  test("a tenant mails 20 invitations in 24 hours, over all its communities", async () => {
    const another = await seed.community(owner, "Valves");
    await seed.member(another.ownerMembership, administrator, "ADMINISTRATOR");
    for (let i = 0; i < limits.perDay; i += 1) {
      const communityId = i % 2 === 0 ? community.uuid : another.uuid;
      got(await invite({ communityId, email: `a${i}@b.example` }));
    }
    const { errors } = await invite();
    expect(errors[0]).toMatchObject({
      message:
        "At most 20 e-mails with invitations in 24 hours; this asks for 21. Send the next one tomorrow.",
      extensions: { code: "LIMIT_EXCEEDED", limit: 20, value: 21 },
    });
    await database.owner.raw(
      `update mail.sendings set at = at - interval '24 hours' where id = (
         select min(id) from mail.sendings where tenant = ?)`,
      [owner.uuid],
    );
    expect(outcome(await invite())).toBe("ok");
    expect(outcome(await invite())).toBe("LIMIT_EXCEEDED");
  });

  test("a mail that is sent again counts, whatever became of the others", async () => {
    const strict = communitySubgraph(database, {
      invitations: { ...limits, perDay: 3, resendMinutes: 0 },
    });
    const by = administrator;
    const { id } = got(await invite({}, by, strict));
    got(await withdraw(got(await invite({}, by, strict)).id));
    expect(outcome(await resend(id, by, strict))).toBe("ok");
    expect(outcome(await resend(id, by, strict))).toBe("LIMIT_EXCEEDED");
    expect(outcome(await invite({}, by, strict))).toBe("LIMIT_EXCEEDED");
  });

  test("an invitation is sent again after 10 minutes", async () => {
    const { id } = await invited();
    expect(outcome(await resend(id))).toBe("RATE_LIMITED");
    await pass(id, "10 minutes");
    expect(outcome(await resend(id))).toBe("ok");
    expect(outcome(await resend(id))).toBe("RATE_LIMITED");
  });

  test("an address that declined this tenant gets no other invitation of it", async () => {
    const { token } = await invited();
    const { id: open } = await invited();
    await pass(open, "10 minutes");
    got(await decline(token));
    expect(outcome(await invite())).toBe("CONFLICT");
    expect(outcome(await resend(open))).toBe("CONFLICT");
    expect(outcome(await invite({ email: `x${email}` }))).toBe("ok");

    const forgiving = communitySubgraph(database, {
      invitations: { ...limits, afterDecline: true },
    });
    expect(outcome(await invite({}, administrator, forgiving))).toBe("ok");
    expect(outcome(await resend(open, administrator, forgiving))).toBe("ok");
  });

  test("each limit is the operator's", async () => {
    const strict = communitySubgraph(database, {
      invitations: { ...limits, perDay: 2, messageLength: 3, resendMinutes: 0 },
    });
    const by = administrator;
    expect(outcome(await invite({ message: "four" }, by, strict))).toBe(
      "LIMIT_EXCEEDED",
    );
    const { id } = got(await invite({}, by, strict));
    expect(outcome(await resend(id, by, strict))).toBe("ok");
    expect(outcome(await invite({}, by, strict))).toBe("LIMIT_EXCEEDED");
  });

  test.each([
    ["contactEmail", { contactEmail: "nobody" }],
    ["alias", { alias: "a\nb" }],
  ])("%s is checked", async (field, input) => {
    const { token } = await invited();
    const { errors } = await accept(token, input);
    expect(errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: `input.${field}`,
    });
  });
});
