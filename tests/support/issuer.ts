import { createHash, randomBytes, scryptSync } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify, type JWTPayload } from "jose";
import { createLogger } from "../../common/log.ts";
import type { IssuerConfig } from "../../issuer/config.ts";
import { createIssuer, type Issuer } from "../../issuer/issuer.ts";
import { Browser, type Page } from "./browser.ts";
import type { TestDatabase } from "./database.ts";

export const password = "correct horse battery";

/** Of that password, at a cost that spares the tests' time. */
const cheapHash = `scrypt$1024$8$1$c2FsdA$${scryptSync(password, "salt", 32, { N: 1024, r: 8, p: 1 }).toString("base64url")}`;

/** An issuer on a loopback port, and people who use it. */
export class TestIssuer {
  private constructor(
    readonly issuer: Issuer,
    readonly origin: string,
    readonly dataDirectory: string,
    private readonly database: TestDatabase,
    private readonly stopServer: () => Promise<unknown>,
  ) {}

  static async start(
    database: TestDatabase,
    changes: Partial<IssuerConfig> = {},
  ): Promise<TestIssuer> {
    const dataDirectory = await mkdtemp(join(tmpdir(), "tributary-issuer-"));
    const server = createServer((request, response) => {
      void issuer.handler(request, response);
    });
    await new Promise<void>((resolve) =>
      server.listen(0, "127.0.0.1", resolve),
    );
    const { port } = server.address() as AddressInfo;
    const origin = `http://127.0.0.1:${port}`;
    const issuer = await createIssuer({
      db: database.as("issuer"),
      log: createLogger("test", "silent"),
      config: {
        publicUrl: new URL(origin),
        trustProxy: false,
        givenKeys: undefined,
        dataDirectory,
        accessTokenSeconds: 3600,
        redirectUris: ["https://front.example/callback"],
        ...changes,
      },
    });
    return new TestIssuer(
      issuer,
      origin,
      dataDirectory,
      database,
      () =>
        new Promise((resolve) => {
          server.close(resolve);
          server.closeAllConnections();
        }),
    );
  }

  async stop(): Promise<void> {
    await this.stopServer();
    await rm(this.dataDirectory, { recursive: true, force: true });
  }

  browser(): Browser {
    return new Browser(this.origin);
  }

  /** Somebody who has verified this e-mail, with the password of all test people. */
  async person(email: string, name = "Robin Roe"): Promise<string> {
    await this.database
      .owner("issuer.persons")
      .insert({ email, name, password_hash: cheapHash });
    return email;
  }

  /** How a front end sends its visitor to the issuer. */
  authorization(more: Record<string, string> = {}) {
    const verifier = randomBytes(32).toString("base64url");
    const url = new URL("/oidc/auth", this.origin);
    url.search = new URLSearchParams({
      client_id: "tributary",
      response_type: "code",
      redirect_uri: `${this.origin}/`,
      scope: "openid email profile",
      state: "some-state",
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
      ...more,
    }).toString();
    return { url, verifier };
  }

  /** Opens the sign-in page and sends e-mail and password. */
  async signIn(
    browser: Browser,
    email: string,
    more: Record<string, string> = {},
  ): Promise<{ page: Page; verifier: string }> {
    const { url, verifier } = this.authorization(more);
    const form = await browser.get(url);
    const page = await browser.submit(form, { email, password });
    return { page, verifier };
  }

  /** Exchanges the code that a front end was given. */
  async exchange(page: Page, verifier: string) {
    return this.token({
      grant_type: "authorization_code",
      client_id: "tributary",
      redirect_uri: `${this.origin}/`,
      code: page.url.searchParams.get("code") ?? "",
      code_verifier: verifier,
    });
  }

  async token(form: Record<string, string>, headers = {}) {
    const response = await fetch(`${this.origin}/oidc/token`, {
      method: "POST",
      body: new URLSearchParams(form),
      headers,
    });
    return {
      status: response.status,
      body: (await response.json()) as {
        access_token: string;
        id_token: string;
        refresh_token: string;
        error?: string;
        expires_in: number;
      },
    };
  }

  /** What an access token says, verified as the gateway does. */
  async claims(token: string): Promise<JWTPayload> {
    const { issuer, audience, jwks } = this.issuer;
    const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), {
      issuer,
      audience,
      algorithms: ["ES256"],
    });
    return payload;
  }

  /** Signs in and answers the claims of the access token. */
  async claimsOf(email: string): Promise<JWTPayload> {
    const { page, verifier } = await this.signIn(this.browser(), email);
    const { body } = await this.exchange(page, verifier);
    return this.claims(body.access_token);
  }

  /** The one-use link of the latest mail. */
  async latestLink(): Promise<string> {
    const mail = await this.database
      .owner("mail.outbox")
      .orderBy("id", "desc")
      .first<{ text: string } | undefined>("text");
    const link = /^http:\S+\/oidc\/password\/[\w-]+$/m.exec(mail?.text ?? "");
    return link?.[0] ?? "";
  }
}
