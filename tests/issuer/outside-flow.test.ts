import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import * as client from "openid-client";
import { createLogger } from "../../common/log.ts";
import { trustOutside } from "../../issuer/issuers.ts";
import { usualKeyTimes } from "../../issuer/outside/keys.ts";
import { Browser } from "../support/browser.ts";
import { TestDatabase } from "../support/database.ts";
import type { TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import {
  outsideAudience,
  outsideCallback,
  outsideClient,
  TestOutsideIssuer,
} from "../support/outside-issuer.ts";
import { freePort, isReady, Process, stopAll } from "../support/process.ts";
import { Seed, type Identity, type Row, type Stream } from "../support/seed.ts";

jest.setTimeout(120_000);

let database: TestDatabase;
let outside: TestOutsideIssuer;
let home: string;
/** An installation that signs nobody in itself. */
let installation: Process;
let origin: string;
let world: Awaited<ReturnType<typeof seedWorld>>;

beforeAll(async () => {
  database = await TestDatabase.create();
  outside = await TestOutsideIssuer.start();
  world = await seedWorld(new Seed(database.owner));
  home = await mkdtemp(join(tmpdir(), "tributary-outside-"));
  const issuersFile = join(home, "issuers.yaml");
  await writeFile(
    issuersFile,
    `
issuers:
  - issuer: ${outside.issuer}
    audience: ${outsideAudience}
    tenants: [${world.volute.uuid}, ${world.hydra.uuid}]
    clients: { ${outsideClient.id}: ${world.historian.uuid} }
`,
  );
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  installation = new Process(["installation/main.ts"], {
    PORT: `${port}`,
    DATABASE_URL: database.url,
    TRIBUTARY_DATA: home,
    STOP_GRACE_MS: "0",
    BUILT_IN_ISSUER: "off",
    ISSUERS_FILE: issuersFile,
  });
  await installation.until(() => isReady(origin));
});
afterAll(async () => {
  await stopAll();
  await outside.stop();
  await database.drop();
  await rm(home, { recursive: true, force: true });
});

async function seedWorld(seed: Seed) {
  const [volute, hydra] = [
    await seed.tenant("Volute"),
    await seed.tenant("Hydra"),
  ];
  const email = (name: string) => `${name}@volute.example`;
  return {
    volute,
    hydra,
    ada: await seed.user(volute, ["ACCOUNT_ADMINISTRATOR"], email("ada")),
    kim: [
      await seed.user(volute, [], email("kim")),
      await seed.user(hydra, [], email("kim")),
    ] as const,
    historian: await seed.client(volute, ["CONTRIBUTOR"]),
    stream: await seed.stream(volute),
  };
}

const insecure = { execute: [client.allowInsecureRequests] };
const algorithm = { id_token_signed_response_alg: "ES256" };

/** The whole sign-in of a front end at the outside issuer. */
async function signIn(subject: string) {
  outside.accounts.set(subject, {
    email: `${subject}@volute.example`,
    email_verified: true,
  });
  const frontEnd = await client.discovery(
    new URL(outside.issuer),
    "front-end",
    algorithm,
    client.None(),
    insecure,
  );
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(frontEnd, {
    redirect_uri: outsideCallback,
    scope: "openid",
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    login_hint: subject,
  });
  const page = await new Browser(outside.issuer, "/").get(url);
  const tokens = await client.authorizationCodeGrant(frontEnd, page.url, {
    ...{ pkceCodeVerifier, expectedState, expectedNonce },
  });
  return { frontEnd, tokens };
}

async function send(
  path: string,
  token: string,
  {
    headers = {},
    ...init
  }: { headers?: Record<string, string> } & Omit<RequestInit, "headers"> = {},
) {
  const response = await fetch(new URL(path, origin), {
    ...init,
    headers: { authorization: `Bearer ${token}`, ...headers },
  });
  return { status: response.status, text: await response.text() };
}

const viewerQuery = "{ viewer { id tenant { id } } }";

async function viewer(token: string, headers: Record<string, string> = {}) {
  const { status, text } = await send("/graphql", token, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ query: viewerQuery }),
  });
  return {
    status,
    body: JSON.parse(text) as {
      data?: { viewer: unknown };
      errors?: { message: string; extensions: { code: string } }[];
    },
  };
}

const as = (identity: Identity, tenant: Row) => ({
  status: 200,
  body: {
    data: { viewer: { id: identity.uuid, tenant: { id: tenant.uuid } } },
  },
});

test("a person signs in at the company's issuer, and the front end refreshes the token", async () => {
  const { frontEnd, tokens } = await signIn("ada");
  expect(await viewer(tokens.access_token)).toMatchObject(
    as(world.ada, world.volute),
  );
  const next = await client.refreshTokenGrant(
    frontEnd,
    tokens.refresh_token ?? "",
  );
  expect(next.access_token).not.toBe(tokens.access_token);
  expect(await viewer(next.access_token)).toMatchObject(
    as(world.ada, world.volute),
  );
  await expect(
    client.refreshTokenGrant(frontEnd, tokens.refresh_token ?? ""),
  ).rejects.toMatchObject({ error: "invalid_grant" });
  const entries = await database
    .owner("ledger.entries")
    .where({ action: "linkSubject", subject_id: world.ada.uuid });
  expect(entries).toHaveLength(1);

  // An ID token is for the front end.
  expect(await viewer(tokens.id_token ?? "")).toMatchObject({
    status: 401,
    body: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
  });
});

test("somebody with users in two tenants names one", async () => {
  const { tokens } = await signIn("kim");
  const asked = await viewer(tokens.access_token);
  expect(asked).toMatchObject({
    status: 400,
    body: {
      errors: [
        {
          extensions: {
            code: "BAD_USER_INPUT",
            tenants: [
              { id: world.hydra.uuid, name: "Hydra" },
              { id: world.volute.uuid, name: "Volute" },
            ],
          },
        },
      ],
    },
  });
  expect(asked.body.errors?.[0]?.message).toContain(
    `tributary-tenant: ${world.hydra.uuid} (Hydra), ${world.volute.uuid} (Volute)`,
  );
  for (const [i, tenant] of [world.volute, world.hydra].entries())
    expect(
      await viewer(tokens.access_token, { "tributary-tenant": tenant.uuid }),
    ).toMatchObject(as(world.kim[i === 0 ? 0 : 1], tenant));
});

test("a page of another origin may say which", async () => {
  const { headers } = await fetch(new URL("/graphql", origin), {
    method: "OPTIONS",
    headers: {
      origin: "https://studio.apollographql.com",
      "access-control-request-headers": "authorization,tributary-tenant",
    },
  });
  expect(headers.get("access-control-allow-headers")).toContain(
    "tributary-tenant",
  );
});

const historianToken = async () => {
  const { id, secret } = outsideClient;
  const program = await client.discovery(
    new URL(outside.issuer),
    id,
    { ...algorithm, client_secret: secret },
    client.ClientSecretBasic(secret),
    insecure,
  );
  const { access_token } = await client.clientCredentialsGrant(program);
  return access_token;
};

test("a program signs in there with its own credentials, writes events and reads them", async () => {
  const token = await historianToken();
  expect(await viewer(token)).toMatchObject(as(world.historian, world.volute));
  const { stream } = world;
  const written = await send("/ingest", token, {
    method: "POST",
    headers: { "content-type": "text/csv" },
    body: `stream,timestamp,value\n${stream.uuid},2026-01-01T00:00:00Z,41.5\n`,
  });
  expect(written).toMatchObject({ status: 200 });
  const read = await send(`/data/streams/${stream.uuid}?format=csv`, token);
  expect(read).toMatchObject({
    status: 200,
    text: expect.stringContaining("41.5"),
  });
});

describe.each<[string, () => Promise<string>]>([
  ["who is no user", async () => (await signIn("nobody")).tokens.access_token],
  [
    "whose token is a hundred kilobytes",
    () => outside.sign({ sub: "ada", x: "x".repeat(100_000) }),
  ],
  [
    "whom the issuer that is off signs in",
    () =>
      outside.sign({
        sub: "ada",
        iss: `${origin}/oidc`,
        identity: world.ada.uuid,
      }),
  ],
])("somebody %s", (_, tokenOf) => {
  test.each<
    [string, (token: string, stream: Stream) => Promise<{ status: number }>]
  >([
    ["the graph", (token) => viewer(token)],
    [
      "files",
      (token, { uuid }) => send(`/data/streams/${uuid}?format=csv`, token),
    ],
    [
      "uploads",
      (token, { uuid }) =>
        send("/ingest", token, {
          method: "POST",
          headers: { "content-type": "text/csv" },
          body: `stream,timestamp,value\n${uuid},2026-01-02T00:00:00Z,1\n`,
        }),
    ],
  ])("does not come in by %s", async (_, enter) => {
    const token = await tokenOf();
    const before = await database.owner("ledger.entries").count();
    const attempt = enter(token, world.stream);
    if (token.length > 100_000)
      // Headers have an end; a connection that sends more is not read on.
      await expect(
        attempt.then(
          ({ status }) => status,
          () => 431,
        ),
      ).resolves.toBe(431);
    else expect(await attempt).toMatchObject({ status: 401 });
    expect(await database.owner("ledger.entries").count()).toEqual(before);
  });
});

test("nobody signs in at /oidc, and pages do not say so", async () => {
  for (const path of [
    "/oidc",
    "/oidc/auth",
    "/oidc/password",
    "/oidc/.well-known/openid-configuration",
  ]) {
    const response = await fetch(new URL(path, origin));
    expect(response.status).toBe(404);
    expect(response.headers.get("content-type")).toContain("text/plain");
    expect(await response.text()).toContain("BUILT_IN_ISSUER is off");
  }
  const page = await fetch(new URL(`/invitation/${"a".repeat(43)}`, origin));
  expect(await page.text()).not.toContain("/oidc");
  const explorer = await fetch(origin);
  expect(explorer.status).toBe(200);
  expect(await explorer.text()).not.toContain('id="sign-in"');
  expect(installation.output).toContain("the issuers of ISSUERS_FILE");
});

test("subgraphs in processes of their own are told by the gateway who it is, whatever keys the issuer has by then", async () => {
  const graph: TestGraph = await startGraph(database, "as separate processes", {
    trusted: trustOutside(
      [outside.trustedFor({ domains: ["volute.example"] })],
      { db: database.as("issuer"), log: createLogger("test", "silent") },
      { ...usualKeyTimes, pauseMs: 0 },
    ),
  });
  try {
    for (const kid of ["one", "another"]) {
      await outside.rotate(kid);
      const token = await outside.sign({ sub: "ada" });
      const { data, errors } = await graph.request(token, viewerQuery);
      expect(errors).toEqual([]);
      expect(data).toEqual(as(world.ada, world.volute).body.data);
      const file = await graph.fetch(
        `/data/streams/${world.stream.uuid}?format=csv`,
        { headers: { authorization: `Bearer ${token}` } },
      );
      expect(file.status).toBe(200);
      expect(await file.text()).toContain("41.5");
    }
  } finally {
    await graph.stop();
  }
});
