import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Refusal } from "../../common/ledger/refusals.ts";
import { NoticeMailStore } from "../../mail/notice-mail-store.ts";
import { TestDatabase } from "../support/database.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { tokenSent } from "../support/invitations.ts";
import { ledgerOf, type TestLedger } from "../support/ledger.ts";
import { as, outcome, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";

/* Somebody with one foot in the door, who tries to learn more than that shows, or to have others told what he likes. */

describe.each(modes)("%s", (mode) => {
  let database: TestDatabase;
  let graph: TestGraph;
  let ledger: TestLedger;
  let seed: Seed;
  const refusals: Refusal[] = [];
  beforeAll(async () => {
    database = await TestDatabase.create();
    graph = await startGraph(database, mode, {
      onRefusal: (refusal) => refusals.push(refusal),
    });
    ledger = await ledgerOf(database);
    seed = new Seed(database.owner);
  });
  afterAll(async () => {
    await graph?.stop();
    await database?.drop();
  });

  const got = <T>({ data, errors }: Answer): T => {
    expect(errors).toEqual([]);
    return data as unknown as T;
  };
  const ask = async <T>(by: Identity, query: string): Promise<T> =>
    got<T>(await graph.request(as(by), query));

  /** A community with a partner that asks before a new tenant reads its stream, and such a new tenant. */
  async function waiting() {
    const [owner, partner, newcomer] = [
      await seed.tenant("Owner"),
      await seed.tenant("Partner"),
      await seed.tenant("Newcomer"),
    ];
    const community = await seed.community(owner, "Pumps");
    const lead = async (membership: Membership, tenant: Row) => {
      const identity = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
      const role = tenant === owner ? "ADMINISTRATOR" : "MODERATOR";
      await seed.member(membership, identity, role);
      return identity;
    };
    const sharing = await seed.membership(community, partner);
    const joined = await seed.membership(community, newcomer);
    await database
      .owner("community.memberships")
      .where({ id: sharing.id })
      .update({ new_tenants_read: "AFTER_APPROVAL" });
    await seed.waiting(sharing, joined);
    const stream = await seed.stream(partner);
    await seed.events(stream, 2);
    await seed.share(stream, sharing);
    return {
      ...{ owner, partner, newcomer, community, sharing, joined, stream },
      ca: await lead(community.ownerMembership, owner),
      sharer: await lead(sharing, partner),
      reader: await lead(joined, newcomer),
    };
  }

  const lookAround = (community: Row, { uuid }: Stream) => `{
    streams(from: SHARED) { totalCount nodes { id } }
    here: streams(communityIds: ["${community.uuid}"]) { totalCount nodes { id } }
    community(id: "${community.uuid}") { streams { totalCount nodes { id last { value } } } }
    viewer { tenant { access { given { totalCount } received { totalCount nodes { tenant { id } } } } shares { totalCount } }
      notices { nodes { kind } } }
  }
  # ${uuid}`;

  test("a tenant that waits finds nothing at any door, and all of it once approved", async () => {
    const { community, stream, reader, sharer, newcomer } = await waiting();
    const look = () => ask<object>(reader, lookAround(community, stream));
    const none = { totalCount: 0, nodes: [] };
    expect(await look()).toMatchObject({
      streams: none,
      here: none,
      community: { streams: none },
      viewer: { tenant: { access: { received: none } } },
    });
    const direct = async () => [
      outcome(
        await graph.request(
          as(reader),
          `{ stream(id: "${stream.uuid}") { name last { value } sharedThrough { totalCount } readers { totalCount } } }`,
        ),
      ),
      outcome(
        await graph.request(
          as(reader),
          `{ explainAccess(streamId: "${stream.uuid}", identityId: "${reader.uuid}") { rights } }`,
        ),
      ),
    ];
    expect(await direct()).toEqual(["NOT_FOUND", "NOT_FOUND"]);
    await ask(
      sharer,
      `mutation { approveNewTenant(communityId: "${community.uuid}", tenantId: "${newcomer.uuid}") { id } }`,
    );
    const one = { totalCount: 1 };
    expect(await look()).toMatchObject({
      streams: one,
      here: one,
      community: { streams: one },
      viewer: { tenant: { access: { received: one } } },
    });
    expect(await direct()).toEqual(["ok", "ok"]);
  });

  test("what one tenant decides by itself moves no head that the others see", async () => {
    const { community, ca, reader, sharer, newcomer } = await waiting();
    const heads = async () => {
      await ledger.seal();
      return Promise.all(
        [ca, reader].map((by) =>
          ask(
            by,
            `{ community(id: "${community.uuid}") { ledgerHead { sequence hash } ledger { totalCount } } }`,
          ),
        ),
      );
    };
    await ask(
      ca,
      `mutation { updateCommunity(input: { id: "${community.uuid}", name: "Pump makers" }) { id } }`,
    );
    const before = await heads();
    expect(before).toMatchObject([
      { community: { ledgerHead: { sequence: 1 } } },
      { community: { ledgerHead: { sequence: 1 } } },
    ]);
    for (const mutation of [
      `refuseNewTenant(communityId: "${community.uuid}", tenantId: "${newcomer.uuid}")`,
      `updateMembership(input: { communityId: "${community.uuid}", newTenantsRead: AT_ONCE })`,
    ])
      await ask(sharer, `mutation { ${mutation} { id } }`);
    expect(await heads()).toEqual(before);
    const { viewer } = await ask<{
      viewer: { tenant: { ledger: { nodes: { hash: string | null }[] } } };
    }>(
      sharer,
      `{ viewer { tenant { ledger(first: 2) { nodes { action hash } } } } }`,
    );
    expect(viewer.tenant.ledger.nodes).toEqual([
      { action: "updateMembership", hash: expect.any(String) },
      { action: "refuseNewTenant", hash: expect.any(String) },
    ]);
  });

  test("a dry run does not tell a tenant that waits elsewhere what is shared there", async () => {
    const { community, sharing, stream, ca, owner, partner } = await waiting();
    const reading = await seed.tenant();
    const member = await seed.user(reading);
    const elsewhere = await seed.community(await seed.tenant());
    const sharingElsewhere = await seed.membership(elsewhere, partner);
    await seed.share(stream, sharingElsewhere);
    for (const place of [community, elsewhere])
      await seed.member(await seed.membership(place, reading), member);
    const waitingElsewhere = await seed.membership(elsewhere, owner);
    await seed.member(waitingElsewhere, ca);
    const foresee = async () =>
      ask<object>(
        ca,
        `mutation { removeTenant(communityId: "${community.uuid}", tenantId: "${reading.uuid}", dryRun: true) {
           streamCount stillReadableCount stillReadable { id } } }`,
      );
    expect(sharing.id).not.toBe(sharingElsewhere.id);
    expect(await foresee()).toMatchObject({
      removeTenant: { streamCount: 1, stillReadableCount: 1 },
    });
    await seed.waiting(sharingElsewhere, waitingElsewhere);
    expect(await foresee()).toEqual({
      removeTenant: {
        streamCount: 1,
        stillReadableCount: 0,
        stillReadable: [],
      },
    });
  });

  describe("an invitation that is over", () => {
    async function invited() {
      const owner = await seed.tenant("Owner");
      const community = await seed.community(owner, "Pumps");
      const ca = await seed.user(owner);
      await seed.member(community.ownerMembership, ca, "ADMINISTRATOR");
      const guest = await seed.user(await seed.tenant("Guest"), [
        "ACCOUNT_ADMINISTRATOR",
      ]);
      await ask(
        ca,
        `mutation { updateCommunity(input: { id: "${community.uuid}", description: "Who makes them" }) { id } }`,
      );
      const email = `${guest.uuid}@guest.example`;
      const { inviteTenant } = await ask<{ inviteTenant: { id: string } }>(
        ca,
        `mutation { inviteTenant(input: { communityId: "${community.uuid}", email: "${email}" }) { id } }`,
      );
      const token = await tokenSent(database, email);
      return { owner, community, ca, guest, token, id: inviteTenant.id };
    }
    const rename = (ca: Identity, { uuid }: Row) =>
      ask(
        ca,
        `mutation { updateCommunity(input: { id: "${uuid}", name: "Secret plan", description: "To merge" }) { id } }`,
      );
    const renameTenant = (by: Identity, name: string) =>
      ask(by, `mutation { updateTenant(input: { name: "${name}" }) { id } }`);
    const told = `state communityName communityDescription`;
    const see = (by: Identity, token: string) =>
      ask(by, `{ invitation(token: "${token}") { ${told} } }`);

    test.each(["WITHDRAWN", "DECLINED", "EXPIRED"])(
      "%s, tells whoever has its link nothing new of the community",
      async (state) => {
        const { community, ca, guest, token, id } = await invited();
        await database
          .owner("community.invitations")
          .where({ uuid: id })
          .update(
            state === "EXPIRED"
              ? { expires_at: database.owner.fn.now() }
              : { state },
          );
        await rename(ca, community);
        const over = { state, communityName: "Pumps" };
        expect(await see(guest, token)).toEqual({
          invitation: { ...over, communityDescription: null },
        });
        expect(await see(ca, token)).toEqual({
          invitation: {
            ...{ state, communityName: "Secret plan" },
            communityDescription: "To merge",
          },
        });
      },
    );

    test("CONFIRMED, tells a tenant nothing new of the community that it has left", async () => {
      const { community, ca, guest, token, id } = await invited();
      const accepted = `acceptInvitation(input: { token: "${token}", contactEmail: "data@guest.example" })`;
      await ask(guest, `mutation { ${accepted} { id } }`);
      const { viewer } = await ask<{ viewer: { tenant: { id: string } } }>(
        guest,
        `{ viewer { tenant { id } } }`,
      );
      await ask(
        ca,
        `mutation { confirmInvitation(input: { id: "${id}", tenantId: "${viewer.tenant.id}", acceptMismatch: true }) { id } }`,
      );
      const list = () =>
        ask(
          guest,
          `{ viewer { acceptedInvitations { nodes { ${told} community { id } } } } }`,
        );
      const listed = (name: string, description: string | null) => ({
        viewer: {
          acceptedInvitations: {
            nodes: [
              expect.objectContaining({
                communityName: name,
                communityDescription: description,
              }),
            ],
          },
        },
      });
      expect(await list()).toEqual(listed("Pumps", "Who makes them"));
      await ask(
        guest,
        `mutation { leaveCommunity(communityId: "${community.uuid}") { applied } }`,
      );
      await rename(ca, community);
      expect(await list()).toEqual(listed("Pumps", null));
    });

    test("tells neither who has its link nor who has cancelled the inviting tenant's new name", async () => {
      const { owner, community, ca, guest, token, id } = await invited();
      const aa = await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]);
      const seen = () =>
        ask(
          guest,
          `{ invitation(token: "${token}") { issuingTenantName }
             viewer { acceptedInvitations { nodes { issuingTenantName } } } }`,
        );
      const named = (issuingTenantName: string) => ({
        invitation: { issuingTenantName },
        viewer: { acceptedInvitations: { nodes: [{ issuingTenantName }] } },
      });
      await ask(
        guest,
        `mutation { acceptInvitation(input: { token: "${token}", contactEmail: "data@guest.example" }) { id } }`,
      );
      await renameTenant(aa, "Owner & Co");
      expect(await seen()).toEqual(named("Owner & Co"));
      await ask(guest, `mutation { cancelAcceptance(id: "${id}") { id } }`);
      await renameTenant(aa, "Merged");
      expect(await seen()).toEqual(named("Owner"));
      expect(
        await ask(
          ca,
          `{ community(id: "${community.uuid}") { invitations { nodes { issuingTenantName } } } }`,
        ),
      ).toEqual({
        community: {
          invitations: { nodes: [{ issuingTenantName: "Merged" }] },
        },
      });
    });

    test("that a stranger declined does not tell which tenant is the stranger's", async () => {
      const { community, ca, guest, token } = await invited();
      await ask(
        guest,
        `mutation { declineInvitation(token: "${token}") { state } }`,
      );
      const { community: seen } = await ask<{
        community: { ledger: { nodes: object[] } };
      }>(
        ca,
        `{ community(id: "${community.uuid}") { ledger(first: 1) { nodes { action actorTenant { id } } } } }`,
      );
      expect(seen.ledger.nodes).toEqual([
        { action: "declineInvitation", actorTenant: null },
      ]);
    });
  });

  test("names and messages make no links in mails, however they are written", async () => {
    const owner = await seed.tenant("evil\u00ad.example");
    const community = await seed.community(owner, "https:\u200b//evil.example");
    const ca = await seed.user(owner);
    await seed.member(community.ownerMembership, ca, "ADMINISTRATOR");
    const message =
      "a\u0301.example 💩.example evil\u200d.example \\\\evil\\share tel:+4912345\u2028next";
    got(
      await graph.request(
        as(ca),
        `mutation ($message: String) { inviteTenant(input: {
           communityId: "${community.uuid}", email: "eve@links.example", message: $message }) { id } }`,
        { message },
      ),
    );
    const mail = await database
      .owner("mail.outbox")
      .where({ recipient: "eve@links.example" })
      .first("subject", "text");
    expect(`${mail.subject} ${mail.text}`).not.toMatch(
      /\S\.\p{Cf}*(example)|:\p{Cf}*\/\/evil|\\\\evil|tel:\+/u,
    );
    expect(mail.text).toContain("\n> next\n");

    const partner = await seed.tenant("www.evil.example");
    const membership = await seed.membership(community, partner);
    const cm = await seed.user(partner, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(membership, cm, "MODERATOR");
    await ask(
      cm,
      `mutation { pauseSharing(communityId: "${community.uuid}") { applied } }`,
    );
    const notices = new NoticeMailStore(
      database.as("mail"),
      new URL("https://tributary.test"),
    );
    while ((await notices.writeMails()) > 0);
    const told = await database
      .owner("mail.outbox")
      .whereNotNull("notice_id")
      .orderBy("id", "desc")
      .first("subject", "text");
    expect(told.text).toContain("has paused");
    expect(`${told.subject} ${told.text}`).not.toMatch(
      /\.\p{Cf}*example|:\p{Cf}*\/\/(?!tributary\.test)/u,
    );
  });

  test("a refusal keeps ids and nothing that somebody wrote", async () => {
    const tenant = await seed.tenant();
    const viewer = await seed.user(tenant, ["VIEWER"]);
    const stream = await seed.stream(tenant);
    refusals.length = 0;
    const answer = await graph.request(
      as(viewer),
      `mutation ($input: UpdateStreamInput!) { updateStream(input: $input) { id } }`,
      {
        input: {
          id: stream.uuid,
          name: tenant.uuid,
          metadata: { "ada@example.com": tenant.uuid },
        },
      },
    );
    expect(outcome(answer)).toBe("FORBIDDEN");
    expect(refusals).toMatchObject([{ ids: { "input.id": stream.uuid } }]);
    expect(JSON.stringify(refusals[0]?.ids)).not.toContain(tenant.uuid);
  });

  test("a name is one line in every alphabet", async () => {
    const ada = await seed.user(await seed.tenant(), ["ACCOUNT_ADMINISTRATOR"]);
    const answer = await graph.request(
      as(ada),
      `mutation ($name: String!) { createCommunity(input: { name: $name }) { id } }`,
      { name: "Pumps\u2028Your account is locked" },
    );
    expect(outcome(answer)).toBe("BAD_USER_INPUT");
  });
});
