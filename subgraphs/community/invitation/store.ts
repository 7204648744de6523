import DataLoader from "dataloader";
import type { Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import { hashToken } from "../../../common/one-use-link.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { participation, type Community } from "../community/store.ts";
import type { InvitationState } from "../generated.ts";

/** An invitation as one viewer sees it: the holder of its link, or one of the two sides. */
export interface Invitation {
  readonly id: string;
  readonly rowId: number;
  readonly state: InvitationState;
  readonly email: string;
  readonly message: string | null;
  /** This and the description are those of the community now, or as they were told. */
  readonly communityName: string;
  readonly communityDescription: string | null;
  /** These two are null once the community is deleted. */
  readonly communityId: string | null;
  readonly ownerTenantId: string | null;
  /** Null unless a tie makes the tenant known to the viewer. */
  readonly issuingTenantId: string | null;
  /** Its name now, to those who know it by the open invitation or a tie; else as it was told. */
  readonly issuingTenantName: string;
  readonly issuedByName: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
  /** Whether the viewer administers the community. */
  readonly isIssuing: boolean;
  /** Whether the viewer administers the tenant that accepted. */
  readonly isAccepting: boolean;
  /** What follows is null for whoever merely holds the link. */
  readonly acceptingTenantId: string | null;
  readonly acceptingTenantCreatedAt: string | null;
  readonly acceptedByName: string | null;
  /** Null too for an e-mail that the accepter did not prove to have. */
  readonly acceptedByEmail: string | null;
  readonly acceptedByAddressee: boolean | null;
  readonly acceptedAt: string | null;
}

/** A user as whom the caller can answer an invitation. */
export interface Recipient {
  readonly id: string;
  readonly tenantRowId: number;
  readonly tenantId: string;
  readonly tenantCreatedAt: string;
  readonly name: string;
  readonly email: string;
  readonly isAccountAdministrator: boolean;
  readonly isEntitled: boolean;
}

export interface InvitationListArgs extends PageArgs {
  states?: readonly InvitationState[] | null | undefined;
}

/** What an invitation has come to by now: the clock ends it, and no job has to. */
const state = `
  case when i.state in ('CREATED', 'ACCEPTED') and i.expires_at <= statement_timestamp() then 'EXPIRED' else i.state end`;

/** Whether both tenants are in the community: then they know each other (T3). */
const areBothIn = (tenant: string) => `(
  select count(*) from community.memberships m
  where m.community_id = i.community_id and m.tenant_id in (me.tenant_id, ${tenant})) = 2`;

const isIssuerIn = `
  exists (select from community.memberships m
          where m.community_id = i.community_id and m.tenant_id = i.issuing_tenant_id)`;

const columns = `
  i.uuid as id, i.id as "rowId", s.state, i.email, i.message,
  case when s.is_current then c.name else i.community_name end as "communityName",
  case when s.is_current then c.description end as "communityDescription",
  c.uuid as "communityId", owner.uuid as "ownerTenantId",
  case when s.is_side and (i.issuing_tenant_id = me.tenant_id or s.is_accepting and s.state = 'ACCEPTED'
    or ${areBothIn("i.issuing_tenant_id")}) then issuing.uuid end as "issuingTenantId",
  case when i.issuing_tenant_id = me.tenant_id or s.is_accepting and s.state = 'ACCEPTED'
    or s.is_current and ${isIssuerIn} then issuing.name else i.issuing_tenant_name end as "issuingTenantName",
  i.issued_by_name as "issuedByName", i.issued_at as "issuedAt",
  i.expires_at as "expiresAt", s.is_issuing as "isIssuing", s.is_accepting as "isAccepting",
  case when s.is_side and (i.accepting_tenant_id = me.tenant_id or s.is_issuing and s.state = 'ACCEPTED'
    or ${areBothIn("i.accepting_tenant_id")}) then accepting.uuid end as "acceptingTenantId",
  case when s.is_side then i.accepting_tenant_created_at end as "acceptingTenantCreatedAt",
  case when s.is_side then i.accepted_by_name end as "acceptedByName",
  case when s.is_side and i.accepted_by_proven_email then i.accepted_by_email end as "acceptedByEmail",
  case when s.is_side then i.accepted_by_proven_email and i.accepted_by_email = i.email end as "acceptedByAddressee",
  case when s.is_side then i.accepted_at end as "acceptedAt"`;

/**
 * The viewer, and on which side of each invitation it stands (offset 0: found out once for all that asks). While an invitation is open it tells of the community as
 * that is now; once it is over, only to those who see the community (C2). Binds the viewer's id.
 */
const sides = `
  left join (
    select v.id, v.tenant_id, v.kind, exists (
             select from tenant.published_roles a
             where a.identity_id = v.id and a.role = 'ACCOUNT_ADMINISTRATOR') as is_account_administrator
    from tenant.published_identities v
    where v.uuid = ? and v.enabled) me on true
  cross join lateral (
    select exists (
             select from community.members r
             where r.identity_id = me.id and r.role = 'ADMINISTRATOR' and r.membership_id = (
               select m.id from community.memberships m
               where m.community_id = i.community_id and m.tenant_id = me.tenant_id)) as is_issuing,
           coalesce(i.accepting_tenant_id = me.tenant_id and me.is_account_administrator, false) as is_accepting
    offset 0) side
  cross join lateral (
    select side.is_issuing, side.is_accepting, side.is_issuing or side.is_accepting as is_side, now.state,
           c.id is not null and (now.state in ('CREATED', 'ACCEPTED') or exists (
             select from community.memberships m
             where m.community_id = c.id and m.tenant_id = me.tenant_id
               and (me.is_account_administrator
                 or (select true from community.members r
                     where r.membership_id = m.id and r.identity_id = me.id)))) as is_current
    from (select ${state} as state) now
    offset 0) s`;

const newestFirst = (time: string): Order => ({
  by: [
    { sql: time, type: "timestamptz" },
    { sql: "i.uuid", type: "uuid" },
  ],
  descending: true,
});

/** Invitations as one viewer sees them. */
export class InvitationStore {
  private readonly ofCommunity: NestedList<Invitation, InvitationListArgs>;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.ofCommunity = new NestedList(db, {
      name: "invitations",
      order: newestFirst("i.issued_at"),
      parentId: "i.community_id",
      parents: (ids) =>
        new Sql(
          `(select me.community_id as id, me.community_id as key
            from ${participation("mine.community_id = any (?::int[])")} me where me.role = 'ADMINISTRATOR') as parent`,
          [viewer.identityId, [...ids]],
        ),
      rows: (args) => this.visible(args),
    });
  }

  /** For either side. */
  async find(id: string): Promise<Invitation | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  async get(id: string, at: string): Promise<Invitation> {
    const invitation = await this.find(id);
    if (invitation === null) throw notFound(at);
    return invitation;
  }

  /** C6: for whoever holds the link and has a verified e-mail, which no client has. */
  async getByToken(token: string, at: string): Promise<Invitation> {
    const { identityId } = this.viewer;
    const [invitation] = (await this.visible()
      .where("i.token_hash", hashToken(token))
      .whereRaw("(?::uuid is null or me.kind = 'USER')", [
        identityId,
      ])) as Invitation[];
    if (invitation === undefined) throw notFound(at);
    return invitation;
  }

  /** Those of a community; null unless the viewer administers that. */
  list(
    community: Community,
    args: InvitationListArgs,
  ): Promise<Connection<Invitation> | null> {
    return this.ofCommunity.find(community.rowId, args);
  }

  /** Those that the viewer's tenant accepted; null unless the viewer administers that. */
  async accepted({
    states,
    ...args
  }: InvitationListArgs): Promise<Connection<Invitation> | null> {
    if (!(await this.isAccountAdministrator())) return null;
    const list = ["acceptedInvitations", this.viewer.identityId, states];
    const page = new Page(args, list, newestFirst("i.accepted_at"));
    // The tenant as a scalar sub-query, which the index is entered with.
    const matching = () =>
      this.visible({ states }).whereRaw(
        `i.accepting_tenant_id = (
           select v.tenant_id from tenant.published_identities v
           join tenant.published_roles a on a.identity_id = v.id and a.role = 'ACCOUNT_ADMINISTRATOR'
           where v.uuid = ? and v.enabled)`,
        [this.viewer.identityId],
      );
    const rows = (await page.select(matching())) as (Invitation & {
      position: string[];
    })[];
    return page.connection(rows, async () => {
      const [row] = (await this.db
        .count("* as count")
        .from(matching().as("matching"))) as [{ count: number }];
      return row.count;
    });
  }

  /** C6: as whom the caller can accept, if it can: one user, who is AA of an entitled tenant. */
  async accepter(): Promise<Recipient | null> {
    const [only, another] = await this.recipients();
    return only?.isAccountAdministrator && only.isEntitled && !another
      ? only
      : null;
  }

  /** C6: an AA, or whose verified e-mail the invitation was sent to. */
  async mayDecline({ email }: Invitation): Promise<boolean> {
    const recipients = await this.recipients();
    const { person, isEmailProven } = this.viewer;
    return (
      person?.email === email ||
      recipients.some(
        (user) =>
          user.isAccountAdministrator ||
          (isEmailProven && user.email === email),
      )
    );
  }

  /** The user that the token names or, where it names none yet, each that the verified e-mail has. */
  private async recipients(): Promise<Recipient[]> {
    const { identityId, person } = this.viewer;
    const { rows } = await this.db.raw<{ rows: Recipient[] }>(
      `select u.uuid as id, u.tenant_id as "tenantRowId", t.uuid as "tenantId", u.tenant_created_at as "tenantCreatedAt",
              u.name, u.email,
              exists (select from tenant.published_roles r
                      where r.identity_id = u.id and r.role = 'ACCOUNT_ADMINISTRATOR') as "isAccountAdministrator",
              exists (select from tenant.published_entitlements e
                      where e.tenant_id = u.tenant_id and e.entitlement = 'COMMUNITIES') as "isEntitled"
       from tenant.users_of_caller(?, ?) u
       join tenant.published_tenants t on t.id = u.tenant_id`,
      [identityId, person?.email ?? null],
    );
    return rows;
  }

  private async isAccountAdministrator(): Promise<boolean> {
    const { rows } = await this.db.raw<{ rows: unknown[] }>(
      `select from tenant.published_identities i
       join tenant.published_roles r on r.identity_id = i.id and r.role = 'ACCOUNT_ADMINISTRATOR'
       where i.uuid = ? and i.enabled`,
      [this.viewer.identityId],
    );
    return rows.length > 0;
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = (await this.visible()
        .whereRaw("i.uuid = any (?::uuid[])", [[...ids]])
        .whereRaw("s.is_side")) as Invitation[];
      return inKeyOrder(ids, rows, ({ id }) => id);
    },
    // A mutation may change what the request's next field reads.
    { cache: false },
  );

  private visible({
    states,
  }: Pick<InvitationListArgs, "states"> = {}): Knex.QueryBuilder {
    const query = this.db("community.invitations as i")
      .select(this.db.raw(columns))
      .leftJoin("community.communities as c", "c.id", "i.community_id")
      .leftJoin(
        "tenant.published_tenants as owner",
        "owner.id",
        "c.owner_tenant_id",
      )
      .join(
        "tenant.published_tenants as issuing",
        "issuing.id",
        "i.issuing_tenant_id",
      )
      .leftJoin(
        "tenant.published_tenants as accepting",
        "accepting.id",
        "i.accepting_tenant_id",
      )
      .joinRaw(sides, [this.viewer.identityId]);
    if (states) query.whereRaw("s.state = any (?::text[])", [[...states]]);
    return query;
  }
}
