import { createLocalJWKSet } from "jose";
import { readBuiltInIssuer } from "../common/built-in-issuer.ts";
import type { EnvironmentReader } from "../common/config.ts";
import type { Knex } from "../common/database.ts";
import { send, type Handler } from "../common/http-server.ts";
import type { Logger } from "../common/log.ts";
import type { TrustedIssuer } from "../common/trusted-issuer.ts";
import { issuerOf, readIssuerConfig, type IssuerConfig } from "./config.ts";
import { deleteExpired } from "./expiry-store.ts";
import { createIssuer } from "./issuer.ts";
import { readOutsideIssuers, type OutsideIssuer } from "./outside/config.ts";
import { OutsideIdentities } from "./outside/identities.ts";
import { RemoteKeys, usualKeyTimes, type KeyTimes } from "./outside/keys.ts";
import { outsideTokens } from "./outside/tokens.ts";
import { ownTokens } from "./own-tokens.ts";

export interface IssuersConfig {
  /** Of the built-in issuer, whether it is on or not. */
  readonly own: IssuerConfig;
  readonly isBuiltInOn: boolean;
  /** What lists the outside issuers, if there are any. */
  readonly issuersFile: string | undefined;
}

export function readIssuersConfig(reader: EnvironmentReader): IssuersConfig {
  const config = {
    own: readIssuerConfig(reader),
    isBuiltInOn: readBuiltInIssuer(reader),
    issuersFile: reader.optional("ISSUERS_FILE"),
  };
  if (!config.isBuiltInOn && config.issuersFile === undefined)
    reader.fault(
      "BUILT_IN_ISSUER is off and no ISSUERS_FILE is set, so nobody could sign in. Set one of them.",
    );
  return config;
}

/** All whose access tokens are believed here. */
export interface Issuers {
  readonly trusted: readonly TrustedIssuer[];
  /** Everything below `/oidc`. */
  readonly handler: Handler;
  close(): void;
}

export interface IssuersParts {
  /** As the issuer's own role. */
  readonly db: Knex;
  readonly config: IssuersConfig;
  readonly log: Logger;
}

const sweepEveryMs = 10 * 60 * 1000;

export async function createIssuers({
  db,
  config,
  log,
}: IssuersParts): Promise<Issuers> {
  const { own, isBuiltInOn, issuersFile } = config;
  const outside = trustOutside(
    issuersFile === undefined
      ? []
      : readOutsideIssuers(issuersFile, issuerOf(own)),
    { db, log },
  );
  const sweep = setInterval(() => {
    deleteExpired(db).catch((err: unknown) =>
      log.warn({ err }, "what has expired could not be deleted"),
    );
  }, sweepEveryMs).unref();
  const close = () => clearInterval(sweep);
  if (!isBuiltInOn) return { trusted: outside, handler: notBuiltIn, close };
  const issuer = await createIssuer({ db, config: own, log });
  return {
    trusted: [
      ownTokens({ ...issuer, keys: createLocalJWKSet(issuer.jwks) }),
      ...outside,
    ],
    handler: issuer.handler,
    close,
  };
}

export const trustOutside = (
  issuers: readonly OutsideIssuer[],
  { db, log }: Pick<IssuersParts, "db" | "log">,
  times: KeyTimes = usualKeyTimes,
): TrustedIssuer[] =>
  issuers.map((issuer) =>
    outsideTokens(
      issuer,
      new RemoteKeys(issuer, log, times),
      new OutsideIdentities(db, issuer),
    ),
  );

const notBuiltIn: Handler = (_request, response) =>
  send(
    response,
    404,
    "text/plain; charset=utf-8",
    "Nobody signs in here: BUILT_IN_ISSUER is off. Sign in at your company's identity provider.\n",
  );
