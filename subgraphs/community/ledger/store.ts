import DataLoader from "dataloader";
import type { Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
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
  after: "e.after",
  requestId: "e.request_id",
  hash: "l.hash",
  previousHash: "l.previous",
};

const newestFirst = (id: string): Order => ({
  by: [{ sql: id, type: "bigint" }],
  descending: true,
});

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
  join community.members r on r.identity_id = i.id and r.role <> 'MEMBER'
  join community.memberships m on m.id = r.membership_id
  join community.communities c on c.id = m.community_id
  where i.uuid = ? and i.enabled and c.uuid = any (?::uuid[])`);

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
    this.ofTenants = this.ledger(
      "tenant",
      tenants,
      "c.tenant_id",
      "c.entry_id",
    );
    this.ofCommunities = this.ledger(
      "community",
      communities,
      "c.community_id",
      "c.entry_id",
    );
    this.ofStreams = this.ledger("stream", streams, "e.stream_id", "e.id");
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

  private ledger(
    name: string,
    parents: string,
    parentId: string,
    entryId: string,
  ): Ledger {
    return new NestedList(this.db, {
      name: `ledger of ${name}`,
      order: newestFirst(entryId),
      parentId,
      rows: ({ kinds }) => {
        const query = this.entries();
        if (kinds) query.whereRaw("e.kind = any (?::text[])", [[...kinds]]);
        return query;
      },
      parents: (ids) =>
        this.db.raw(parents, [this.viewer.identityId, [...ids]]),
    });
  }

  /** A column of the scope stands for the viewer's own tenant: what does not concern it is not there. */
  private entries(): Knex.QueryBuilder {
    return this.db("ledger.published_concerns as c")
      .select(columns)
      .select(
        // T3: whoever answers an invitation by its link alone has no tie to the other side.
        this.db.raw(
          `case when e.kind <> 'INVITATION' or exists (
             select from ledger.published_concerns k where k.entry_id = e.id and k.tenant_id = e.actor_tenant)
           then e.actor_tenant end as "actorTenantId"`,
        ),
        this.db.raw(
          'case when e.actor_tenant = parent.tenant then e.actor_identity end as "actorId"',
        ),
      )
      .join("ledger.published_entries as e", "e.id", "c.entry_id")
      .joinRaw(
        `left join lateral (
           select k.previous, k.hash from ledger.published_links k
           where k.entry_id = e.id and k.chain_id in (parent.tenant, e.community_id)
           order by k.chain_id <> parent.tenant limit 1
         ) l on true`,
      )
      .whereRaw("c.tenant_id = parent.tenant")
      .whereRaw(
        "(parent.is_whole or c.community_id = any (parent.communities))",
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
