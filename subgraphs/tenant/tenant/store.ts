import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { identityGone } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { isUuid } from "../../../common/page.ts";
import { plain, sql, type Sql } from "../../../common/sql.ts";
import type { Entitlement, TenantRole } from "../generated.ts";

/** What a tenant decides for itself; AA may create communities without being named. */
export interface TenantPolicy {
  readonly moderatorsAreAdministrators: boolean;
  readonly communityFounders: readonly TenantRole[];
  readonly usesPseudonyms: boolean;
}

/** A tenant as an identity sees it; of another tenant than its own, id and name alone. */
export interface Tenant extends Nullable<TenantPolicy> {
  readonly id: string;
  readonly name: string;
  readonly region: string | null;
  readonly entitlements: readonly Entitlement[] | null;
  readonly createdAt: string | null;
  /** The identity of this very tenant that sees it; null where another tenant is seen. */
  readonly seenBy: string | null;
}

type Nullable<T> = { readonly [Key in keyof T]: T[Key] | null };

const columns = plain(`
  t.uuid as id, t.name, own.uuid as "seenBy",
  case when own.id is not null then t.region end as region,
  case when own.id is not null then
    array(select e.entitlement from tenant.entitlements e where e.tenant_id = t.id order by e.entitlement)
  end as entitlements,
  case when own.id is not null then t.created_at end as "createdAt",
  case when own.id is not null then t.moderators_are_administrators end as "moderatorsAreAdministrators",
  case when own.id is not null then t.community_founders end as "communityFounders",
  case when own.id is not null then t.uses_pseudonyms end as "usesPseudonyms"`);

const visible = (viewer: string | null, ids: readonly string[]): Sql => sql`
  select ${columns}
  from tenant.tenants t
  left join tenant.identities own on own.tenant_id = t.id and own.uuid = ${viewer} and own.enabled
  where t.uuid = any(${ids}::uuid[])
    and (own.id is not null or t.id in (
      select met.tenant_id
      from community.met_tenants(${viewer}, array(select wanted.id from tenant.tenants wanted
                                                  where wanted.uuid = any(${ids}::uuid[]))) met))`;

const own = `
  select ${columns.text}
  from tenant.identities own
  join tenant.tenants t on t.id = own.tenant_id
  where own.uuid = any(?::uuid[]) and own.enabled`;

/**
 * Tenants as one identity sees them: its own, and those that it meets in communities and pending invitations.
 * The loaders batch and remember nothing, for a mutation may change what the request's next field reads.
 */
export class TenantStore {
  constructor(
    private readonly db: Knex,
    private readonly identityId: string | null,
  ) {}

  async find(id: string): Promise<Tenant | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  /** The tenant of an identity, as that identity sees it. */
  async own(identityId: string): Promise<Tenant> {
    const tenant = await this.byIdentity.load(identityId);
    if (tenant === null) throw identityGone();
    return tenant;
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Tenant>(
        this.db,
        visible(this.identityId, ids),
      );
      return inKeyOrder(ids, rows, (tenant) => tenant.id);
    },
    { cache: false },
  );

  private readonly byIdentity = new DataLoader(
    async (identityIds: readonly string[]) => {
      const { rows } = await this.db.raw<{ rows: Tenant[] }>(own, [
        [...new Set(identityIds)],
      ]);
      return inKeyOrder(identityIds, rows, (tenant) => tenant.seenBy);
    },
    { cache: false },
  );
}
