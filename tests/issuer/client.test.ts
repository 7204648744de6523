import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { hashToken } from "../../common/one-use-link.ts";
import { TestDatabase } from "../support/database.ts";
import { TestIssuer } from "../support/issuer.ts";
import { Seed, type Identity } from "../support/seed.ts";

let database: TestDatabase;
let seed: Seed;
let issuer: TestIssuer;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  issuer = await TestIssuer.start(database);
});
afterAll(async () => {
  await issuer.stop();
  await database.drop();
});

async function addSecret(
  client: Identity,
  secret: string,
  expiresAt: Date | null = null,
): Promise<void> {
  await database.owner("tenant.client_secrets").insert({
    tenant_id: client.tenantId,
    identity_id: client.id,
    hash: hashToken(secret),
    hint: secret.slice(-4),
    expires_at: expiresAt,
  });
}

const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
});

const viaBasic = (id: string, secret: string) =>
  issuer.token({ grant_type: "client_credentials" }, basic(id, secret));

const viaForm = (id: string, secret: string) =>
  issuer.token({
    grant_type: "client_credentials",
    client_id: id,
    client_secret: secret,
  });

test.each([
  ["HTTP basic", viaBasic],
  ["a form", viaForm],
])("a client signs in by %s", async (_, signIn) => {
  const tenant = await seed.tenant();
  const client = await seed.client(tenant);
  await addSecret(client, "the first secret");
  await addSecret(client, "the second secret");
  for (const secret of ["the first secret", "the second secret"]) {
    const { status, body } = await signIn(client.uuid, secret);
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: "Bearer", expires_in: 3600 });
    expect(await issuer.claims(body.access_token)).toMatchObject({
      sub: client.uuid,
      identity: client.uuid,
      tenant: tenant.uuid,
      client_id: client.uuid,
      aud: `${issuer.origin}/graphql`,
    });
  }
});

test("the secret that was used, and no other, is noted as used", async () => {
  const client = await seed.client(await seed.tenant());
  await addSecret(client, "the first secret");
  await addSecret(client, "the second secret");
  await viaBasic(client.uuid, "the second secret");
  const secrets = await database
    .owner("tenant.client_secrets")
    .where({ identity_id: client.id })
    .orderBy("id")
    .select("hint", "last_used_at");
  expect(secrets).toEqual([
    { hint: "cret", last_used_at: null },
    { hint: "cret", last_used_at: expect.any(String) },
  ]);
});

test.each([
  ["a wrong secret", "wrong"],
  ["an expired secret", "the expired secret"],
  ["another client's secret", "the other secret"],
  ["the hash of a secret", hashToken("the secret").toString("base64url")],
])("%s is refused", async (_, secret) => {
  const tenant = await seed.tenant();
  const client = await seed.client(tenant);
  await addSecret(client, "the secret");
  await addSecret(client, "the expired secret", new Date(Date.now() - 1000));
  await addSecret(await seed.client(tenant), "the other secret");
  for (const signIn of [viaBasic, viaForm]) {
    const { status, body } = await signIn(client.uuid, secret);
    expect([status, body.error]).toEqual([401, "invalid_client"]);
    expect(body).not.toHaveProperty("access_token");
  }
});

test("a client that was disabled or removed, or never was, is refused in the same words", async () => {
  const tenant = await seed.tenant();
  const disabled = await seed.client(tenant);
  const removed = await seed.client(tenant);
  for (const client of [disabled, removed]) {
    await addSecret(client, "the secret");
    expect((await viaBasic(client.uuid, "the secret")).status).toBe(200);
  }
  const rows = database.owner("tenant.identities");
  await rows.clone().where({ id: disabled.id }).update({ enabled: false });
  await rows.clone().where({ id: removed.id }).delete();
  const never = await viaBasic("nobody", "the secret");
  for (const client of [disabled, removed])
    expect(await viaBasic(client.uuid, "the secret")).toEqual(never);
  expect(never.status).toBe(401);
});

test("a client without a secret, or without sending one, is refused", async () => {
  const client = await seed.client(await seed.tenant());
  expect((await viaBasic(client.uuid, "anything")).status).toBe(401);
  const silent = await issuer.token({
    grant_type: "client_credentials",
    client_id: client.uuid,
  });
  expect([silent.status, silent.body.error]).toEqual([401, "invalid_client"]);
});

test("a client cannot sign in as a front end, nor a front end as a client", async () => {
  const client = await seed.client(await seed.tenant());
  const { url } = issuer.authorization({ client_id: client.uuid });
  expect((await issuer.browser().get(url)).status).toBe(400);
  const { status } = await issuer.token({
    grant_type: "client_credentials",
    client_id: "tributary",
  });
  expect(status).toBe(400);
});

test("a token is for the graph alone", async () => {
  const client = await seed.client(await seed.tenant());
  await addSecret(client, "the secret");
  const { body } = await issuer.token(
    {
      grant_type: "client_credentials",
      resource: "https://elsewhere.example/api",
    },
    basic(client.uuid, "the secret"),
  );
  expect(body.error).toBe("invalid_target");
});
