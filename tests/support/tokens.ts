import {
  createLocalJWKSet,
  exportJWK,
  generateKeyPair,
  SignJWT,
  type JWTHeaderParameters,
  type JWTPayload,
} from "jose";
import type { OwnTokens } from "../../issuer/own-tokens.ts";
import type { Viewer } from "../../common/viewer.ts";

/** An issuer that signs whatever a test wants, and what the gateway is told about it. */
export class TestIssuer {
  static async create(): Promise<TestIssuer> {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const jwk = { ...(await exportJWK(publicKey)), kid: "test", alg: "ES256" };
    return new TestIssuer(privateKey, {
      issuer: "http://127.0.0.1/oidc",
      audience: "http://127.0.0.1/graphql",
      keys: createLocalJWKSet({ keys: [jwk] }),
    });
  }

  private constructor(
    private readonly key: CryptoKey,
    readonly options: OwnTokens,
  ) {}

  /** As the built-in issuer would make it, and for a while the same one again; null for an anonymous viewer. */
  async tokenFor({
    identityId,
    tenantId,
    person,
  }: Viewer): Promise<string | null> {
    if (identityId !== null) return this.tokenOf(identityId, tenantId);
    if (person === null) return null;
    const { id, email, name } = person;
    return this.sign({ sub: id, email, email_verified: true, name });
  }

  private tokens = new Map<string, Promise<string>>();
  private tokensEnd = 0;

  private tokenOf(identity: string, tenant: string | null): Promise<string> {
    const now = Date.now();
    if (now >= this.tokensEnd) {
      this.tokens = new Map();
      this.tokensEnd = now + 60_000;
    }
    const token =
      this.tokens.get(identity) ??
      this.sign({
        sub: identity,
        identity,
        ...(tenant !== null && { tenant }),
      });
    this.tokens.set(identity, token);
    return token;
  }

  /** Good but for what `claims` and `header` say otherwise; a claim that is undefined is left out. */
  sign(
    claims: JWTPayload,
    header: Partial<JWTHeaderParameters> = {},
    key: CryptoKey | Uint8Array = this.key,
  ): Promise<string> {
    const { issuer, audience } = this.options;
    const now = Math.floor(Date.now() / 1000);
    const good = { iss: issuer, aud: audience, iat: now, exp: now + 600 };
    return new SignJWT({ ...good, ...claims })
      .setProtectedHeader({
        alg: "ES256",
        typ: "at+jwt",
        kid: "test",
        ...header,
      })
      .sign(key);
  }
}
