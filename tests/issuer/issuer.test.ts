import { readFile, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { exportJWK, generateKeyPair } from "jose";
import { ConfigError, EnvironmentReader } from "../../common/config.ts";
import { createLogger } from "../../common/log.ts";
import { readIssuerConfig } from "../../issuer/config.ts";
import { deleteExpired } from "../../issuer/expiry-store.ts";
import { createIssuers } from "../../issuer/issuers.ts";
import { loadKeys } from "../../issuer/keys.ts";
import { addressOf } from "../../common/address.ts";
import { TestDatabase } from "../support/database.ts";
import { TestIssuer } from "../support/issuer.ts";
import { until } from "../support/waiting.ts";

let database: TestDatabase;
let issuer: TestIssuer;
beforeAll(async () => {
  database = await TestDatabase.create();
  issuer = await TestIssuer.start(database);
});
afterAll(async () => {
  await issuer.stop();
  await database.drop();
});

/** A request with headers that fetch would not send. */
const raw = (path: string, headers: Record<string, string>) =>
  new Promise<{ headers: NodeJS.Dict<string | string[]>; text: string }>(
    (resolve, reject) =>
      request(new URL(path, issuer.origin), { headers }, (response) => {
        let text = "";
        response.on("data", (chunk) => (text += String(chunk)));
        response.on("end", () => resolve({ headers: response.headers, text }));
      })
        .on("error", reject)
        .end(),
  );

const discovery = "/oidc/.well-known/openid-configuration";

test("discovery tells what is offered, and nothing else is", async () => {
  const answer = await fetch(new URL(discovery, issuer.origin));
  const at = (path: string) => `${issuer.origin}/oidc${path}`;
  const found = (await answer.json()) as Record<string, unknown>;
  expect(found).toMatchObject({
    issuer: at(""),
    authorization_endpoint: at("/auth"),
    token_endpoint: at("/token"),
    jwks_uri: at("/jwks"),
    end_session_endpoint: at("/session/end"),
    grant_types_supported: [
      "authorization_code",
      "refresh_token",
      "client_credentials",
    ],
    response_types_supported: ["code"],
    code_challenge_methods_supported: ["S256"],
    id_token_signing_alg_values_supported: ["ES256"],
    token_endpoint_auth_methods_supported: [
      "none",
      "client_secret_basic",
      "client_secret_post",
    ],
  });
  expect(
    Object.keys(found)
      .filter((key) => /endpoint$/.test(key))
      .sort(),
  ).toEqual([
    "authorization_endpoint",
    "end_session_endpoint",
    "token_endpoint",
  ]);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
});

test.each([
  [
    "/oidc/token",
    { grant_type: "client_credentials", client_id: "\0", client_secret: "x" },
  ],
  [
    "/oidc/token",
    {
      grant_type: "authorization_code",
      client_id: "tributary",
      code: "\0",
      code_verifier: "v".repeat(43),
      redirect_uri: "x",
    },
  ],
  ["/oidc/auth", { client_id: "\0", response_type: "code" }],
])("%s refuses a NUL as the client's fault: %j", async (path, parameters) => {
  const body = new URLSearchParams(parameters);
  const response = await (path === "/oidc/auth"
    ? fetch(new URL(`${path}?${body}`, issuer.origin), { redirect: "manual" })
    : fetch(new URL(path, issuer.origin), { method: "POST", body }));
  expect([400, 401]).toContain(response.status);
});

test("a sign-in refuses a NUL in its state", async () => {
  const query = new URLSearchParams({
    client_id: "tributary",
    response_type: "code",
    scope: "openid",
    redirect_uri: `${issuer.origin}/`,
    code_challenge: "c".repeat(43),
    code_challenge_method: "S256",
    state: "\0",
  });
  const response = await fetch(new URL(`/oidc/auth?${query}`, issuer.origin), {
    redirect: "manual",
  });
  expect(response.status).toBeLessThan(500);
  const { rows } = await database.owner.raw(
    "select count(*)::int as count from issuer.records where model = 'Interaction'",
  );
  expect(rows).toEqual([{ count: 0 }]);
});

test("the public keys are published without their private part", async () => {
  const answer = await fetch(`${issuer.origin}/oidc/jwks`);
  const { keys } = (await answer.json()) as { keys: object[] };
  expect(keys).toEqual(
    issuer.issuer.jwks.keys.map((key) => expect.objectContaining(key)),
  );
  expect(JSON.stringify(keys)).not.toContain('"d":');
});

test("Host and forwarding headers are never believed", async () => {
  const lies = {
    host: "evil.example",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    forwarded: "host=evil.example;proto=https",
  };
  const { text } = await raw(discovery, lies);
  expect(text).toContain(`${issuer.origin}/oidc/token`);
  expect(text).not.toContain("evil.example");
  const { url } = issuer.authorization();
  const { headers } = await raw(url.pathname + url.search, lies);
  expect(JSON.stringify(headers)).not.toContain("evil.example");
  expect(JSON.stringify(headers)).not.toContain("secure");
});

test("under https the cookies are secure, whatever the request came by", async () => {
  const secure = await TestIssuer.start(database, {
    publicUrl: new URL("https://tributary.example"),
  });
  const { url } = secure.authorization({
    redirect_uri: "https://tributary.example/",
  });
  const response = await fetch(url, { redirect: "manual" });
  const cookies = response.headers.getSetCookie();
  expect(cookies.length).toBeGreaterThan(0);
  for (const cookie of cookies) {
    expect(cookie).toMatch(/; secure/i);
    expect(cookie).toMatch(/; httponly/i);
    expect(cookie).toMatch(/; samesite=lax/i);
  }
  await secure.stop();
});

test("front ends may call from the origins of their redirect URIs, others not", async () => {
  const from = async (origin: string) =>
    (
      await fetch(`${issuer.origin}/oidc/token`, {
        method: "POST",
        headers: { origin },
        body: new URLSearchParams({
          grant_type: "authorization_code",
          client_id: "tributary",
          code: "unknown",
          redirect_uri: "https://front.example/callback",
        }),
      })
    ).headers.get("access-control-allow-origin");
  expect(await from("https://front.example")).toBe("https://front.example");
  expect(await from("https://evil.example")).toBeNull();
});

test("the keys stay over a restart, readable by the owner alone", async () => {
  const path = join(issuer.dataDirectory, "issuer-keys.json");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const { dataDirectory } = issuer;
  const again = await TestIssuer.start(database, { dataDirectory });
  expect(again.issuer.jwks).toEqual(issuer.issuer.jwks);
  await again.stop();
});

test("two first starts at once agree on the keys", async () => {
  const dataDirectory = join(issuer.dataDirectory, "fresh");
  const config = { givenKeys: undefined, dataDirectory } as Parameters<
    typeof loadKeys
  >[0];
  const [one, other] = await Promise.all([loadKeys(config), loadKeys(config)]);
  expect(one).toEqual(other);
});

test("keys can be given, and replaced while the old one's tokens are still good", async () => {
  const key = async () =>
    exportJWK(
      (await generateKeyPair("ES256", { extractable: true })).privateKey,
    );
  const [old, fresh] = [await key(), await key()];
  const cookies = ["0123456789abcdef0123456789abcdef"];
  const given = (signing: object[]) =>
    TestIssuer.start(database, {
      givenKeys: JSON.stringify({ signing, cookies }),
    });
  const before = await given([old]);
  const after = await given([fresh, old]);
  expect(after.issuer.jwks.keys).toContainEqual(before.issuer.jwks.keys[0]);
  expect(after.issuer.jwks.keys).toHaveLength(2);
  await before.stop();
  await after.stop();
});

test.each([
  ["junk", "{"],
  ["no key", '{"signing":[],"cookies":["0123456789abcdef0123456789abcdef"]}'],
  ["a public key", '{"signing":[{"kty":"EC","crv":"P-256"}],"cookies":[]}'],
])("a key file with %s is told in a sentence", async (_, text) => {
  const { dataDirectory } = issuer;
  const path = join(dataDirectory, "other", "issuer-keys.json");
  await loadKeys({
    givenKeys: undefined,
    dataDirectory: join(dataDirectory, "other"),
  } as Parameters<typeof loadKeys>[0]);
  const good = await readFile(path, "utf8");
  await writeFile(path, text);
  await expect(
    loadKeys({
      givenKeys: undefined,
      dataDirectory: join(dataDirectory, "other"),
    } as Parameters<typeof loadKeys>[0]),
  ).rejects.toThrow(/holds no keys for the issuer/);
  await writeFile(path, good);
});

test("only the last forwarded address counts, and only behind a proxy that is trusted", () => {
  const call = {
    headers: { "x-forwarded-for": "1.1.1.1, 2.2.2.2" },
    socket: { remoteAddress: "::ffff:127.0.0.1" },
  } as unknown as Parameters<typeof addressOf>[0];
  expect(addressOf(call, { trustProxy: true })).toBe("2.2.2.2");
  expect(addressOf(call, { trustProxy: false })).toBe("127.0.0.1");
});

test("what has expired is deleted, and nothing else", async () => {
  const record = (id: string, expires_at: Date | null) => ({
    ...{ model: "Session", id, payload: {}, expires_at },
  });
  await database
    .owner("issuer.records")
    .insert([
      record("past", new Date(Date.now() - 1000)),
      record("future", new Date(Date.now() + 60_000)),
      record("for ever", null),
    ]);
  await deleteExpired(database.as("issuer"));
  const left = await database
    .owner("issuer.records")
    .whereIn("id", ["past", "future", "for ever"])
    .orderBy("id")
    .pluck("id");
  expect(left).toEqual(["for ever", "future"]);
});

test("that is done now and then, where nobody signs in too", async () => {
  const spent = () =>
    database.owner("issuer.spent_points").where({ key: "past" });
  await spent().insert({ key: "past", points: 1, expire: 1 });
  jest.useFakeTimers({
    doNotFake: [
      "setTimeout",
      "setImmediate",
      "nextTick",
      "Date",
      "performance",
    ],
  });
  const { close } = await createIssuers({
    db: database.as("issuer"),
    config: { own: read({}), isBuiltInOn: false, issuersFile: undefined },
    log: createLogger("test", "silent"),
  });
  jest.advanceTimersByTime(10 * 60_000);
  jest.useRealTimers();
  await until(async () => (await spent()).length === 0);
  close();
});

const read = (env: Record<string, string>) => {
  const reader = new EnvironmentReader(env);
  return reader.done(readIssuerConfig(reader));
};

test("the configuration has defaults for one machine", () => {
  expect(read({})).toEqual({
    publicUrl: new URL("http://127.0.0.1:4000"),
    trustProxy: false,
    givenKeys: undefined,
    dataDirectory: ".tributary",
    accessTokenSeconds: 3600,
    redirectUris: [],
  });
});

test("every fault of the configuration is told", () => {
  const faulty = () =>
    read({
      PUBLIC_URL: "https://user@tributary.example/path",
      OIDC_REDIRECT_URIS:
        "https://a.example/ javascript:alert(1) https://b.example/#x",
      ACCESS_TOKEN_SECONDS: "5",
    });
  expect(faulty).toThrow(ConfigError);
  expect(faulty).toThrow(
    /PUBLIC_URL[^]*"javascript:alert\(1\)"[^]*#x[^]*ACCESS_TOKEN_SECONDS|PUBLIC_URL[^]*ACCESS_TOKEN_SECONDS[^]*javascript/,
  );
  expect(() => read({ HOST: "0.0.0.0" })).toThrow("PUBLIC_URL is missing");
});
