import { randomUUID } from "node:crypto";
import { SignJWT, importJWK } from "jose";
import { audienceOf, issuerOf, type IssuerConfig } from "./config.ts";
import { signingAlgorithm } from "../common/key-file.ts";
import type { IssuerKeys } from "./keys.ts";
import type { Account, TenantIdentity } from "./person-store.ts";

/**
 * What an access token says of its subject: `identity` and its `tenant` where it stands for a user or a client, the
 * verified `email` and the `name` where it stands for a person who has no tenant yet.
 */
export type SubjectClaims =
  | { readonly sub: string; readonly identity: string; readonly tenant: string }
  | {
      readonly sub: string;
      readonly email: string;
      readonly email_verified: true;
      readonly name: string;
    };

export const identityClaims = ({
  identity,
  tenantId,
}: TenantIdentity): SubjectClaims => ({
  sub: identity,
  identity,
  tenant: tenantId,
});

export const accountClaims = (account: Account): SubjectClaims =>
  account.identity === null
    ? {
        sub: account.person,
        email: account.email,
        email_verified: true,
        name: account.name,
      }
    : identityClaims(account);

/** An access token as the provider would issue it, without anybody signing in: for development. */
export async function signAccessToken(
  config: IssuerConfig,
  { signing: [key] }: IssuerKeys,
  claims: SubjectClaims,
): Promise<string> {
  if (!key?.kid) throw new Error("The issuer has no key.");
  return new SignJWT({ ...claims, client_id: "development" })
    .setProtectedHeader({
      alg: signingAlgorithm,
      kid: key.kid,
      typ: "at+jwt",
    })
    .setIssuer(issuerOf(config))
    .setAudience(audienceOf(config))
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${config.accessTokenSeconds}s`)
    .sign(await importJWK(key, signingAlgorithm));
}
