import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import { TestIssuer, password } from "../support/issuer.ts";
import { Seed, type Identity } from "../support/seed.ts";

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

/** Somebody with a user in one tenant, signed in. */
async function signedIn() {
  const email = await issuer.person(`refresh-${(count += 1)}@example.com`);
  const user = await seed.user(await seed.tenant(), [], email);
  const browser = issuer.browser();
  const { page, verifier } = await issuer.signIn(browser, email);
  const { body } = await issuer.exchange(page, verifier);
  return { email, user, browser, refreshToken: body.refresh_token };
}

const refresh = (token: string) =>
  issuer.token({
    grant_type: "refresh_token",
    client_id: "tributary",
    refresh_token: token,
  });

const refused = { status: 400, body: { error: "invalid_grant" } };

const identityRow = ({ id }: Identity) =>
  database.owner("tenant.identities").where({ id });

test("a refresh token is good for an access token of the same identity, and for its successor", async () => {
  const { user, refreshToken } = await signedIn();
  const first = await refresh(refreshToken);
  expect(first.status).toBe(200);
  expect(await issuer.claims(first.body.access_token)).toMatchObject({
    identity: user.uuid,
  });
  expect(first.body.refresh_token).not.toBe(refreshToken);
  expect((await refresh(first.body.refresh_token)).status).toBe(200);
});

test("one that comes a second time ends the grant: the token that followed it is worth nothing", async () => {
  const { user, browser, refreshToken } = await signedIn();
  const { body } = await refresh(refreshToken);
  expect(await refresh(refreshToken)).toMatchObject(refused);
  expect(await refresh(body.refresh_token)).toMatchObject(refused);

  // The session has not ended: it gives the front end another grant.
  const { url, verifier } = issuer.authorization({ prompt: "none" });
  const again = await issuer.exchange(await browser.get(url), verifier);
  expect(await issuer.claims(again.body.access_token)).toMatchObject({
    identity: user.uuid,
  });
  expect((await refresh(again.body.refresh_token)).status).toBe(200);
});

test("of uses at the same instant exactly one is answered, and its successor is worth nothing", async () => {
  const { user, browser, refreshToken } = await signedIn();
  const all = await Promise.all(
    Array.from({ length: 6 }, () => refresh(refreshToken)),
  );
  const answered = all.filter(({ status }) => status === 200);
  expect(answered).toHaveLength(1);
  for (const { body } of answered) {
    expect(await issuer.claims(body.access_token)).toMatchObject({
      identity: user.uuid,
    });
    expect(await refresh(body.refresh_token)).toMatchObject(refused);
  }
  const silent = issuer.authorization({ prompt: "none" });
  const page = await browser.get(silent.url);
  expect((await issuer.exchange(page, silent.verifier)).status).toBe(200);
});

test.each<
  [string, (signed: Awaited<ReturnType<typeof signedIn>>) => Promise<unknown>]
>([
  ["the identity is removed", ({ user }) => identityRow(user).delete()],
  [
    "the identity is disabled",
    ({ user }) => identityRow(user).update({ enabled: false }),
  ],
  [
    "another password is set",
    async ({ email, browser }) => {
      const form = await browser.get("/oidc/password/change");
      const page = await browser.submit(form, {
        email,
        password,
        "new-password": "correct horse battery staple",
      });
      expect(page.heading).toBe("Your password is set");
    },
  ],
  [
    "a password was set while it was on its way",
    ({ email }) =>
      database
        .owner("issuer.persons")
        .where({ email })
        .update({ password_set_at: new Date(Date.now() + 5000) }),
  ],
  [
    "the person signs out",
    async ({ browser }) => {
      const question = await browser.get("/oidc/session/end");
      await browser.submit(question, { logout: "yes" });
    },
  ],
  [
    "the session has expired",
    () => database.owner("issuer.records").where({ model: "Session" }).delete(),
  ],
])("a refresh token ends when %s", async (_, end) => {
  const signed = await signedIn();
  await end(signed);
  expect(await refresh(signed.refreshToken)).toMatchObject(refused);
});

test("it ends when its time is over, and is worth nothing to another client", async () => {
  const { refreshToken } = await signedIn();
  const client = await seed.client(await seed.tenant());
  expect(
    (
      await issuer.token({
        grant_type: "refresh_token",
        client_id: client.uuid,
        refresh_token: refreshToken,
      })
    ).status,
  ).toBe(401);
  await database.owner.raw(
    `update issuer.records set payload = payload || '{"exp": 1}' where model = 'RefreshToken'`,
  );
  expect(await refresh(refreshToken)).toMatchObject(refused);
});

test("a grant that has ended makes no token of its person", async () => {
  const { page, verifier } = await issuer.signIn(
    issuer.browser(),
    (await signedIn()).email,
  );
  await database.owner("issuer.records").where({ model: "Grant" }).delete();
  expect(await issuer.exchange(page, verifier)).toMatchObject(refused);
});
