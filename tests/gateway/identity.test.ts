import { beforeAll, describe, expect, jest, test } from "@jest/globals";
import type { IncomingMessage } from "node:http";
import { exportSPKI, generateKeyPair, UnsecuredJWT } from "jose";
import { anonymous } from "../../common/viewer.ts";
import { identifyBy, type Identify } from "../../gateway/identity.ts";
import { ownTokens } from "../../issuer/own-tokens.ts";
import { TestIssuer } from "../support/tokens.ts";

const identity = "11111111-2222-4333-8444-555555555555";
const now = () => Math.floor(Date.now() / 1000);

let issuer: TestIssuer;
let identify: Identify;

beforeAll(async () => {
  issuer = await TestIssuer.create();
  identify = identifyBy([ownTokens(issuer.options)]);
});

const caller = (
  authorization: string | undefined,
  headers: Record<string, string> = {},
) =>
  identify(
    { headers: { authorization, ...headers } } as IncomingMessage,
    "a request",
  );
const bearer = (token: string) => caller(`Bearer ${token}`);

describe("a caller", () => {
  test("without a token is anonymous", async () => {
    expect(await caller(undefined)).toBe(anonymous);
  });

  test.each([
    ["and of the tenant", { tenant: "a tenant" }, "a tenant"],
    ["of a tenant that is not told", {}, null],
  ])("with a token is the identity that it names, %s", async (_, claim, id) => {
    const token = await issuer.sign({ sub: "s", identity, ...claim });
    expect(await bearer(token)).toEqual({
      identityId: identity,
      tenantId: id,
      person: null,
      isEmailProven: true,
      tokenEndsAt: expect.any(Number),
    });
  });

  test("who has no tenant yet is a person, by the verified e-mail", async () => {
    const claims = { sub: "s", email: "ada@example.com", name: "Ada" };
    expect(
      await bearer(await issuer.sign({ ...claims, email_verified: true })),
    ).toEqual({
      tokenEndsAt: expect.any(Number),
      identityId: null,
      tenantId: null,
      person: { id: "s", email: "ada@example.com", name: "Ada" },
      isEmailProven: true,
    });
    for (const email_verified of [false, "true", undefined])
      await expect(
        bearer(await issuer.sign({ ...claims, email_verified })),
      ).rejects.toMatchObject({ extensions: { code: "UNAUTHENTICATED" } });
  });

  test("may name the tenant that the token is for, and no other", async () => {
    const tenant = "22222222-2222-4333-8444-555555555555";
    const token = `Bearer ${await issuer.sign({ sub: "s", identity, tenant })}`;
    expect(await caller(token, { "tributary-tenant": tenant })).toMatchObject({
      identityId: identity,
    });
    for (const other of [identity, "", "nonsense"])
      await expect(
        caller(token, { "tributary-tenant": other }),
      ).rejects.toMatchObject({
        message: expect.stringContaining("sign in for that tenant"),
        extensions: { code: "UNAUTHENTICATED" },
      });
  });

  test("is the same object for the same token, so that what hangs on it is found again", async () => {
    const token = await issuer.sign({ sub: "s", identity });
    expect(await bearer(token)).toBe(await bearer(token));
  });
});

describe("a token is refused", () => {
  const claims = { sub: "s", identity };
  const other = () => generateKeyPair("ES256");

  test.each<[string, () => Promise<string> | string, string]>([
    ["when it is none", () => "nonsense", "not valid here"],
    [
      "when it has expired",
      () => issuer.sign({ ...claims, exp: now() - 31 }),
      "has expired",
    ],
    [
      "when it never expires",
      () => issuer.sign({ ...claims, exp: undefined as never }),
      "not valid here",
    ],
    [
      "before its time",
      () => issuer.sign({ ...claims, nbf: now() + 60 }),
      "not valid here",
    ],
    [
      "when it is for another audience",
      () => issuer.sign({ ...claims, aud: "http://elsewhere/graphql" }),
      "not valid here",
    ],
    [
      "when it is of another issuer",
      () => issuer.sign({ ...claims, iss: "http://elsewhere/oidc" }),
      "not valid here",
    ],
    [
      "when another key has signed it",
      async () => issuer.sign(claims, {}, (await other()).privateKey),
      "not valid here",
    ],
    [
      "when it was changed",
      async () => {
        const [header, , signature] = (await issuer.sign(claims)).split(".");
        const payload = Buffer.from(
          JSON.stringify({
            ...claims,
            iss: issuer.options.issuer,
            aud: issuer.options.audience,
            exp: now() + 600,
          }),
        ).toString("base64url");
        return [header, payload, signature].join(".");
      },
      "not valid here",
    ],
    [
      "when nobody has signed it",
      () =>
        new UnsecuredJWT({ ...claims, iss: issuer.options.issuer })
          .setAudience(issuer.options.audience)
          .setExpirationTime("10m")
          .encode(),
      "not valid here",
    ],
    [
      "when the public key was taken for a shared secret",
      async () => {
        const { publicKey } = await other();
        const secret = new TextEncoder().encode(await exportSPKI(publicKey));
        return issuer.sign(claims, { alg: "HS256" }, secret);
      },
      "not valid here",
    ],
    [
      "when it is an ID token",
      () => issuer.sign(claims, { typ: "JWT" }),
      "not valid here",
    ],
    [
      "when it names an unknown key",
      () => issuer.sign(claims, { kid: "other" }),
      "not valid here",
    ],
  ])("%s", async (_, token, message) => {
    await expect(bearer(await token())).rejects.toMatchObject({
      message: expect.stringContaining(message),
      extensions: { code: "UNAUTHENTICATED" },
    });
  });

  test.each([
    "Basic YWRhOnNlY3JldA==",
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "token",
    "",
  ])("when it is sent as %j", async (authorization) => {
    await expect(caller(authorization)).rejects.toMatchObject({
      message: expect.stringContaining("Authorization: Bearer <token>"),
      extensions: { code: "UNAUTHENTICATED" },
    });
  });

  test("when it expires after it was remembered, 30 seconds late for slow clocks", async () => {
    const token = await issuer.sign({ ...claims, exp: now() + 10 });
    await bearer(token);
    const start = Date.now();
    jest.useFakeTimers();
    try {
      jest.setSystemTime(start + 39_000);
      await bearer(token);
      jest.setSystemTime(start + 41_000);
      await expect(bearer(token)).rejects.toMatchObject({
        extensions: { code: "UNAUTHENTICATED" },
      });
    } finally {
      jest.useRealTimers();
    }
  });
});
