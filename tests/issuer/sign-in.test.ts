import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { decodeJwt } from "jose";
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

test("a user signs in with PKCE and gets a token that stands for the identity", async () => {
  const email = await issuer.person(freshEmail());
  const tenant = await seed.tenant();
  const user = await seed.user(tenant, [], email);
  await database
    .owner("tenant.identities")
    .where({ id: user.id })
    .update({ name: "Jo Doe" });
  const { page, verifier } = await issuer.signIn(issuer.browser(), email);
  expect(page.url.origin + page.url.pathname).toBe(`${issuer.origin}/`);
  expect(page.url.searchParams.get("state")).toBe("some-state");
  const { status, body } = await issuer.exchange(page, verifier);
  expect(status).toBe(200);
  const claims = await issuer.claims(body.access_token);
  expect(claims).toMatchObject({
    iss: `${issuer.origin}/oidc`,
    aud: `${issuer.origin}/graphql`,
    sub: user.uuid,
    identity: user.uuid,
    tenant: tenant.uuid,
    client_id: "tributary",
  });
  expect(claims).not.toHaveProperty("email");
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3600);
  expect(decodeJwt(body.id_token)).toMatchObject({
    email,
    email_verified: true,
    name: "Jo Doe",
  });
});

test("a person without a tenant gets a token that stands for the person", async () => {
  const email = await issuer.person(freshEmail(), "Kim Lee");
  const claims = await issuer.claimsOf(email);
  expect(claims).toMatchObject({
    email,
    email_verified: true,
    name: "Kim Lee",
  });
  expect(claims).not.toHaveProperty("identity");
  expect(claims).not.toHaveProperty("tenant");
  const person = await database
    .owner("issuer.persons")
    .where({ email })
    .first<{ uuid: string }>("uuid");
  expect(claims.sub).toBe(person.uuid);
});

test("a person who gets a tenant stands for its identity at the next silent sign-in", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  await issuer.signIn(browser, email);
  const user = await seed.user(await seed.tenant(), [], email);
  const { url, verifier } = issuer.authorization({ prompt: "none" });
  const { body } = await issuer.exchange(await browser.get(url), verifier);
  expect(await issuer.claims(body.access_token)).toMatchObject({
    identity: user.uuid,
  });
});

test("somebody with users in several tenants chooses one, and another one later", async () => {
  const email = await issuer.person(freshEmail());
  const [first, second] = [
    await seed.tenant("First & Co"),
    await seed.tenant("Second <b>"),
  ];
  const firstUser = await seed.user(first, [], email);
  const secondUser = await seed.user(second, [], email);
  const foreign = await seed.user(await seed.tenant(), [], freshEmail());
  const browser = issuer.browser();
  const { page, verifier } = await issuer.signIn(browser, email);
  expect(page.heading).toBe("Choose a tenant");
  expect(page.buttons).toMatchObject({
    "First &#38; Co": firstUser.uuid,
    "Second &#60;b&#62;": secondUser.uuid,
  });

  const refused = await browser.submit(page, { identity: foreign.uuid });
  expect([refused.status, refused.heading]).toEqual([400, "Choose a tenant"]);
  const chosen = await browser.submit(refused, { identity: secondUser.uuid });
  const { body } = await issuer.exchange(chosen, verifier);
  expect(await issuer.claims(body.access_token)).toMatchObject({
    identity: secondUser.uuid,
  });

  const silent = issuer.authorization({ prompt: "none" });
  const again = await issuer.exchange(
    await browser.get(silent.url),
    silent.verifier,
  );
  expect(await issuer.claims(again.body.access_token)).toMatchObject({
    identity: secondUser.uuid,
  });

  const other = issuer.authorization({ prompt: "select_account" });
  const choice = await browser.get(other.url);
  expect(choice.heading).toBe("Choose a tenant");
  const switched = await issuer.exchange(
    await browser.submit(choice, { identity: firstUser.uuid }),
    other.verifier,
  );
  expect(await issuer.claims(switched.body.access_token)).toMatchObject({
    identity: firstUser.uuid,
  });
});

test.each(["removed", "disabled"])(
  "the session of a %s identity has ended, and its code is worth nothing",
  async (how) => {
    const email = await issuer.person(freshEmail());
    const user = await seed.user(await seed.tenant(), [], email);
    const browser = issuer.browser();
    const { page, verifier } = await issuer.signIn(browser, email);
    const row = database.owner("tenant.identities").where({ id: user.id });
    await (how === "removed" ? row.delete() : row.update({ enabled: false }));

    const { body } = await issuer.exchange(page, verifier);
    expect(body.error).toBe("invalid_grant");
    const silent = await browser.get(
      issuer.authorization({ prompt: "none" }).url,
    );
    expect(silent.url.searchParams.get("error")).toBe("login_required");
    const { url } = issuer.authorization();
    expect((await browser.get(url)).heading).toBe("Sign in");

    // What is left of the person is a person without a tenant.
    const anew = await issuer.signIn(browser, email);
    const left = await issuer.exchange(anew.page, anew.verifier);
    expect(await issuer.claims(left.body.access_token)).not.toHaveProperty(
      "identity",
    );
  },
);

test("signing out ends the session", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  const { page, verifier } = await issuer.signIn(browser, email);
  const { body } = await issuer.exchange(page, verifier);
  const question = await browser.get(
    `/oidc/session/end?id_token_hint=${body.id_token}&post_logout_redirect_uri=${issuer.origin}/`,
  );
  expect(question.heading).toBe("Sign out?");
  const out = await browser.submit(question, { logout: "yes" });
  expect(out.url.href).toBe(`${issuer.origin}/`);
  const silent = await browser.get(
    issuer.authorization({ prompt: "none" }).url,
  );
  expect(silent.url.searchParams.get("error")).toBe("login_required");
});

test("signing out without a front end ends on a page of ours", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  await issuer.signIn(browser, email);
  const question = await browser.get("/oidc/session/end");
  const out = await browser.submit(question, { logout: "yes" });
  expect(out.heading).toBe("You are signed out");
});

test("a code is good once, with its verifier, at its redirect URI", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  const { page, verifier } = await issuer.signIn(browser, email);
  const forged = await issuer.exchange(page, "x".repeat(43));
  expect(forged.body.error).toBe("invalid_grant");
  const both = await Promise.all([
    issuer.exchange(page, verifier),
    issuer.exchange(page, verifier),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
});

test.each([
  ["another site", { redirect_uri: "https://evil.example/" }],
  [
    "a path below a registered one",
    { redirect_uri: "https://front.example/callback/more" },
  ],
  ["a client that is unknown", { client_id: "nobody" }],
])("there is no redirect to %s", async (_, changes) => {
  const { url } = issuer.authorization(changes);
  const page = await issuer.browser().get(url);
  expect(page.status).toBe(400);
  expect(page.url.pathname).toBe("/oidc/auth");
  expect(page.heading).toBe("This did not work");
});

test.each([
  ["no PKCE", { code_challenge: "", code_challenge_method: "" }],
  ["plain PKCE", { code_challenge_method: "plain" }],
  ["the implicit flow", { response_type: "id_token" }],
])("%s is refused", async (_, changes) => {
  const { url } = issuer.authorization(changes);
  const page = await issuer.browser().get(url);
  const hash = new URLSearchParams(page.url.hash.slice(1));
  expect(page.url.searchParams.get("error") ?? hash.get("error")).toMatch(
    /invalid_request|unsupported_response_type|unauthorized_client/,
  );
});

test("a wrong password and an unknown e-mail get the same answer", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  const form = await browser.get(issuer.authorization().url);
  const wrong = await browser.submit(form, { email, password: "wrong" });
  const unknown = await browser.submit(form, {
    email: freshEmail(),
    password,
  });
  expect([wrong.status, wrong.alert]).toEqual([unknown.status, unknown.alert]);
  expect(wrong.status).toBe(400);
  expect(wrong.text).toContain(`value="${email}"`);
  expect(wrong.text).not.toContain(`value="wrong"`);
});

test("after ten wrong passwords an e-mail is locked for a while, known or not, and the right one does not help", async () => {
  const browser = issuer.browser();
  const form = await browser.get(issuer.authorization().url);
  for (const email of [await issuer.person(freshEmail()), freshEmail()]) {
    await browser.submit(form, { email, password: "wrong" });
    const tries = database
      .owner("issuer.attempts")
      .where({ subject: `password email ${email}` });
    await tries.clone().update({ count: 9 });
    const tenth = await browser.submit(form, { email, password: "wrong" });
    expect(tenth.status).toBe(400);
    const locked = await browser.submit(form, { email, password });
    expect([locked.status, locked.alert]).toEqual([
      429,
      "Too many attempts. Try again in 15 minutes.",
    ]);
    await tries.update({ expires_at: new Date() });
    const later = await browser.submit(form, { email, password: "wrong" });
    expect(later.status).toBe(400);
  }
});

test("an address that tries too many e-mails is locked too", async () => {
  const browser = issuer.browser();
  const form = await browser.get(issuer.authorization().url);
  await browser.submit(form, { email: freshEmail(), password });
  await database
    .owner("issuer.attempts")
    .where({ subject: "password address 127.0.0.1" })
    .update({ count: 100 });
  const locked = await browser.submit(form, { email: freshEmail(), password });
  expect(locked.status).toBe(429);
});

test("the right password clears the count of the e-mail", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  const form = await browser.get(issuer.authorization().url);
  await browser.submit(form, { email, password: "wrong" });
  await browser.submit(form, { email, password });
  const rows = await database
    .owner("issuer.attempts")
    .where("subject", "like", `%${email}`);
  expect(rows).toEqual([]);
});

test("somebody else can sign in in the same browser", async () => {
  const browser = issuer.browser();
  await issuer.signIn(browser, await issuer.person(freshEmail()));
  const email = await issuer.person(freshEmail());
  const { page, verifier } = await issuer.signIn(browser, email, {
    prompt: "login",
  });
  // The library ends the first session by a form that sends itself, or has a button where scripts are off.
  expect(page.headers.get("content-security-policy")).toContain(
    "script-src 'none' 'sha256-",
  );
  const done = await browser.submit(page, {});
  const { body } = await issuer.exchange(done, verifier);
  expect(await issuer.claims(body.access_token)).toMatchObject({ email });
});

test("a form that another site sends is refused", async () => {
  const email = await issuer.person(freshEmail());
  const browser = issuer.browser();
  const form = await browser.get(issuer.authorization().url);
  const forged = await browser.post(form.url, { email, password });
  expect([forged.status, forged.heading]).toEqual([403, "Sign in"]);
  const other = issuer.browser();
  const theirs = await other.get(issuer.authorization().url);
  const stolen = await browser.post(form.url, {
    ...theirs.hidden,
    email,
    password,
  });
  expect(stolen.status).toBe(403);
});

test("a sign-in page without its cookie says what to do", async () => {
  const browser = issuer.browser();
  const form = await browser.get(issuer.authorization().url);
  const elsewhere = await issuer.browser().get(form.url);
  expect([elsewhere.status, elsewhere.heading]).toEqual([
    400,
    "This sign-in has expired",
  ]);
});

test("pages need no script and allow no frame", async () => {
  const page = await issuer.browser().get(issuer.authorization().url);
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("script-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).toContain(
    `form-action 'self' ${issuer.origin} https://front.example`,
  );
  expect(page.text).not.toContain("<script");
  for (const [, id] of page.text.matchAll(/<label for="(.*?)"/g))
    expect(page.text).toContain(`id="${id}"`);
});
