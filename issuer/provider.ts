import {
  Provider,
  errors,
  interactionPolicy,
  type Client,
  type KoaContextWithOIDC,
} from "oidc-provider";
import type { JWK } from "jose";
import type { Knex } from "../common/database.ts";
import { clientAdapter } from "./client-adapter.ts";
import type { ClientStore } from "./client-store.ts";
import {
  audienceOf,
  issuerOf,
  mountPath,
  redirectUrisOf,
  type IssuerConfig,
} from "./config.ts";
import type { Grants, SignedIn } from "./grants.ts";
import { Html } from "../common/html.ts";
import { signingAlgorithm } from "../common/key-file.ts";
import type { IssuerKeys } from "./keys.ts";
import { problemPage, signOutPage, signedOutPage } from "./pages/sign-in.ts";
import { PostgresAdapter } from "./postgres-adapter.ts";

/** Front ends in the browser, the bundled explorer among them; a public client, so PKCE proves who asks. */
const frontEndClientId = "tributary";

const day = 24 * 60 * 60;

export interface ProviderParts {
  readonly db: Knex;
  readonly config: IssuerConfig;
  readonly keys: IssuerKeys;
  readonly clients: ClientStore;
  readonly grants: Grants;
}

const resourceServerOf = (config: IssuerConfig) => ({
  audience: audienceOf(config),
  scope: "",
  accessTokenTTL: config.accessTokenSeconds,
  accessTokenFormat: "jwt" as const,
  jwt: { sign: { alg: signingAlgorithm } } as const,
});

export function createProvider(parts: ProviderParts): Provider {
  const { db, config, keys, clients, grants } = parts;
  const redirectUris = redirectUrisOf(config);
  const origins = new Set(redirectUris.map((uri) => new URL(uri).origin));
  const cookie = { httpOnly: true, sameSite: "lax" } as const;

  const provider = new Provider(issuerOf(config), {
    adapter: (model) =>
      model === "Client"
        ? clientAdapter(clients)
        : new PostgresAdapter(db, model),
    jwks: { keys: keys.signing as JWK[] as never },
    cookies: {
      keys: [...keys.cookies],
      names: {
        session: "tributary_session",
        interaction: "tributary_interaction",
        resume: "tributary_resume",
      },
      long: { ...cookie, path: mountPath },
      short: cookie,
    },
    clients: [
      {
        client_id: frontEndClientId,
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        redirect_uris: redirectUris,
        post_logout_redirect_uris: redirectUris,
      },
    ],
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post"],
    clientDefaults: { id_token_signed_response_alg: signingAlgorithm },
    enabledJWA: { idTokenSigningAlgValues: [signingAlgorithm] },
    clientBasedCORS: (_ctx, origin) => origins.has(origin),
    responseTypes: ["code"],
    scopes: ["openid"],
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified"],
      profile: ["name"],
    },
    // There is no userinfo endpoint, so the ID token has all of them.
    conformIdTokenClaims: false,
    pkce: { methods: ["S256"], required: () => true },
    // Without a scope that asks for them, since they end with the session that they come from.
    issueRefreshToken: (_ctx, client) =>
      Promise.resolve(client.grantTypeAllowed("refresh_token")),
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audienceOf(config),
        getResourceServerInfo: (_ctx, resource) => {
          if (resource !== audienceOf(config)) throw new errors.InvalidTarget();
          return resourceServerOf(config);
        },
        useGrantedResource: () => true,
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.type = "html";
          ctx.body = signOutPage(new Html(form));
        },
        postLogoutSuccessSource: (ctx) => {
          ctx.type = "html";
          ctx.body = signedOutPage();
        },
      },
    },
    formats: {
      customizers: {
        jwt: async (_ctx, token, parts) => {
          Object.assign(parts.payload, await grants.claimsOf(token));
          return parts;
        },
      },
    },
    findAccount: (ctx, sub, token) =>
      grants.findAccount(ctx, sub, token as SignedIn | undefined),
    loadExistingGrant: (ctx) => grants.loadGrant(ctx),
    interactions: {
      policy: policy(),
      url: (_ctx, { uid }) => `${mountPath}/interaction/${uid}`,
    },
    ttl: {
      AccessToken: config.accessTokenSeconds,
      ClientCredentials: config.accessTokenSeconds,
      AuthorizationCode: 60,
      IdToken: 60 * 60,
      Interaction: 60 * 60,
      RefreshToken: day / 2,
      Session: day / 2,
      Grant: 30 * day,
    },
    renderError: (ctx, { error, error_description }) => {
      ctx.type = "html";
      ctx.body = problemPage(
        "This did not work",
        `${error_description ?? error}. Go back to the application and start again.`,
      );
    },
  });
  // The headers that it trusts are our own, see `makeCanonical`.
  provider.proxy = true;
  // It takes one secret in plain text for granted; the library awaits the answer.
  Object.assign(provider.Client.prototype, {
    compareClientSecret(this: Client, secret: string) {
      return clients.isSecret(this.clientId, secret);
    },
  });
  return provider;
}

/** First who it is, then for which tenant; front ends are our own or trusted by the operator, so nobody consents. */
function policy() {
  const { Check, Prompt, base } = interactionPolicy;
  const prompts = base();
  prompts.remove("consent");
  prompts
    .get("login")
    ?.checks.add(
      new Check(
        "session_ended",
        "The identity that was signed in is not live any more",
        "login_required",
        ({ oidc }: KoaContextWithOIDC) => !oidc.account,
      ),
    );
  prompts.add(
    new Prompt(
      { name: "select_account", requestable: true },
      new Check(
        "several_tenants",
        "The person has users in several tenants",
        "account_selection_required",
        ({ oidc }: KoaContextWithOIDC) => !oidc.entities.Grant?.jti,
      ),
    ),
  );
  return prompts;
}
