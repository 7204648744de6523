import DataLoader from "dataloader";
import type { Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  type Connection,
  type Order,
  type Page,
  type PageArgs,
} from "../../../common/page.ts";
import { Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { LedgerKind, LedgerOutcome } from "../generated.ts";

/** What happened, as one viewer sees it; of another tenant's identities nothing. */
export interface LedgerEntry {
  readonly id: string;
  readonly at: string;
  readonly kind: LedgerKind;
  readonly action: string;
  readonly outcome: LedgerOutcome;
  readonly actorTenantId: string | null;
  readonly actorId: string | null;
  readonly subjectType: string;
  readonly subjectId: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly requestId: string;
  readonly hash: string | null;
  readonly previousHash: string | null;
}

/** Where a chain ends. */
export interface LedgerHead {
  readonly chainId: string;
  readonly sequence: number;
  readonly hash: string;
  readonly at: string;
  readonly signature: string;
}

export interface LedgerArgs extends PageArgs {
  kinds?: readonly LedgerKind[] | null;
}

type Ledger = NestedList<LedgerEntry, LedgerArgs, string>;

const columns = {
  id: "e.uuid",
  at: "e.at",
  kind: "e.kind",
  action: "e.action",
  outcome: "e.outcome",
  subjectType: "e.subject_type",
  subjectId: "e.subject_id",
  before: "e.before",
  requestId: "e.request_id",
  hash: "l.hash",
  previousHash: "l.previous",
};

/**
 * T3: whether the viewer met the tenants of a step of the handshake, be it as one who decides for its own tenant or
 * because all of them are in the community by now. Binds the viewer.
 */
const hasMetInvited = `exists (
  select from tenant.published_identities me
  where me.uuid = ? and (
    exists (select from tenant.published_roles a where a.identity_id = me.id and a.role = 'ACCOUNT_ADMINISTRATOR')
    or exists (
      select from community.communities c
      join community.memberships own on own.community_id = c.id and own.tenant_id = me.tenant_id
      join community.members r on r.membership_id = own.id and r.identity_id = me.id
      where c.uuid = e.community_id and (r.role = 'ADMINISTRATOR' or not exists (
        select from ledger.published_concerns k
        join tenant.published_tenants t on t.uuid = k.tenant_id
        where k.entry_id = e.id and not exists (
          select from community.memberships other where other.community_id = c.id and other.tenant_id = t.id))))))`;

/** By its id, for its number would tell how much is done in all tenants. What an operator removes is old: a list that was begun before ends there. */
const placeOfEntry = `coalesce((select l.id from ledger.published_entries l where l.uuid = ?::uuid), 0)`;

const newestFirst: Order = {
  by: [
    {
      sql: "e.id",
      type: "bigint",
      heldAs: { sql: "e.uuid", place: placeOfEntry },
    },
  ],
  descending: true,
};

interface LedgerSettings {
  readonly name: string;
  /** The scope of each parent. */
  readonly parents: string;
  readonly parentId: string;
  /** The entries `e` that concern the tenant of a `parent`: at least those of the page, or all. */
  readonly entries: (args: LedgerArgs, page?: Page) => Knex.Raw;
}

/** Whose ledger a viewer may read: all that concerns its tenant there, or what happened in some communities. */
const scope = (sql: string) => `(
  select s.id::text as key, s.* from (${sql}) s where s.is_whole or cardinality(s.communities) > 0
) as parent`;

/** T4. Binds the identity and the tenants. */
const tenants = scope(`
  select t.uuid as id, t.uuid as tenant,
         exists (select from tenant.published_roles a
                 where a.identity_id = i.id and a.role in ('ACCOUNT_ADMINISTRATOR', 'DATA_STEWARD')) as is_whole,
         array(select c.uuid from community.members r
               join community.memberships m on m.id = r.membership_id
               join community.communities c on c.id = m.community_id
               where r.identity_id = i.id and r.role <> 'MEMBER') as communities
  from tenant.published_identities i
  join tenant.published_tenants t on t.id = i.tenant_id
  where i.uuid = ? and i.enabled and t.uuid = any (?::uuid[])`);

/** C17. Binds the identity and the communities. */
const communities = scope(`
  select c.uuid as id, t.uuid as tenant, true as is_whole, array[]::uuid[] as communities
  from tenant.published_identities i
  join tenant.published_tenants t on t.id = i.tenant_id
  cross join community.communities c
  where i.uuid = ? and i.enabled and c.uuid = any (?::uuid[])
    -- By all keys, or the planner goes through everything that the identity takes part in.
    and (select r.role from community.members r
         where r.identity_id = i.id
           and r.membership_id = (select m.id from community.memberships m
                                  where m.community_id = c.id and m.tenant_id = i.tenant_id)) <> 'MEMBER'`);

/** S8, T4. Binds the identity and the streams. */
const streams = scope(`
  select stream as id, tenant, is_whole, communities from stream.ledger_scopes(?, ?::uuid[])`);

/** The ledger as one viewer sees it: what concerns its own tenant, whatever became of community and partners since. */
export class LedgerStore {
  private readonly ofTenants: Ledger;
  private readonly ofCommunities: Ledger;
  private readonly ofStreams: Ledger;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.ofTenants = this.ledger({
      name: "tenant",
      parents: tenants,
      parentId: "parent.tenant",
      entries: (args, page) =>
        this.concerning(
          "case when not parent.is_whole then parent.communities end",
          args,
          page,
        ),
    });
    this.ofCommunities = this.ledger({
      name: "community",
      parents: communities,
      parentId: "e.community_id",
      entries: (args, page) => this.concerning("array[parent.id]", args, page),
    });
    // What concerns a whole community is about no stream.
    this.ofStreams = this.ledger({
      name: "stream",
      parents: streams,
      parentId: "e.stream_id",
      entries: () =>
        this.db.raw(`ledger.published_stream_entries as e cross join lateral (
          select from ledger.published_concerns k
          where k.tenant_id = parent.tenant and k.entry_id = e.id
            and (parent.is_whole or k.community_id = any (parent.communities)) limit 1) as c`),
    });
  }

  ofTenant = (id: string, args: LedgerArgs) => find(this.ofTenants, id, args);
  ofCommunity = (id: string, args: LedgerArgs) =>
    find(this.ofCommunities, id, args);
  ofStream = (id: string, args: LedgerArgs) => find(this.ofStreams, id, args);

  async headOfTenant(id: string): Promise<LedgerHead | null> {
    return isUuid(id) ? this.headsOfTenants.load(id) : null;
  }

  async headOfCommunity(id: string): Promise<LedgerHead | null> {
    return isUuid(id) ? this.headsOfCommunities.load(id) : null;
  }

  private readonly headsOfTenants = this.heads(tenants);
  private readonly headsOfCommunities = this.heads(communities);

  private ledger({ name, parents, parentId, entries }: LedgerSettings): Ledger {
    return new NestedList(this.db, {
      name: `ledger of ${name}`,
      order: newestFirst,
      parentId,
      rows: (args, page) => {
        const query = this.shown(entries(args, page));
        if (args.kinds)
          query.whereRaw("e.kind = any (?::text[])", [[...args.kinds]]);
        return query;
      },
      parents: (ids) => new Sql(parents, [this.viewer.identityId, [...ids]]),
    });
  }

  /** What concerns the viewer's tenant; SQL says of which communities, null of all its affairs. */
  private concerning(
    communities: string,
    { kinds }: LedgerArgs,
    page?: Page,
  ): Knex.Raw {
    const isBackwards = page?.backwards ?? false;
    const place = page?.from ? placeOfEntry : "?::bigint";
    return this.db.raw(
      `ledger.${isBackwards ? "newer" : "older"}_entries(parent.tenant, ${communities}, ?::text[], ${place}, ?) as c
       cross join lateral (select * from ledger.published_entries e where e.id = c.id offset 0) as e`,
      [
        (kinds ?? null) as Knex.RawBinding,
        page?.from?.[0] ?? (isBackwards ? "0" : "9223372036854775807"),
        page ? page.size + 1 : null,
      ],
    );
  }

  private shown(entries: Knex.Raw): Knex.QueryBuilder {
    return this.db
      .from(entries)
      .select(columns)
      .select(
        // Whoever answers an invitation by its link alone has no tie to the other side.
        this.db.raw(
          `case when t3.is_open or e.actor_tenant = parent.tenant then e.actor_tenant end as "actorTenantId"`,
        ),
        this.db.raw(
          `case when t3.is_open or e.after ->> 'tenantId' = parent.tenant::text then e.after else e.after - 'tenantId' end as after`,
        ),
        this.db.raw(
          'case when e.actor_tenant = parent.tenant then e.actor_identity end as "actorId"',
        ),
      )
      .joinRaw(
        `left join lateral (
           select k.previous, k.hash from ledger.published_links k
           where k.entry_id = e.id and k.chain_id in (parent.tenant, e.community_id)
           order by k.chain_id <> parent.tenant limit 1
         ) l on true
         cross join lateral (
           select e.kind <> 'INVITATION' or ${hasMetInvited} and exists (
             select from ledger.published_concerns k where k.entry_id = e.id and k.tenant_id = e.actor_tenant) as is_open
         ) t3`,
        [this.viewer.identityId],
      );
  }

  private heads(parents: string): DataLoader<string, LedgerHead | null> {
    return new DataLoader(
      async (ids) => {
        const { rows } = await this.db.raw<{ rows: LedgerHead[] }>(
          `select h.chain_id as "chainId", h.sequence, h.hash, h.sealed_at as at, h.head as signature
           from ${parents}
           join ledger.published_heads h on h.chain_id = parent.id
           where parent.is_whole`,
          [this.viewer.identityId, [...ids]],
        );
        return inKeyOrder(ids, rows, ({ chainId }) => chainId);
      },
      { cache: false },
    );
  }
}

const find = async (
  ledger: Ledger,
  id: string,
  args: LedgerArgs,
): Promise<Connection<LedgerEntry> | null> =>
  isUuid(id) ? ledger.find(id, args) : null;
