import { randomUUID } from "node:crypto";
import type { JSONWebKeySet } from "jose";
import { addressOf } from "../common/address.ts";
import type { Knex } from "../common/database.ts";
import { type Handler, splitUrl } from "../common/http-server.ts";
import type { Logger } from "../common/log.ts";
import { AttemptStore } from "./attempt-store.ts";
import { ClientStore } from "./client-store.ts";
import {
  audienceOf,
  issuerOf,
  mountPath,
  redirectUrisOf,
  type IssuerConfig,
} from "./config.ts";
import { FormToken } from "./form-token.ts";
import type { IssuerContext, Visit } from "./forms.ts";
import { Grants } from "./grants.ts";
import { loadKeys, publicKeys } from "./keys.ts";
import { LinkStore } from "./link-store.ts";
import { contentSecurityPolicy, sendPage } from "./pages/html.ts";
import { problemPage } from "./pages/sign-in.ts";
import { PersonStore } from "./person-store.ts";
import { createProvider } from "./provider.ts";
import { makeCanonical } from "./request.ts";
import {
  serveLink,
  serveLinkRequest,
  servePasswordChange,
} from "./set-password.ts";
import { serveInteraction } from "./sign-in.ts";
import { Throttle } from "./throttle.ts";

export interface Issuer {
  /** `iss` of its tokens. */
  readonly issuer: string;
  /** `aud` of its access tokens. */
  readonly audience: string;
  /** What its tokens are verified with, without asking it. */
  readonly jwks: JSONWebKeySet;
  /** Everything below `/oidc`. */
  readonly handler: Handler;
}

export interface IssuerParts {
  /** As the issuer's own role. */
  readonly db: Knex;
  readonly config: IssuerConfig;
  readonly log: Logger;
}

/** The built-in OpenID provider. */
export async function createIssuer(parts: IssuerParts): Promise<Issuer> {
  const { db, config, log } = parts;
  const keys = await loadKeys(config);
  const persons = new PersonStore(db);
  const clients = new ClientStore(db);
  const grants = new Grants(persons, clients);
  const provider = createProvider({ db, config, keys, clients, grants });
  provider.on("server_error", (_ctx, err) =>
    log.error({ err }, "the OpenID provider failed"),
  );
  const context: IssuerContext = {
    ...{ db, config, log, provider, persons },
    links: new LinkStore(db),
    throttle: new Throttle(new AttemptStore(db)),
    formToken: new FormToken(
      keys.cookies,
      config.publicUrl.protocol === "https:",
    ),
  };

  return {
    issuer: issuerOf(config),
    audience: audienceOf(config),
    jwks: publicKeys(keys),
    handler: createHandler(context),
  };
}

function createHandler(context: IssuerContext): Handler {
  const { config, log, provider } = context;
  const policy = contentSecurityPolicy(redirectUrisOf(config));
  const library = provider.callback();
  return async (request, response) => {
    const visit: Visit = {
      request,
      response,
      requestId: randomUUID(),
      address: addressOf(request, config),
    };
    const [path] = splitUrl(request);
    makeCanonical(request, config.publicUrl);
    response.setHeader("content-security-policy", policy);
    response.setHeader("cache-control", "no-store");
    response.setHeader("referrer-policy", "no-referrer");
    response.setHeader("x-content-type-options", "nosniff");
    try {
      await (servePage(context, visit, path) ?? library(request, response));
    } catch (err) {
      log.error({ err, requestId: visit.requestId }, "a page failed");
      if (response.headersSent) response.destroy();
      else
        sendPage(
          response,
          500,
          problemPage(
            "Something went wrong on our side",
            `Try again in a moment, and name ${visit.requestId} when you report it.`,
          ),
        );
    }
  };
}

/** Nothing for what is the library's. */
function servePage(
  context: IssuerContext,
  visit: Visit,
  path: string,
): Promise<void> | undefined {
  const [first, second, ...rest] = path.slice(mountPath.length + 1).split("/");
  if (rest.length > 0) return undefined;
  if (first === "interaction" && second)
    return serveInteraction(context, visit);
  if (first !== "password") return undefined;
  if (second === undefined) return serveLinkRequest(context, visit);
  if (second === "change") return servePasswordChange(context, visit);
  return serveLink(context, visit, second);
}
