import {
  errors,
  type AccessToken,
  type Account as LibraryAccount,
  type Client,
  type ClientCredentials,
  type Grant,
  type KoaContextWithOIDC,
  type Provider,
} from "oidc-provider";
import { accountClaims, identityClaims } from "./access-token.ts";
import type { ClientStore } from "./client-store.ts";
import type { PersonStore } from "./person-store.ts";

/** What the page on which a person chooses a tenant answers. */
export interface Choice {
  readonly identity: string;
}

/** What the library hands over with a code or refresh token. */
export interface SignedIn {
  readonly grantId: string;
  /** When the person entered the password, in seconds since 1970. */
  readonly authTime?: number;
}

/**
 * Whom a sign-in stands for. A session is a person's; the grant that a front end has in it is for one identity of the
 * person, or for the person itself as long as it has none.
 */
export class Grants {
  constructor(
    private readonly persons: PersonStore,
    private readonly clients: ClientStore,
  ) {}

  /**
   * The library's question who a session, code or refresh token belongs to. Nobody, if the grant's identity is not live
   * any more: that ends the session, and the person signs in again with what is left.
   */
  async findAccount(
    ctx: KoaContextWithOIDC,
    person: string,
    token?: SignedIn,
  ): Promise<LibraryAccount | undefined> {
    const { client, result, session } = ctx.oidc;
    const grantId = result?.login
      ? undefined
      : session?.grantIdFor(client?.clientId ?? "");
    const account = token
      ? await this.persons.accountUnder(token.grantId, person, token.authTime)
      : await this.persons.account(person, grantId, session?.loginTs);
    return (
      account && {
        accountId: person,
        email: account.email,
        claims: () => ({
          sub: person,
          email: account.email,
          email_verified: true,
          name: account.name,
        }),
      }
    );
  }

  /** The grant to go on with; none where the person has to choose among several tenants first. */
  async loadGrant({ oidc }: KoaContextWithOIDC): Promise<Grant | undefined> {
    const { account, client, result, session, provider } = oidc;
    if (!account || !client) return undefined;
    const memberships = await this.persons.memberships(
      String(account["email"]),
    );
    const identities = memberships.map(({ identity }) => identity);
    const choice = result?.["select_account"] as Choice | undefined;
    const chosen = identities.find((identity) => identity === choice?.identity);
    const create = (identity: string | null) =>
      this.create(provider, account.accountId, client, identity);
    if (chosen) return create(chosen);

    const grantId = session?.grantIdFor(client.clientId);
    const before = grantId && (await this.persons.grantIdentity(grantId));
    if (grantId && before && identities.includes(before))
      return provider.Grant.find(grantId);
    if (identities.length > 1) return undefined;
    return create(identities[0] ?? null);
  }

  async create(
    provider: Provider,
    person: string,
    { clientId }: Client,
    identity: string | null,
  ): Promise<Grant> {
    const grant = new provider.Grant({ accountId: person, clientId });
    grant.addOIDCScope("openid email profile");
    await this.persons.setGrantIdentity(await grant.save(), identity);
    return grant;
  }

  /** What the access token that is about to be signed says of its subject. */
  async claimsOf(token: AccessToken | ClientCredentials) {
    if (token.kind === "ClientCredentials") {
      const identity = await this.clients.identityOf(token.clientId ?? "");
      if (!identity) throw new errors.InvalidClient("client not found");
      return identityClaims(identity);
    }
    const { accountId, grantId } = token as AccessToken;
    const account = await this.persons.accountUnder(grantId, accountId);
    if (!account) throw new errors.InvalidGrant("account not found");
    return accountClaims(account);
  }
}
