import { createHash, randomBytes } from "node:crypto";
import { Browser } from "./browser.ts";
import type { Answer } from "./run.ts";

/** Somebody who speaks with an installation as the outside world does: over HTTP, with a bearer token. */
export class Caller {
  constructor(
    private readonly origin: string,
    readonly token: string | null,
  ) {}

  async ask(
    query: string,
    variables: Readonly<Record<string, unknown>> = {},
  ): Promise<Answer> {
    const response = await fetch(new URL("/graphql", this.origin), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.token !== null && { authorization: `Bearer ${this.token}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(60_000),
    });
    const answer = (await response.json()) as Partial<Answer>;
    return { data: null, errors: [], ...answer };
  }

  /** The data of an answer that must have no errors. */
  async get<Data>(
    query: string,
    variables?: Readonly<Record<string, unknown>>,
  ): Promise<Data> {
    const { data, errors } = await this.ask(query, variables);
    if (data === null || errors.length > 0)
      throw new Error(`${query}: ${JSON.stringify(errors)}`);
    return data as Data;
  }
}

/** A person: opens the one-use link and sets a password. */
export async function setPassword(
  link: string,
  password: string,
  name: string,
): Promise<void> {
  const browser = new Browser(new URL(link).origin);
  const form = await browser.get(link);
  const page = await browser.submit(form, { name, "new-password": password });
  if (page.heading !== "Your password is set") throw new Error(page.text);
}

/** A person: signs in through the sign-in page, as the front end asks for it, which exchanges the code for a token. */
export async function signIn(
  origin: string,
  email: string,
  password: string,
): Promise<Caller> {
  const verifier = randomBytes(32).toString("base64url");
  const redirectUri = `${origin}/`;
  const search = new URLSearchParams({
    client_id: "tributary",
    response_type: "code",
    redirect_uri: redirectUri,
    scope: "openid",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  });
  const browser = new Browser(origin);
  const form = await browser.get(`/oidc/auth?${search.toString()}`);
  const page = await browser.submit(form, { email, password });
  const code = page.url.searchParams.get("code");
  if (code === null) throw new Error(page.text);
  return exchange(origin, {
    grant_type: "authorization_code",
    client_id: "tributary",
    redirect_uri: redirectUri,
    code,
    code_verifier: verifier,
  });
}

/** A program: its client id and secret for a token. */
export function signInClient(
  origin: string,
  clientId: string,
  secret: string,
): Promise<Caller> {
  return exchange(origin, {
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: secret,
  });
}

async function exchange(
  origin: string,
  form: Record<string, string>,
): Promise<Caller> {
  const response = await fetch(new URL("/oidc/token", origin), {
    method: "POST",
    body: new URLSearchParams(form),
    signal: AbortSignal.timeout(30_000),
  });
  const body = (await response.json()) as { access_token?: string };
  if (body.access_token === undefined) throw new Error(JSON.stringify(body));
  return new Caller(origin, body.access_token);
}
