import {
  afterAll,
  beforeAll,
  describe,
  expect,
  test,
  jest,
} from "@jest/globals";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { json } from "node:stream/consumers";
import { join } from "node:path";
import {
  generateKeyPair,
  importJWK,
  SignJWT,
  UnsecuredJWT,
  type JWK,
  type JWTPayload,
} from "jose";
import { InternalTokenSigner } from "../../common/internal-token.ts";
import { TestDatabase } from "../support/database.ts";
import { Caller } from "../support/over-http.ts";
import { as, outcome } from "../support/run.ts";
import { Seed, type Identity, type Stream } from "../support/seed.ts";
import {
  internalTokenSecret,
  SeparateProcesses,
} from "../support/separate-processes.ts";

jest.setTimeout(120_000);

/* Somebody inside the machine, or outside with a token, who tries to read what another company does not share. */

let database: TestDatabase;
let installation: SeparateProcesses;
let victim: Identity;
let secret: Stream;
let intruder: Identity;
/** The intruder's own, which is good. */
let token: string;

beforeAll(async () => {
  database = await TestDatabase.create();
  const seed = new Seed(database.owner);
  const home = await seed.tenant("Home");
  victim = await seed.client(home, ["VIEWER"]);
  secret = await seed.stream(home);
  await seed.events(secret, 1);
  intruder = await seed.client(await seed.tenant("Elsewhere"), [
    "ACCOUNT_ADMINISTRATOR",
  ]);
  installation = await SeparateProcesses.start(database);
  token = (await installation.operate("token", intruder.uuid)).trim();
});
afterAll(async () => {
  await installation?.stop();
  await database?.drop();
});

const readSecret = `query ($id: ID!) { stream(id: $id) { last { value } } }`;

/** What a token gets at the gateway. */
const atGateway = async (bearer: string) =>
  outcome(
    await new Caller(installation.urls.gateway, bearer).ask(readSecret, {
      id: secret.uuid,
    }),
  );

describe("at the gateway", () => {
  test("the intruder's own token finds nothing, and the victim's would find it", async () => {
    expect(await atGateway(token)).toBe("NOT_FOUND");
    const victims = await installation.operate("token", victim.uuid);
    expect(await atGateway(victims.trim())).toBe("ok");
  });

  test("entities cannot be asked for", async () => {
    const caller = new Caller(installation.urls.gateway, token);
    for (const query of [
      `{ _entities(representations: [{ __typename: "Stream", id: "${secret.uuid}" }]) { ... on Stream { name } } }`,
      `{ _service { sdl } }`,
    ])
      expect(outcome(await caller.ask(query))).toBe(
        "GRAPHQL_VALIDATION_FAILED",
      );
  });

  describe("a token of one's own making is refused:", () => {
    let good: JWTPayload;
    let issuersKey: { key: CryptoKey; kid: string; jwk: JWK };
    beforeAll(async () => {
      good = { ...payloadOf(token), sub: victim.uuid, identity: victim.uuid };
      issuersKey = await readIssuersKey();
    });

    const sign = (
      claims: JWTPayload,
      { key = issuersKey.key, typ = "at+jwt" } = {},
    ) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "ES256", kid: issuersKey.kid, typ })
        .sign(key);

    test("but not one that the issuer itself could have made", async () => {
      expect(await atGateway(await sign(good))).toBe("ok");
    });

    const inThePast = Math.floor(Date.now() / 1000) - 600;
    test.each<readonly [string, () => string | Promise<string>]>([
      ["expired", () => sign({ ...good, exp: inThePast })],
      ["without an end", () => sign(endless(good))],
      ["of another issuer", () => sign({ ...good, iss: "http://evil/oidc" })],
      ["for another API", () => sign({ ...good, aud: "http://evil/graphql" })],
      ["an ID token", () => sign(good, { typ: "JWT" })],
      [
        "of another key",
        async () =>
          sign(
            good,
            await generateKeyPair("ES256").then(({ privateKey }) => ({
              key: privateKey,
            })),
          ),
      ],
      ["unsigned", () => new UnsecuredJWT(good).encode()],
      ["signed with the public key as a secret", () => signedWithPublicKey()],
      [
        "with another's claims under its own signature",
        () => withClaims(token, good),
      ],
      [
        "with its signature cut off",
        () => token.slice(0, token.lastIndexOf(".") + 1),
      ],
      ["nonsense", () => "nonsense"],
    ])("%s", async (_, forge) => {
      expect(await atGateway(await forge())).toBe("UNAUTHENTICATED");
    });

    async function signedWithPublicKey(): Promise<string> {
      const { kty, crv, x, y } = issuersKey.jwk;
      return new SignJWT(good)
        .setProtectedHeader({
          alg: "HS256",
          kid: issuersKey.kid,
          typ: "at+jwt",
        })
        .sign(new TextEncoder().encode(JSON.stringify({ kty, crv, x, y })));
    }
  });
});

describe("at a subgraph's own port", () => {
  const names = ["tenant", "community", "stream"] as const;

  const atSubgraph = async (
    name: (typeof names)[number],
    bearer: string | null,
  ) => {
    const caller = new Caller(installation.urls[name], bearer);
    const answers = await Promise.all([
      caller.ask("{ viewer { __typename } }"),
      caller.ask("{ _service { sdl } }"),
      caller.ask(
        `query ($of: [_Any!]!) { _entities(representations: $of) { __typename } }`,
        { of: [{ __typename: "Tenant", id: "1" }] },
      ),
    ]);
    return answers.map(outcome);
  };

  const refused = ["UNAUTHENTICATED", "UNAUTHENTICATED", "UNAUTHENTICATED"];

  test.each(names)(
    "the %s subgraph takes no access token, nor a call without any",
    async (name) => {
      expect(await atSubgraph(name, null)).toEqual(refused);
      expect(await atSubgraph(name, token)).toEqual(refused);
    },
  );

  test("the gateway's token would be taken", async () => {
    const bearer = await new InternalTokenSigner(internalTokenSecret).sign(
      as(victim),
    );
    expect(
      outcome(
        await new Caller(installation.urls.stream, bearer).ask(readSecret, {
          id: secret.uuid,
        }),
      ),
    ).toBe("ok");
  });

  const claims = () => ({
    ...{ iss: "tributary-gateway", aud: "tributary-subgraph" },
    ...{ exp: Math.floor(Date.now() / 1000) + 60 },
    ...{ identity: victim.uuid, tenant: null, person: null },
  });
  const sign = (payload: JWTPayload, key = internalTokenSecret) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: "HS256" })
      .sign(new TextEncoder().encode(key));

  test.each<readonly [string, () => string | Promise<string>]>([
    [
      "signed with another secret",
      () => sign(claims(), "a guess that is long enough for it"),
    ],
    ["expired", () => sign({ ...claims(), exp: 1 })],
    ["without an end", () => sign(endless(claims()))],
    ["for somebody else", () => sign({ ...claims(), aud: "another" })],
    ["unsigned", () => new UnsecuredJWT(claims()).encode()],
  ])("a forged internal token is refused: %s", async (_, forge) => {
    expect(await atSubgraph("stream", await forge())).toEqual(refused);
  });
});

test("a forged Host header changes nothing that the issuer says of itself", async () => {
  const { gateway } = installation.urls;
  const discovery = await new Promise((resolve, reject) => {
    const path = new URL("/oidc/.well-known/openid-configuration", gateway);
    const headers = {
      host: "evil.example",
      "x-forwarded-host": "evil.example",
    };
    request(path, { headers }, (response) => resolve(json(response)))
      .once("error", reject)
      .end();
  });
  expect(discovery).toMatchObject({ issuer: `${gateway}/oidc` });
  expect(JSON.stringify(discovery)).not.toContain("evil");
});

function payloadOf(jwt: string): JWTPayload {
  const [, payload = ""] = jwt.split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString()) as JWTPayload;
}

function endless(claims: JWTPayload): JWTPayload {
  const rest = { ...claims };
  delete rest.exp;
  return rest;
}

function withClaims(jwt: string, claims: JWTPayload): string {
  const [header, , signature] = jwt.split(".");
  const payload = Buffer.from(JSON.stringify(claims)).toString("base64url");
  return [header, payload, signature].join(".");
}

/** The issuer's private key, which only who reads its data directory has. */
async function readIssuersKey() {
  const text = await readFile(
    join(installation.home, "issuer-keys.json"),
    "utf8",
  );
  const { signing } = JSON.parse(text) as { signing: [JWK] };
  const [jwk] = signing;
  const [header = ""] = token.split(".");
  const { kid } = JSON.parse(Buffer.from(header, "base64url").toString()) as {
    kid: string;
  };
  return { jwk, kid, key: (await importJWK(jwk, "ES256")) as CryptoKey };
}
