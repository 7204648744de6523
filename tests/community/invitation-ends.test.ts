import { describe, expect, test } from "@jest/globals";
import { tokenSent } from "../support/invitations.ts";
import { as, outcome, type Answer } from "../support/run.ts";
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
  got,
  guest,
  guestAdministrator,
  hoursFromNow,
  invite,
  invited,
  memberships,
  owner,
  pass,
  read,
  resend,
  see,
  seed,
  useHandshake,
  withdraw,
} from "./handshake.ts";
import { communitySubgraph, settings } from "./world.ts";

useHandshake();

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
    const otherEmail = `olaf-${email}`;
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
