import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
} from "jose";
import {
  Provider,
  interactionPolicy,
  type Adapter,
  type AdapterPayload,
} from "oidc-provider";
import type { OutsideIssuer } from "../../issuer/outside/config.ts";

export const outsideAudience = "https://tributary.example/graphql";
export const outsideCallback = "https://front.example/callback";
export const outsideClient = { id: "historian", secret: "a secret elsewhere" };

/** An OpenID provider of somebody else on a loopback port, and tokens that it did, or did not, give out. */
export class TestOutsideIssuer {
  /** What its tokens say of its accounts. */
  readonly accounts = new Map<string, JWTPayload>();
  /** How often its keys were asked for. */
  asked = 0;
  /** Answers instead of the provider, as long as it is set. */
  instead: RequestListener | undefined;
  private readonly records = new Map<string, AdapterPayload>();
  private key: JWK = {};
  private listener: RequestListener | undefined;

  private constructor(
    readonly issuer: string,
    private readonly server: Server,
  ) {}

  static async start(path = ""): Promise<TestOutsideIssuer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const outside = new TestOutsideIssuer(
      `http://127.0.0.1:${port}${path}`,
      server,
    );
    server.on("request", (request, response) => {
      const { url = "" } = request;
      if (url.endsWith("/jwks")) outside.asked += 1;
      // As the library wants to be mounted.
      if (!outside.instead)
        Object.assign(request, {
          originalUrl: url,
          url: url.slice(path.length) || "/",
        });
      (outside.instead ?? outside.listener)?.(request, response);
    });
    await outside.rotate();
    return outside;
  }

  async stop(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, "close");
  }

  /** What an installation is told of it. */
  trustedFor(changes: Partial<OutsideIssuer>): OutsideIssuer {
    return {
      issuer: this.issuer,
      audience: outsideAudience,
      algorithms: ["ES256", "RS256"],
      jwksUri: undefined,
      tenants: undefined,
      domains: undefined,
      emailClaim: "email",
      emailVerifiedClaim: "email_verified",
      clients: new Map(),
      ...changes,
    };
  }

  /** Signs with another key from now on, and publishes that alone. */
  async rotate(kid = `key-${Math.random()}`): Promise<void> {
    const { privateKey } = await generateKeyPair("ES256", {
      extractable: true,
    });
    const key = { ...(await exportJWK(privateKey)), kid, alg: "ES256" };
    this.key = { ...key, use: "sig" };
    const provider = createProvider(
      this.issuer,
      this.key,
      this.accounts,
      this.records,
    );
    const serve = provider.callback();
    this.listener = (request, response) => {
      if (!request.url?.startsWith("/interaction/"))
        return void serve(request, response);
      // Whoever the front end names is signed in at once.
      void provider.interactionDetails(request, response).then(({ params }) =>
        provider.interactionFinished(request, response, {
          login: { accountId: String(params["login_hint"]) },
        }),
      );
    };
  }

  /** Its public key, as anybody finds it. */
  get publicKey(): JWK {
    const { kty, crv, x, y, kid } = this.key as Record<string, string>;
    return { kty, crv, x, y, kid } as JWK;
  }

  /** Good but for what `claims` and `header` say otherwise; a claim that is undefined is left out. */
  async sign(
    claims: JWTPayload,
    header: Partial<JWTHeaderParameters> = {},
    key?: CryptoKey | Uint8Array,
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const good = {
      ...{ iss: this.issuer, aud: outsideAudience, iat: now, exp: now + 600 },
      email_verified: true,
    };
    return new SignJWT({ ...good, ...claims })
      .setProtectedHeader({
        alg: "ES256",
        typ: "at+jwt",
        kid: this.key.kid ?? "",
        ...header,
      })
      .sign(key ?? (await importJWK(this.key, "ES256")));
  }
}

function createProvider(
  issuer: string,
  key: JWK,
  accounts: ReadonlyMap<string, JWTPayload>,
  records: Map<string, AdapterPayload>,
): Provider {
  const { base } = interactionPolicy;
  const policy = base();
  policy.remove("consent");
  const hour = 60 * 60;
  return new Provider(issuer, {
    adapter: (model) => memoryAdapter(model, records),
    jwks: { keys: [key] as never },
    cookies: { keys: ["a key for cookies"] },
    clients: [
      {
        client_id: "front-end",
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        redirect_uris: [outsideCallback],
        id_token_signed_response_alg: "ES256",
      },
      {
        client_id: outsideClient.id,
        client_secret: outsideClient.secret,
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: "ES256",
      },
    ],
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post"],
    enabledJWA: { idTokenSigningAlgValues: ["ES256"] },
    pkce: { methods: ["S256"], required: () => true },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => outsideAudience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: "",
          audience: outsideAudience,
          accessTokenTTL: hour,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "ES256" } },
        }),
      },
    },
    issueRefreshToken: () => Promise.resolve(true),
    rotateRefreshToken: true,
    extraTokenClaims: (_ctx, token) =>
      "accountId" in token ? accounts.get(token.accountId) : undefined,
    findAccount: (_ctx, sub) => ({
      accountId: sub,
      claims: () => ({ sub, ...accounts.get(sub) }),
    }),
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        accountId: oidc.account?.accountId ?? "",
        clientId: oidc.client?.clientId ?? "",
      });
      grant.addOIDCScope("openid");
      await grant.save();
      return grant;
    },
    interactions: {
      policy,
      url: (_ctx, { uid }) => `${issuer}/interaction/${uid}`,
    },
    ttl: {
      ...{ AccessToken: hour, AuthorizationCode: 60, ClientCredentials: hour },
      ...{ Grant: hour, IdToken: hour, Interaction: hour },
      ...{ RefreshToken: hour, Session: hour },
    },
  });
}

/** The library's own one warns on the console. */
function memoryAdapter(
  model: string,
  records: Map<string, AdapterPayload>,
): Adapter {
  const keyOf = (id: string) => `${model} ${id}`;
  const found = (matches: (payload: AdapterPayload) => boolean) =>
    [...records].find(
      ([key, payload]) => key.startsWith(`${model} `) && matches(payload),
    );
  return {
    async upsert(id, payload) {
      records.set(keyOf(id), payload);
    },
    find: async (id) => records.get(keyOf(id)),
    findByUid: async (uid) => found((payload) => payload.uid === uid)?.[1],
    findByUserCode: async () => undefined,
    async consume(id) {
      Object.assign(records.get(keyOf(id)) ?? {}, { consumed: true });
    },
    async destroy(id) {
      records.delete(keyOf(id));
    },
    async revokeByGrantId(grantId) {
      const [key] = found((payload) => payload.grantId === grantId) ?? [];
      if (key !== undefined) records.delete(key);
    },
  };
}
