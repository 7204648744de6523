import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { OutsideIssuer } from "../../issuer/outside/config.ts";
import { OperatorStore } from "../../commands/operator-store.ts";
import { deleteExpired } from "../../issuer/expiry-store.ts";
import { TestDatabase } from "../support/database.ts";
import { TestOutsideIssuer } from "../support/outside-issuer.ts";
import { Door } from "../support/outside-world.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";

let database: TestDatabase;
let seed: Seed;
let outside: TestOutsideIssuer;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  outside = await TestOutsideIssuer.start();
});
afterAll(async () => {
  await outside.stop();
  await database.drop();
});

let count = 0;
let tenant: Row;
let email: string;
let subject: string;
/** A tenant of the issuer's, a subject and an e-mail for each test. */
beforeEach(async () => {
  count += 1;
  tenant = await seed.tenant(`Tenant ${count}`);
  email = `person-${count}@volute.example`;
  subject = `subject-${count}`;
});

const doorFor = (changes: Partial<OutsideIssuer>) =>
  new Door(database, [outside.trustedFor(changes)]);
const theDoor = () => doorFor({ tenants: [tenant.uuid] });
const token = (claims = {}) => outside.sign({ sub: subject, email, ...claims });

const identityRow = ({ id }: Identity) =>
  database.owner("tenant.identities").where({ id });

/** Shows that whoever comes is refused, in words like these, and that nothing is written. */
async function refused(
  door: Door,
  sent: string,
  text: string | RegExp,
  wanted?: string,
): Promise<void> {
  const before = await everythingWritten(database);
  expect(await door.outcome(sent, wanted)).toMatch(text);
  expect(await everythingWritten(database)).toEqual(before);
}

test("a user is linked with the subject that comes first with the e-mail, once, and the ledger tells", async () => {
  const user = await seed.user(tenant, [], email);
  const door = theDoor();
  const viewer = await door.enter(await token());
  expect(viewer).toEqual({
    identityId: user.uuid,
    tenantId: tenant.uuid,
    person: null,
    isEmailProven: false,
    tokenEndsAt: expect.any(Number),
  });
  expect(await door.outcome(await token({ jti: "another" }))).toBe(user.uuid);
  const entries = await database
    .owner("ledger.entries")
    .where({ subject_id: user.uuid });
  expect(entries).toMatchObject([
    {
      kind: "IDENTITY",
      action: "linkSubject",
      actor_identity: user.uuid,
      tenant_ids: [tenant.uuid],
      after: { issuer: outside.issuer },
      request_id: "request",
    },
  ]);
});

test("from then on the subject says who it is, whatever its e-mail", async () => {
  const user = await seed.user(tenant, [], email);
  await seed.user(tenant, [], `other-${email}`);
  const door = theDoor();
  await door.enter(await token());
  for (const claims of [
    { email: `other-${email}` },
    { email_verified: false },
    { email: undefined },
  ])
    expect(await door.outcome(await token(claims))).toBe(user.uuid);
  // Nor does it become the other user when its own is not live.
  await identityRow(user).update({ enabled: false });
  await refused(
    door,
    await token({ email: `other-${email}` }),
    /^UNAUTHENTICATED: .* is no user here/,
  );
});

test("a second subject with the same e-mail is refused", async () => {
  await seed.user(tenant, [], email);
  const door = theDoor();
  await door.enter(await token());
  await refused(
    door,
    await token({ sub: `${subject}-2` }),
    /another account is that user's already/,
  );
});

test("a subject of the same text at another issuer is somebody else", async () => {
  const user = await seed.user(tenant, [], email);
  const other = await TestOutsideIssuer.start();
  const both = new Door(database, [
    outside.trustedFor({ tenants: [tenant.uuid] }),
    other.trustedFor({ tenants: [tenant.uuid] }),
  ]);
  expect(await both.outcome(await token())).toBe(user.uuid);
  await refused(
    both,
    await other.sign({ sub: subject, email }),
    /^UNAUTHENTICATED/,
  );
  await other.stop();
});

test.each<[string, object, RegExp]>([
  ["none", { email: undefined }, /no e-mail in the claim "email"/],
  ["one that is a list", { email: ["a@b.example"] }, /no e-mail in the claim/],
  ["an unverified one", { email_verified: false }, /is not true/],
  ["one verified in words", { email_verified: "true" }, /is not true/],
  ["one verified by a number", { email_verified: 1 }, /is not true/],
  ["one of which it is not said", { email_verified: undefined }, /is not true/],
])("an account with no e-mail but %s is not linked", async (_, claims, why) => {
  await seed.user(tenant, [], email);
  await refused(theDoor(), await token(claims), why);
});

test("the claims of the e-mail can have other names", async () => {
  const user = await seed.user(tenant, [], email);
  const door = doorFor({
    tenants: [tenant.uuid],
    emailClaim: "https://volute.example/mail",
    emailVerifiedClaim: "xms_edov",
  });
  await refused(door, await token(), /claim "https:/);
  const claims = { "https://volute.example/mail": email, xms_edov: true };
  expect(await door.outcome(await token(claims))).toBe(user.uuid);
});

test.each<[string, (email: string) => string]>([
  ["a space after it", (text) => `${text} `],
  ["a line break before it", (text) => `\n${text}`],
  ["a look-alike from another script", (text) => text.replace("o", "о")],
  ["a Kelvin sign for its K", (text) => text.replace("k", "\u212a")],
  ["a dotted capital I", (text) => text.replace("i", "\u0130")],
  ["a full-width letter", (text) => text.replace("a", "\uff41")],
  ["a soft hyphen in it", (text) => text.replace("-", "-\u00ad")],
  ["a NUL at its end", (text) => `${text}\0`],
  ["a name around it", (text) => `Robin <${text}>`],
  ["another one after it", (text) => `${text},x@evil.example`],
  ["a quoted part", (text) => text.replace(/^(.*)@/, '"$1"@')],
  ["a domain below", (text) => `${text}.evil.example`],
  ["a dot after it", (text) => `${text}.`],
])("an e-mail with %s is another one", async (_, change) => {
  const own = `kim-${count}@volute.example`;
  await seed.user(tenant, [], own);
  expect(change(own)).not.toBe(own);
  await refused(
    theDoor(),
    await token({ email: change(own) }),
    /^UNAUTHENTICATED/,
  );
});

test("the case of an e-mail does not matter", async () => {
  const user = await seed.user(tenant, [], email);
  const sent = await token({ email: email.toUpperCase() });
  expect(await theDoor().outcome(sent)).toBe(user.uuid);
});

test("an issuer speaks for users of its tenants alone", async () => {
  const stranger = await seed.tenant();
  await seed.user(stranger, [], email);
  const door = theDoor();
  await refused(door, await token(), /No user whom this issuer may speak for/);
  await refused(door, await token(), /is no user here/, stranger.uuid);

  const user = await seed.user(tenant, [], email);
  expect(await door.outcome(await token())).toBe(user.uuid);
  // As of a tenant that never was.
  const never = await door.outcome(await token(), user.uuid);
  expect(never).toMatch(/^UNAUTHENTICATED: You have no user in the tenant/);
  expect(await door.outcome(await token(), stranger.uuid)).toBe(never);
  expect(await door.outcome(await token(), "nonsense")).toBe(never);
  expect(await door.outcome(await token(), "")).toBe(never);
});

test("or for users with e-mails of its domains, in any tenant", async () => {
  const user = await seed.user(tenant, [], email);
  const door = doorFor({ domains: ["volute.example"] });
  expect(await door.outcome(await token())).toBe(user.uuid);
  for (const other of [
    "ada@evil-volute.example",
    "ada@volute.example.evil",
    "ada@sub.volute.example",
    "ada@example",
  ]) {
    await seed.user(tenant, [], other);
    await refused(
      door,
      await token({ sub: `${subject} ${other}`, email: other }),
      /No user whom this issuer may speak for/,
    );
  }
});

test("or for both at once, and for no user any longer whom the configuration has left out", async () => {
  const user = await seed.user(tenant, [], email);
  const elsewhere = await seed.tenant();
  const tenants = [tenant.uuid];
  const both = doorFor({ tenants, domains: ["volute.example"] });
  expect(await both.outcome(await token())).toBe(user.uuid);
  for (const changes of [
    { tenants: [elsewhere.uuid] },
    { tenants, domains: ["hydra.example"] },
    { domains: ["hydra.example"] },
  ])
    await refused(doorFor(changes), await token(), /is no user here/);
  expect(await theDoor().outcome(await token())).toBe(user.uuid);
});

test("somebody with users in several tenants names one, and is linked with that alone", async () => {
  const [second, foreign] = [await seed.tenant("Second"), await seed.tenant()];
  const user = await seed.user(tenant, [], email);
  const secondUser = await seed.user(second, [], email);
  await seed.user(foreign, [], email);
  const door = doorFor({ tenants: [tenant.uuid, second.uuid] });
  const choices = new RegExp(
    `^BAD_USER_INPUT: .*tributary-tenant: ${second.uuid} \\(Second\\), ${tenant.uuid} \\(Tenant ${count}\\)\\.$`,
  );
  await refused(door, await token(), choices);
  await refused(
    door,
    await token(),
    /You have no user .*Name one of yours/,
    foreign.uuid,
  );
  expect(await door.outcome(await token(), tenant.uuid.toUpperCase())).toBe(
    user.uuid,
  );
  const links = database.owner("issuer.linked_subjects").where({ subject });
  expect(await links.clone().pluck("identity")).toEqual([user.uuid]);
  // Whoever is a user of another tenant too goes on where it was, until it names the other.
  expect(await door.outcome(await token())).toBe(user.uuid);
  expect(await door.outcome(await token(), second.uuid)).toBe(secondUser.uuid);
  await refused(door, await token(), choices);
});

test.each([1, 2, 3, 4])(
  "of requests that come at once, one links (%i)",
  async () => {
    const user = await seed.user(tenant, [], email);
    const doors = [theDoor(), theDoor()];
    const sent = await token();
    const all = await Promise.all(
      Array.from({ length: 12 }, (_, each) => doors[each % 2]?.outcome(sent)),
    );
    expect(new Set(all)).toEqual(new Set([user.uuid]));
    const entries = await database
      .owner("ledger.entries")
      .where({ action: "linkSubject", subject_id: user.uuid });
    expect(entries).toHaveLength(1);
  },
);

test("of subjects that come at once with one e-mail, one is linked", async () => {
  const user = await seed.user(tenant, [], email);
  const door = theDoor();
  const tokens = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((each) => token({ sub: `${subject}-${each}` })),
  );
  const all = await Promise.all(tokens.map((sent) => door.outcome(sent)));
  expect(all.filter((outcome) => outcome === user.uuid)).toHaveLength(1);
  const links = await database
    .owner("issuer.linked_subjects")
    .where({ identity: user.uuid });
  expect(links).toHaveLength(1);
});

test("a link that is taken away is gone in the next request, and so is a disabled user", async () => {
  const user = await seed.user(tenant, [], email);
  const door = theDoor();
  const sent = await token();
  const later = await token({ email: undefined });
  expect(await door.outcome(sent)).toBe(user.uuid);
  expect(await door.outcome(later)).toBe(user.uuid);
  await identityRow(user).update({ enabled: false });
  await refused(door, sent, /is no user here/);
  await identityRow(user).update({ enabled: true });
  expect(await door.outcome(sent)).toBe(user.uuid);
  await database.owner("issuer.linked_subjects").where({ subject }).delete();
  await refused(door, later, /is no user here/);
});

test("a removed user takes the link along; one whom the tenant adds anew is linked anew, and the ledger tells", async () => {
  const user = await seed.user(tenant, [], email);
  const door = theDoor();
  const sent = await token();
  await door.enter(sent);
  await identityRow(user).delete();
  await refused(door, sent, /is no user here/);
  const anew = await seed.user(tenant, [], email);
  expect(await door.outcome(sent)).toBe(anew.uuid);
  const entries = await database
    .owner("ledger.entries")
    .where({ action: "linkSubject", subject_id: anew.uuid });
  expect(entries).toHaveLength(1);
});

test("nobody is led to a stranger's tenant that has added the e-mail, whatever becomes of the user at home", async () => {
  const user = await seed.user(tenant, [], email);
  const door = doorFor({ domains: ["volute.example"] });
  const sent = await token();
  expect(await door.outcome(sent)).toBe(user.uuid);
  const stranger = await seed.tenant("Stranger");
  const trap = await seed.user(stranger, [], email);
  expect(await door.outcome(sent)).toBe(user.uuid);
  const next = new RegExp(
    `^BAD_USER_INPUT: .* removed or disabled.* tributary-tenant: ${stranger.uuid}`,
  );
  await identityRow(user).update({ enabled: false });
  await refused(door, sent, next);
  await identityRow(user).update({ enabled: true });
  expect(await door.outcome(sent)).toBe(user.uuid);
  await identityRow(user).delete();
  await refused(door, sent, next);
  // Added anew at home, it goes on there; elsewhere it has to ask for that.
  const anew = await seed.user(tenant, [], email);
  expect(await door.outcome(sent)).toBe(anew.uuid);
  expect(await door.outcome(sent, stranger.uuid)).toBe(trap.uuid);
});

test("where a subject was at home is forgotten a year after its last user has gone", async () => {
  const user = await seed.user(tenant, [], email);
  const door = doorFor({ domains: ["volute.example"] });
  const sent = await token();
  expect(await door.outcome(sent)).toBe(user.uuid);
  const trap = await seed.user(await seed.tenant("Stranger"), [], email);
  const home = database.owner("issuer.subject_tenants").where({ subject });
  const daysLeft = async (): Promise<(number | null)[]> => {
    await deleteExpired(database.as("issuer"));
    const rows = await home
      .clone()
      .select<{ days: number | null }[]>(
        database.owner.raw("extract(day from expires_at - now())::int as days"),
      );
    return rows.map(({ days }) => days);
  };
  expect(await daysLeft()).toEqual([null]);
  await identityRow(user).delete();
  expect((await daysLeft())[0]).toBeGreaterThanOrEqual(364);
  await refused(door, sent, /removed or disabled/);
  const anew = await seed.user(tenant, [], email);
  expect(await door.outcome(sent)).toBe(anew.uuid);
  expect(await daysLeft()).toEqual([null]);
  await identityRow(anew).delete();
  await daysLeft();
  await home.clone().update({ expires_at: new Date(Date.now() - 1_000) });
  expect(await daysLeft()).toEqual([]);
  expect(await door.outcome(sent)).toBe(trap.uuid);
});

test("a subject that was barred from a user is not linked with it again, and another one is", async () => {
  const user = await seed.user(tenant, [], email);
  const door = theDoor();
  const sent = await token();
  expect(await door.outcome(sent)).toBe(user.uuid);
  await new OperatorStore(database.owner).unlink(user.uuid);
  await refused(door, sent, /is no user here/);
  await refused(door, sent, /^UNAUTHENTICATED/, tenant.uuid);
  await new OperatorStore(database.owner).allowSubjects(user.uuid);
  expect(await door.outcome(sent)).toBe(user.uuid);
  await new OperatorStore(database.owner).unlink(user.uuid);
  const another = await token({ sub: `${subject}-2` });
  expect(await door.outcome(another)).toBe(user.uuid);
  await refused(door, sent, /is no user here/);
});

test("a token is the same viewer each time", async () => {
  await seed.user(tenant, [], email);
  const door = theDoor();
  const sent = await token();
  expect(await door.enter(sent)).toBe(await door.enter(sent));
});

test("a subject acts as the client that the configuration names, of the issuer's tenants and live", async () => {
  const client = await seed.client(tenant);
  const foreign = await seed.client(await seed.tenant());
  const user = await seed.user(tenant, [], email);
  const door = doorFor({
    tenants: [tenant.uuid],
    clients: new Map([
      ["program", client.uuid],
      ["stranger", foreign.uuid],
      ["nobody", user.uuid],
    ]),
  });
  const program = await outside.sign({ sub: "program" });
  expect(await door.enter(program)).toMatchObject({
    identityId: client.uuid,
    tenantId: tenant.uuid,
  });
  expect(await door.outcome(program, tenant.uuid)).toBe(client.uuid);
  await refused(door, program, /^UNAUTHENTICATED: You have no/, foreign.uuid);
  for (const sub of ["stranger", "nobody"])
    await refused(
      door,
      await outside.sign({ sub, email }),
      /is of none of the issuer's tenants/,
    );
  // The front end that a person used is no subject.
  await refused(
    door,
    await token({
      ...{ azp: "program", client_id: "program", email: undefined },
    }),
    /is no user here/,
  );
  await identityRow(client).update({ enabled: false });
  await refused(door, program, /removed or disabled/);
});
