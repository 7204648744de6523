import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { createOneUseLink } from "../../common/one-use-link.ts";
import { addPerson } from "../../issuer/persons.ts";
import { TestDatabase } from "../support/database.ts";
import { TestIssuer, password } from "../support/issuer.ts";
import { Seed } from "../support/seed.ts";

let database: TestDatabase;
let seed: Seed;
let issuer: TestIssuer;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  issuer = await TestIssuer.start(database);
});
beforeEach(() => database.owner("issuer.attempts").delete());
afterAll(async () => {
  await issuer.stop();
  await database.drop();
});

let count = 0;
const freshEmail = () => `person-${(count += 1)}@example.com`;

/** Asks for a link on the page for it, and answers the link. */
async function requestLink(email: string): Promise<string> {
  const browser = issuer.browser();
  const page = await browser.get("/oidc/password");
  const sent = await browser.submit(page, { email });
  expect([sent.status, sent.heading]).toEqual([200, "The link is on its way"]);
  return issuer.latestLink();
}

const entries = async () =>
  Number(
    (await database.owner("ledger.entries").count("*").first())?.["count"],
  );

const passwordHash = async (email: string) =>
  (
    await database
      .owner("issuer.persons")
      .where({ email })
      .first<{ password_hash: string } | undefined>("password_hash")
  )?.password_hash;

test("a new e-mail registers by a link, which founds no tenant", async () => {
  const email = freshEmail();
  const link = await requestLink(email.toUpperCase());
  const browser = issuer.browser();
  const form = await browser.get(link);
  expect(form.heading).toBe("Choose a password");
  expect(form.text).toContain(`For ${email}.`);
  const before = await entries();
  const set = await browser.submit(form, {
    name: "  Kim Lee ",
    "new-password": password,
  });
  expect([set.status, set.heading]).toEqual([200, "Your password is set"]);
  expect(await issuer.claimsOf(email)).toMatchObject({
    email,
    name: "Kim Lee",
  });

  expect(await entries()).toBe(before + 1);
  const entry = await database
    .owner("ledger.entries")
    .orderBy("id", "desc")
    .first<Record<string, unknown>>();
  expect(entry).toMatchObject({
    kind: "IDENTITY",
    action: "verifyEmail",
    subject_type: "Person",
    tenant_ids: [],
    actor_identity: null,
  });
  expect(entry["actor_person"]).toBe(entry["subject_id"]);
  expect(JSON.stringify(entry)).not.toContain("Kim");
  const names = await database
    .owner("ledger.names")
    .where({ id: entry["subject_id"] });
  expect(names).toMatchObject([{ email, name: "Kim Lee" }]);
});

test("the link that an administrator's new user gets verifies the user", async () => {
  const email = freshEmail();
  const user = await seed.user(await seed.tenant(), [], email);
  const link = createOneUseLink(new URL(issuer.origin));
  const add = async () =>
    database.as("tenant").raw<{
      rows: { added: boolean }[];
    }>("select issuer.add_link(?, ?, ?) as added", [email, link.tokenHash, link.expiresAt]);
  expect((await add()).rows).toEqual([{ added: true }]);
  const browser = issuer.browser();
  await browser.submit(await browser.get(link.url), {
    name: "Kim Lee",
    "new-password": password,
  });
  expect(await issuer.claimsOf(email)).toMatchObject({ identity: user.uuid });
  // From now on the e-mail needs no link, and gets none.
  expect((await add()).rows).toEqual([{ added: false }]);
});

test("a known e-mail and an unknown one get the same answer", async () => {
  const [known, unknown] = [await issuer.person(freshEmail()), freshEmail()];
  const browser = issuer.browser();
  const page = await browser.get("/oidc/password");
  const answers = [
    await browser.submit(page, { email: known }),
    await browser.submit(page, { email: unknown }),
  ];
  expect(answers[0]?.text).toBe(answers[1]?.text);
});

test("a reset sets another password, keeps the name, and ends every session", async () => {
  const email = await issuer.person(freshEmail(), "Kim Lee");
  const browser = issuer.browser();
  const signedIn = await issuer.signIn(browser, email);
  const link = await requestLink(email);
  const form = await issuer.browser().get(link);
  expect(form.text).not.toContain("Your name");
  const other = issuer.browser();
  const set = await other.submit(await other.get(link), {
    "new-password": "another long password",
  });
  expect(set.heading).toBe("Your password is set");

  const silent = await browser.get(
    issuer.authorization({ prompt: "none" }).url,
  );
  expect(silent.url.searchParams.get("error")).toBe("login_required");
  const { body } = await issuer.exchange(signedIn.page, signedIn.verifier);
  expect(body.error).toBe("invalid_grant");
  const old = await issuer.signIn(issuer.browser(), email);
  expect(old.page.status).toBe(400);
  const form2 = await browser.get(issuer.authorization().url);
  const anew = await browser.submit(form2, {
    email,
    password: "another long password",
  });
  expect(anew.url.searchParams.get("code")).toBeTruthy();
});

test("a session that a request on its way writes back after a reset is over", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  await issuer.signIn(browser, email);
  await database
    .owner("issuer.persons")
    .where({ email })
    .update({ password_set_at: new Date(Date.now() + 2000) });
  const silent = await browser.get(
    issuer.authorization({ prompt: "none" }).url,
  );
  expect(silent.url.searchParams.get("error")).toBe("login_required");
});

test("a link works once, and takes the older ones of its e-mail with it", async () => {
  const email = freshEmail();
  const older = await requestLink(email);
  const link = await requestLink(email);
  const browser = issuer.browser();
  const form = await browser.get(link);
  const fields = { name: "Kim Lee", "new-password": password };
  const both = await Promise.all([
    browser.submit(form, fields),
    browser.submit(form, fields),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 404]);
  for (const used of [link, older]) {
    const page = await browser.get(used);
    expect([page.status, page.heading]).toEqual([
      404,
      "This link does not work",
    ]);
  }
});

test("a link that has expired, or was altered, does not work", async () => {
  const email = freshEmail();
  const link = await requestLink(email);
  const altered = link.slice(0, -1) + (link.endsWith("A") ? "B" : "A");
  expect((await issuer.browser().get(altered)).status).toBe(404);
  const browser = issuer.browser();
  const form = await browser.get(link);
  const stored = database.owner("issuer.links").where({ email });
  const [row] = await stored.clone().select("token_hash", "expires_at");
  expect(link).not.toContain(row.token_hash.toString("base64url"));
  const lifeHours = (Date.parse(row.expires_at) - Date.now()) / 3_600_000;
  expect(lifeHours).toBeCloseTo(24, 1);
  await stored.update({ expires_at: new Date() });
  const before = await entries();
  const late = await browser.submit(form, {
    name: "Kim Lee",
    "new-password": password,
  });
  expect(late.status).toBe(404);
  expect(await passwordHash(email)).toBeUndefined();
  expect(await entries()).toBe(before);
});

test.each([
  ["a short password", { name: "Kim", "new-password": "short" }],
  ["a very long password", { name: "Kim", "new-password": "x".repeat(201) }],
  ["no password", { name: "Kim" }],
  ["no name", { "new-password": password }],
  ["a name of two lines", { name: "Kim\nLee", "new-password": password }],
])("%s is refused and leaves the link as it is", async (_, fields) => {
  const email = freshEmail();
  const link = await requestLink(email);
  const browser = issuer.browser();
  const before = await entries();
  const refused = await browser.submit(
    await browser.get(link),
    fields as Record<string, string>,
  );
  expect(refused.status).toBe(400);
  expect(refused.alert).not.toBe("");
  expect(await passwordHash(email)).toBeUndefined();
  expect(await entries()).toBe(before);
  const set = await browser.submit(refused, {
    name: "Kim Lee",
    "new-password": password,
  });
  expect(set.status).toBe(200);
});

test("a password is changed by who knows it, and every session ends", async () => {
  const email = await issuer.person(freshEmail());
  const session = issuer.browser();
  await issuer.signIn(session, email);
  const browser = issuer.browser();
  const form = await browser.get("/oidc/password/change");
  const hash = await passwordHash(email);
  const before = await entries();
  const refused = await browser.submit(form, {
    email,
    password: "not the password",
    "new-password": "another long password",
  });
  expect(refused.status).toBe(400);
  expect([await passwordHash(email), await entries()]).toEqual([hash, before]);

  const changed = await browser.submit(refused, {
    email,
    password,
    "new-password": "another long password",
  });
  expect(changed.heading).toBe("Your password is set");
  expect(await entries()).toBe(before + 1);
  const silent = await session.get(
    issuer.authorization({ prompt: "none" }).url,
  );
  expect(silent.url.searchParams.get("error")).toBe("login_required");
});

test("a change counts as a try to sign in, so it cannot be used to guess", async () => {
  const email = await issuer.person(freshEmail());
  await database.owner("issuer.attempts").insert({
    subject: `password email ${email}`,
    count: 10,
    expires_at: new Date(Date.now() + 60_000),
  });
  const browser = issuer.browser();
  const locked = await browser.submit(
    await browser.get("/oidc/password/change"),
    { email, password, "new-password": "another long password" },
  );
  expect([locked.status, locked.alert]).toEqual([
    429,
    "Too many attempts. Try again in 1 minutes.",
  ]);
});

test("a sixth link for an e-mail within the hour is refused", async () => {
  const email = freshEmail();
  for (let i = 0; i < 5; i += 1) await requestLink(email);
  const browser = issuer.browser();
  const refused = await browser.submit(await browser.get("/oidc/password"), {
    email,
  });
  expect(refused.status).toBe(429);
});

test.each([
  "",
  "no address",
  "a@b@c",
  "müller@example.com",
  "a@example.com\nbcc: x@y.z",
])("%j is no e-mail", async (email) => {
  const browser = issuer.browser();
  const page = await browser.get("/oidc/password");
  expect((await browser.submit(page, { email })).status).toBe(400);
});

test("a form that another site sends changes nothing", async () => {
  const email = await issuer.person(freshEmail());
  const hash = await passwordHash(email);
  const forged = await issuer.browser().post("/oidc/password/change", {
    email,
    password,
    "new-password": "another long password",
  });
  expect(forged.status).toBe(403);
  expect(await passwordHash(email)).toBe(hash);
});

test("a form beyond 16 KiB, or of another content type, is refused", async () => {
  const browser = issuer.browser();
  const page = await browser.get("/oidc/password");
  const long = await browser.submit(page, { email: "x".repeat(20_000) });
  expect(long.status).toBe(413);
  const response = await fetch(page.url, {
    method: "POST",
    body: "{}",
    headers: { "content-type": "application/json" },
  });
  expect(response.status).toBe(400);
});

test("of a password only a salted slow hash is kept", async () => {
  const emails = [freshEmail(), freshEmail()];
  for (const email of emails)
    await addPerson(database.as("issuer"), { email, name: "Kim", password });
  const hashes = await Promise.all(emails.map(passwordHash));
  for (const hash of hashes)
    expect(hash).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
  expect(new Set(hashes).size).toBe(2);
  expect(await issuer.claimsOf(emails[0] ?? "")).toMatchObject({ name: "Kim" });
});
