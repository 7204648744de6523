import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sendMail } from "../../common/mail-store.ts";
import { notify, type Audience } from "../../notices/store.ts";
import { TestDatabase } from "../support/database.ts";
import { as } from "../support/run.ts";
import { Seed } from "../support/seed.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

const mail = { to: "ada@example.com", subject: "Hello", text: "Hello Ada." };

const outbox = () =>
  database
    .owner("mail.outbox")
    .select("recipient", "subject", "text")
    .orderBy("id");

test.each(["tenant", "community", "stream", "issuer"] as const)(
  "the %s role has mail sent when its transaction is committed, and not if it is rolled back",
  async (role) => {
    await database.owner("mail.outbox").delete();
    await database
      .as(role)
      .transaction((transaction) => sendMail(transaction, [mail]));
    await expect(
      database.as(role).transaction(async (transaction) => {
        await sendMail(transaction, [{ ...mail, to: "bob@example.com" }]);
        throw new Error("changed my mind");
      }),
    ).rejects.toThrow("changed my mind");
    const { to, ...rest } = mail;
    expect(await outbox()).toEqual([{ recipient: to, ...rest }]);
  },
);

test.each([
  { ...mail, to: "ada@example.com, eve@example.com" },
  { ...mail, to: "ada@example.com\r\nBcc: eve@example.com" },
  { ...mail, to: "Ada <ada@example.com>" },
  { ...mail, to: "ada" },
  { ...mail, subject: "Hello\r\nBcc: eve@example.com" },
  { ...mail, subject: "Hello\u2028\u0085Bcc: eve@example.com" },
  { ...mail, subject: "" },
])("what could forge a header is no mail: %j", async (forged) => {
  await database.owner("mail.outbox").delete();
  await expect(
    database
      .as("community")
      .transaction((transaction) => sendMail(transaction, [forged])),
  ).rejects.toThrow(/outbox_(recipient_address|subject_line)/);
  expect(await outbox()).toEqual([]);
});

test("a notice concerns those whom its audience describes when it is asked", async () => {
  const seed = new Seed(database.owner);
  const [owner, guest, stranger] = [
    await seed.tenant("Owner"),
    await seed.tenant("Guest"),
    await seed.tenant("Stranger"),
  ];
  const community = await seed.community(owner, "Partners");
  const guestMembership = await seed.membership(community, guest);
  const people = {
    ownerCA: await seed.user(owner),
    ownerCM: await seed.user(owner),
    ownerAA: await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]),
    guestCM: await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]),
    guestMB: await seed.user(guest, [], "mb@guest.example"),
    guestAA: await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]),
    strangerAA: await seed.user(stranger, ["ACCOUNT_ADMINISTRATOR"]),
  };
  await seed.member(community.ownerMembership, people.ownerCA, "ADMINISTRATOR");
  await seed.member(community.ownerMembership, people.ownerCM, "MODERATOR");
  await seed.member(guestMembership, people.guestCM, "MODERATOR");
  await seed.member(guestMembership, people.guestMB);

  const told = async (
    audience: Audience,
    meanwhile?: () => Promise<unknown>,
  ) => {
    const kind = randomUUID();
    await database.as("community").transaction((transaction) =>
      notify(transaction, { viewer: as(people.ownerCA), requestId: "" }, [
        {
          kind: kind as "INVITED",
          communityId: community.uuid,
          audience: [audience],
        },
      ]),
    );
    await meanwhile?.();
    const rows = (await database
      .as("community")("mail.recipients as r")
      .join("mail.published_notices as n", "n.id", "r.notice_id")
      .where("n.kind", kind)
      .select("r.identity")) as { identity: string }[];
    return Object.entries(people)
      .filter(([, { uuid }]) => rows.some(({ identity }) => identity === uuid))
      .map(([name]) => name);
  };

  expect(await told({ role: "ADMINISTRATOR" })).toEqual(["ownerCA"]);
  expect(await told({ role: "MODERATOR" })).toEqual([
    "ownerCA",
    "ownerCM",
    "guestCM",
  ]);
  expect(await told({ role: "MODERATOR", tenantId: guest.uuid })).toEqual([
    "guestCM",
  ]);
  expect(await told({ role: "ACCOUNT_ADMINISTRATOR" })).toEqual([
    "ownerAA",
    "guestCM",
    "guestAA",
  ]);
  expect(
    await told({ role: "ACCOUNT_ADMINISTRATOR", tenantId: stranger.uuid }),
  ).toEqual(["strangerAA"]);
  expect(await told({ identityId: people.guestMB.uuid })).toEqual(["guestMB"]);
  expect(await told({ email: "mb@guest.example" })).toEqual(["guestMB"]);
  expect(await told({ identityId: randomUUID() })).toEqual([]);
  expect(
    await told({ role: "ACCOUNT_ADMINISTRATOR", tenantId: randomUUID() }),
  ).toEqual([]);

  const lateCM = async () => {
    await database
      .owner("community.members")
      .where({ identity_id: people.guestMB.id })
      .update({ role: "MODERATOR" });
  };
  expect(
    await told({ role: "MODERATOR", tenantId: guest.uuid }, lateCM),
  ).toEqual(["guestCM", "guestMB"]);
  const leave = async () => {
    await database
      .owner("community.memberships")
      .where({ id: guestMembership.id })
      .delete();
  };
  expect(
    await told(
      { role: "MODERATOR", tenantId: guest.uuid, asOfNow: true },
      leave,
    ),
  ).toEqual(["guestCM", "guestMB"]);
  expect(await told({ role: "MODERATOR" })).toEqual(["ownerCA", "ownerCM"]);
});
