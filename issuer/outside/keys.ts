import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from "jose";
import { setTimeout as sleep } from "node:timers/promises";
import { DomainError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import type { OutsideIssuer } from "./config.ts";

export interface KeyTimes {
  /** For so long keys are good without being asked for again: a key that was taken back is not believed any longer. */
  readonly freshMs: number;
  /** For so long they are good while the issuer cannot be asked. */
  readonly keptMs: number;
  /** So much lies between two questions, whatever keys are named by tokens. */
  readonly pauseMs: number;
  /** The same after a question that was not answered. */
  readonly retryMs: number;
}

export const usualKeyTimes: KeyTimes = {
  freshMs: 5 * 60_000,
  keptMs: 60 * 60_000,
  pauseMs: 10_000,
  retryMs: 5_000,
};

const timeoutMs = 5_000;
/** Who is known by keys that are good still waits no longer for newer ones; they are asked for beside. */
const patienceMs = 500;
const maxBytes = 256 * 1024;

interface KeySet {
  readonly find: JWTVerifyGetKey;
  readonly fetchedAt: number;
}

/** The public keys of an outside issuer, asked for when they are needed. */
export class RemoteKeys {
  private known: KeySet | undefined;
  private fetching: Promise<KeySet | undefined> | undefined;
  private askAgainAt = 0;
  private isAway = false;

  constructor(
    private readonly source: Pick<OutsideIssuer, "issuer" | "jwksUri">,
    private readonly log: Logger,
    private readonly times: KeyTimes,
  ) {}

  /** Checks with the present keys, and once more with newer ones if the one that is named is not among them. */
  async check<T>(
    check: (find: JWTVerifyGetKey) => Promise<T>,
  ): Promise<{ value: T; freshUntilMs: number }> {
    const checkWith = async (keys: KeySet) => ({
      value: await check(keys.find),
      freshUntilMs: keys.fetchedAt + this.times.freshMs,
    });
    try {
      return await checkWith(await this.present());
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const newer = await this.ask();
      if (newer) return checkWith(newer);
      throw this.isAway ? this.unavailable() : error;
    }
  }

  private async present(): Promise<KeySet> {
    const ageMs = Date.now() - (this.known?.fetchedAt ?? 0);
    if (this.known && ageMs < this.times.freshMs) return this.known;
    const newer = this.ask();
    if (this.known && ageMs < this.times.keptMs)
      return this.isAway
        ? this.known
        : ((await Promise.race([newer, sleep(patienceMs)])) ?? this.known);
    const asked = await newer;
    if (asked) return asked;
    throw this.unavailable();
  }

  /** Nothing if the issuer does not answer, or was asked a moment ago; one question at a time. */
  private ask(): Promise<KeySet | undefined> {
    if (!this.fetching && Date.now() < this.askAgainAt)
      return Promise.resolve(undefined);
    this.fetching ??= this.fetch().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async fetch(): Promise<KeySet | undefined> {
    const { issuer, jwksUri } = this.source;
    // Of the moment before: what is taken back meanwhile may be in the answer.
    const fetchedAt = Date.now();
    try {
      const answer = await fetchJson(jwksUri ?? (await discover(issuer)));
      const find = createLocalJWKSet(answer as JSONWebKeySet);
      this.isAway = false;
      this.known = { find, fetchedAt };
      this.askAgainAt = Date.now() + this.times.pauseMs;
      return this.known;
    } catch (err) {
      this.log.warn({ err, issuer }, "the keys of an issuer were not fetched");
      this.isAway = true;
      this.askAgainAt = Date.now() + this.times.retryMs;
      return undefined;
    }
  }

  private unavailable(): DomainError {
    return new DomainError(
      "UNAVAILABLE",
      `The keys of ${this.source.issuer} cannot be fetched, so its tokens cannot be checked. Try again in a moment.`,
    );
  }
}

/** Where the issuer says that its keys are: with itself, or else the operator names the place. */
async function discover(issuer: string): Promise<URL> {
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const found = Object(await fetchJson(new URL(url))) as {
    issuer?: unknown;
    jwks_uri?: unknown;
  };
  if (found.issuer !== issuer)
    throw new Error(`${url} is of ${JSON.stringify(found.issuer)}`);
  const keys = String(found.jwks_uri);
  if (!URL.canParse(keys) || new URL(keys).origin !== new URL(issuer).origin)
    throw new Error(
      `${url} names keys elsewhere, ${keys}: set jwksUri to believe that`,
    );
  return new URL(keys);
}

async function fetchJson(url: URL): Promise<unknown> {
  const response = await fetch(url, {
    redirect: "error",
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`${url.href} answers with status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes)
      throw new Error(`${url.href} answers with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}
