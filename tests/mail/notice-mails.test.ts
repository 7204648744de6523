import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { buildSchema, type GraphQLEnumType } from "graphql";
import { createLogger } from "../../common/log.ts";
import {
  notify,
  type NewNotice,
  type NoticeKind,
} from "../../notices/store.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { NoticeMailStore } from "../../mail/notice-mail-store.ts";
import { OutboxStore } from "../../mail/outbox-store.ts";
import { smtpCarrier } from "../../mail/smtp.ts";
import { startMailWorker } from "../../mail/worker.ts";
import { TestDatabase } from "../support/database.ts";
import { TestMailServer } from "../support/mail-server.ts";
import { as } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";

const publicUrl = new URL("https://tributary.example");

let database: TestDatabase;
let seed: Seed;
let owner: Row;
let guest: Row;
let community: Row & { ownerMembership: Membership };
let guestMembership: Membership;
let ownerCA: Identity;
let guestCM: Identity;
let notices: NoticeMailStore;
let outbox: OutboxStore;

beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  notices = new NoticeMailStore(database.as("mail"), publicUrl);
  outbox = new OutboxStore(database.as("mail"));
});
beforeEach(async () => {
  await database.owner("mail.outbox").delete();
  await database.owner("mail.notices").delete();
  await database.owner("community.invitations").delete();
  [owner, guest] = [await seed.tenant("Owner"), await seed.tenant("Guest")];
  community = await seed.community(owner, "Partners");
  guestMembership = await seed.membership(community, guest);
  [ownerCA, guestCM] = [await seed.user(owner), await seed.user(guest)];
  await seed.member(community.ownerMembership, ownerCA, "ADMINISTRATOR");
  await seed.member(guestMembership, guestCM, "MODERATOR");
});
afterAll(() => database.drop());

const write = (actor: Identity, changes: Partial<NewNotice> = {}) =>
  database.as("community").transaction((transaction) =>
    notify(transaction, { viewer: as(actor), requestId: "" }, [
      {
        kind: "SHARING_PAUSED",
        communityId: community.uuid,
        tenantId: guest.uuid,
        audience: [{ role: "MODERATOR" }],
        ...changes,
      },
    ]),
  );

const emailOf = async ({ id }: Identity) =>
  (
    await database
      .owner("tenant.users")
      .where({ identity_id: id })
      .first<{ email: string }>("email")
  ).email;

const mails = () =>
  database
    .owner("mail.outbox")
    .orderBy("id")
    .select<{ recipient: string; subject: string; text: string }[]>(
      "recipient",
      "subject",
      "text",
    );

test("a notice is mailed once to each of those whom it concerns, but not to who has done it, nor to programs", async () => {
  const client = await seed.client(guest);
  await seed.member(guestMembership, client, "MODERATOR");
  await write(guestCM);
  expect(await notices.writeMails()).toBe(1);
  expect(await notices.writeMails()).toBe(0);
  expect(await mails()).toEqual([
    {
      recipient: await emailOf(ownerCA),
      subject: "Tributary: Partners",
      text: 'Guest has paused what it shares in the community "Partners".\n\nhttps://tributary.example/\n',
    },
  ]);
});

test("a notice of every kind is mailed, as a sentence of its own that names the community", async () => {
  const schema = buildSchema(readSupergraph(), { assumeValid: true });
  const kinds = (schema.getType("NoticeKind") as GraphQLEnumType).getValues();
  expect(kinds.length).toBeGreaterThan(20);
  for (const { name } of kinds)
    await write(guestCM, {
      kind: name as NoticeKind,
      role: "MEMBER",
      streamCount: 2,
      dueAt: "2026-02-01T08:00:00Z",
    });
  while ((await notices.writeMails()) > 0);
  const sentences = (await mails()).map(({ text }) => text.split("\n")[0]);
  expect(new Set(sentences).size).toBe(kinds.length);
  for (const sentence of sentences) {
    expect(sentence).toContain('community "Partners"');
    expect(sentence).not.toMatch(/undefined|null/);
  }
});

test("an address that several of them have gets one mail", async () => {
  const email = await emailOf(ownerCA);
  const again = await seed.user(guest, [], email);
  await seed.member(guestMembership, again, "MODERATOR");
  await write(guestCM);
  await notices.writeMails();
  expect((await mails()).map(({ recipient }) => recipient)).toEqual([email]);
});

test("who is given a role is told so in person, and its tenant's leaders how many there are", async () => {
  const [one, two, leader] = [
    await seed.user(guest),
    await seed.user(guest),
    await seed.user(guest),
  ];
  await seed.member(guestMembership, leader, "MODERATOR");
  await write(guestCM, {
    kind: "ROLE_GIVEN",
    role: "MEMBER",
    identityIds: [one.uuid, two.uuid],
    audience: [
      { identityId: one.uuid },
      { identityId: two.uuid },
      { role: "MODERATOR", tenantId: guest.uuid },
    ],
  });
  await notices.writeMails();
  const told = new Map(
    (await mails()).map(({ recipient, text }) => [
      recipient,
      text.split("\n")[0],
    ]),
  );
  const you = 'You are now MEMBER in the community "Partners".';
  expect(told).toEqual(
    new Map([
      [await emailOf(one), you],
      [await emailOf(two), you],
      [
        await emailOf(leader),
        '2 identities of your tenant are now MEMBER in the community "Partners".',
      ],
    ]),
  );
});

test("who is invited is told in the graph, and by the mail with the link alone", async () => {
  const invited = await seed.user(await seed.tenant());
  await write(ownerCA, {
    kind: "INVITED",
    audience: [{ email: await emailOf(invited) }],
  });
  expect(await notices.writeMails()).toBe(1);
  expect(await mails()).toEqual([]);
  const seen = await database
    .as("community")("mail.recipients")
    .where({ identity: invited.uuid });
  expect(seen).toHaveLength(1);
});

test.each<[string, () => Promise<unknown>]>([
  [
    "is disabled",
    () =>
      database
        .owner("tenant.identities")
        .where({ id: ownerCA.id })
        .update({ enabled: false }),
  ],
  [
    "is removed",
    () =>
      database.owner("tenant.identities").where({ id: ownerCA.id }).delete(),
  ],
  [
    "loses its role",
    () =>
      database
        .owner("community.members")
        .where({ identity_id: ownerCA.id })
        .update({ role: "MEMBER" }),
  ],
  [
    "has another address",
    () =>
      database
        .owner("tenant.users")
        .where({ identity_id: ownerCA.id })
        .update({ email: `other-${ownerCA.id}@example.com` }),
  ],
])(
  "a mail that waits is not sent to somebody who %s meanwhile",
  async (_, change) => {
    await write(guestCM);
    await notices.writeMails();
    await change();
    expect(await outbox.claim(60)).toBeNull();
    expect(await mails()).toEqual([]);
  },
);

test("two workers at once mail each notice once, over a real mail server", async () => {
  const server = await TestMailServer.start();
  const stops = [1, 2].map(() =>
    startMailWorker({
      db: database.as("mail"),
      carrier: smtpCarrier(server.config()),
      publicUrl,
      maxAttempts: 3,
      log: createLogger("test", "silent"),
      pollMs: 50,
    }),
  );
  await Promise.all(Array.from({ length: 30 }, () => write(guestCM)));
  const deadline = Date.now() + 10_000;
  while (server.received.length < 30 && Date.now() < deadline) await sleep(50);
  await sleep(200);
  await Promise.all(stops.map((stop) => stop()));
  await server.stop();
  expect(server.received).toHaveLength(30);
  expect(
    new Set(server.received.map(({ headers }) => headers["message-id"])).size,
  ).toBe(30);
});

/** Ends after so many hours. */
const invite = (
  hours: number,
  acceptance: Record<string, unknown> = {},
  ageDays = 12,
) =>
  database.owner("community.invitations").insert({
    community_id: community.id,
    community_name: "Partners",
    issuing_tenant_id: owner.id,
    issued_by: ownerCA.uuid,
    issued_by_name: "Ada",
    email: "bob@guest.example",
    token_hash: Buffer.from(`${Math.random()}`),
    sent_at: database.owner.raw("now() - make_interval(days => ?)", [ageDays]),
    expires_at: database.owner.raw("now() + make_interval(hours => ?)", [
      hours,
    ]),
    ...acceptance,
  });

const toldOfEnds = async () => {
  await notices.tellOfEnds();
  return database
    .owner("mail.notices")
    .where({ kind: "INVITATION_EXPIRING" })
    .orderBy("id")
    .select<{ id: number; tenant_name: string | null }[]>();
};

test("an invitation that ends within two days is told of once, to who can still do something", async () => {
  await invite(49);
  await invite(-1);
  await invite(24, { state: "WITHDRAWN" });
  // Whoever lets invitations end after a day needs no reminder.
  await invite(24, {}, 0);
  expect(await toldOfEnds()).toEqual([]);

  await invite(47);
  const invited = await seed.user(await seed.tenant(), [], "bob@guest.example");
  expect(await toldOfEnds()).toMatchObject([{ tenant_name: null }]);
  expect(await toldOfEnds()).toHaveLength(1);
  await notices.writeMails();
  expect(await mails()).toEqual([
    {
      recipient: await emailOf(ownerCA),
      subject: "Tributary: Partners",
      text: expect.stringMatching(
        /^An invitation to the community "Partners" that nobody has answered yet ends on \d{4}-\d\d-\d\d \d\d:\d\d UTC\./,
      ),
    },
  ]);
  const seen = await database
    .as("community")("mail.recipients")
    .where({ identity: invited.uuid });
  expect(seen).toHaveLength(1);

  // Sent again it has another end, and is told of again when that comes near.
  await database
    .owner("community.invitations")
    .where("expires_at", ">", database.owner.raw("now() + interval '46 hours'"))
    .where("expires_at", "<", database.owner.raw("now() + interval '48 hours'"))
    .update({
      expires_at: database.owner.raw("now() + interval '40 hours'"),
    });
  expect(await toldOfEnds()).toHaveLength(2);
});

test("an acceptance that nobody confirms is told of to both sides", async () => {
  const accepting = await seed.tenant("Newcomer");
  const AA = await seed.user(accepting, ["ACCOUNT_ADMINISTRATOR"]);
  await invite(30, {
    state: "ACCEPTED",
    accepting_tenant_id: accepting.id,
    accepting_tenant_created_at: database.owner.fn.now(),
    accepted_by: AA.uuid,
    accepted_by_name: "Bob",
    accepted_by_email: "bob@guest.example",
    accepted_at: database.owner.raw("now() - interval '12 days'"),
    moderators: [AA.uuid],
    contact_email: "bob@guest.example",
    new_tenants_read: "AT_ONCE",
  });
  await notices.tellOfEnds();
  await notices.writeMails();
  const told = await mails();
  expect(told.map(({ recipient }) => recipient).sort()).toEqual(
    [await emailOf(ownerCA), await emailOf(AA)].sort(),
  );
  expect(told[0]?.text).toMatch(
    /^Newcomer has accepted an invitation to the community "Partners" that ends on .+ UTC unless it is confirmed\./,
  );
});
