import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { conflict, forbidden, notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { named, plain, Sql, sql } from "../../../common/sql.ts";
import { searchWords } from "../../../common/text.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { TransferDue } from "../ownership/due.ts";
import { obstacleTo, rights, type Place, type RightName } from "./rights.ts";

/** A community as one viewer sees it, with the viewer's own place in it. */
export interface Community extends Place {
  readonly id: string;
  readonly rowId: number;
  readonly name: string;
  readonly description: string | null;
  readonly preferredRegion: string | null;
  readonly createdAt: string;
  readonly ownerTenantId: string;
  readonly myTenantId: string;
  readonly myMembershipRowId: number;
}

export interface NewCommunity {
  readonly name: string;
  readonly description: string | null;
  readonly preferredRegion: string | null;
}

export type CommunityChange = Partial<NewCommunity>;

/** The keys of an identity that may create a community. */
export interface Founder {
  readonly identityId: string;
  readonly identityRowId: number;
  readonly tenantRowId: number;
  readonly tenantId: string;
}

type Listed = Community & { position: string[] };

export interface CommunityListArgs extends PageArgs {
  search?: string | null;
}

/**
 * C2: through which of the memberships `mine` that meet a condition an identity sees a community, and as what: it takes
 * part itself, or is AA of a tenant that is in. At most one row a community. Binds the identity's id, then what the
 * condition binds.
 *
 * First the identity, then its tenant's memberships (offset 0 keeps that order, which PostgreSQL would change for
 * tenants in few communities), and its role as a scalar sub-query, so that it is looked up for those on a page alone.
 */
export const participation = (condition: string) => `lateral (
  select mine.community_id, mine.id as membership_id, mine.tenant_id,
         (select r.role from community.members r where r.membership_id = mine.id and r.identity_id = i.id) as role,
         i.is_account_administrator, i.is_user
  from (
    select v.id, v.tenant_id, v.kind = 'USER' as is_user, exists (
             select from tenant.published_roles a
             where a.identity_id = v.id and a.role = 'ACCOUNT_ADMINISTRATOR') as is_account_administrator
    from tenant.published_identities v
    where v.uuid = ? and v.enabled
    offset 0) i
  cross join lateral (
    select mine.id, mine.community_id, mine.tenant_id from community.memberships mine
    where mine.tenant_id = i.tenant_id and ${condition}
    offset 0) mine
  where i.is_account_administrator
     or exists (select from community.members r where r.membership_id = mine.id and r.identity_id = i.id)
)`;

/**
 * The columns of a place in a community: of the community `c`, and of the viewer's participation `me` in it. The offset
 * keeps PostgreSQL from asking which of all tenants are entitled.
 */
export const place = `
  me.role as "myRole", me.is_account_administrator as "isAccountAdministrator", me.is_user as "isUser",
  c.owner_tenant_id = me.tenant_id as "isOwn",
  exists (select from tenant.published_entitlements e
          where e.tenant_id = me.tenant_id and e.entitlement = 'COMMUNITIES' offset 0) as "isEntitled",
  exists (select from community.ownership_offers o
          where o.community_id = c.id and o.membership_id = me.membership_id) as "isOfferedOwnership"`;

const columns = named({
  id: "c.uuid",
  rowId: "c.id",
  name: "c.name",
  description: "c.description",
  preferredRegion: "c.preferred_region",
  createdAt: "c.created_at",
  myMembershipRowId: "me.membership_id",
});

const tenants = `
  (select t.uuid from tenant.published_tenants t where t.id = c.owner_tenant_id) as "ownerTenantId",
  (select t.uuid from tenant.published_tenants t where t.id = me.tenant_id) as "myTenantId"`;

const byName: Order = {
  by: [
    { sql: "c.key", type: "text" },
    { sql: "c.uuid", type: "uuid" },
  ],
};

const shown = plain(`${columns}, ${place}, ${tenants}`);

/** With what they are listed by, as their index has it. */
const communities =
  "(select c.*, lower(c.name) as key from community.communities c) as c";

/**
 * Whose tenant is in no more communities than that has them all found and sorted; of more, a page looks for them among
 * the next communities of all, as many as they are. If it does not find enough, it has cost twice what it would have.
 */
const few = 30;

/** Locks the community whose key this query answers. A transfer of its ownership that is due comes before all else. */
export async function lockCommunity(
  db: Knex,
  rowId: Knex.QueryBuilder,
): Promise<void> {
  const { rows } = await db.raw<{
    rows: { id: string; isTransferDue: boolean }[];
  }>(
    `select c.uuid as id, exists (select from community.ownership_offers o
                                  where o.community_id = c.id and o.effective_at <= now()) as "isTransferDue"
     from community.communities c where c.id = (?) for no key update of c`,
    [rowId],
  );
  for (const { id, isTransferDue } of rows)
    if (isTransferDue) throw new TransferDue(id);
}

/** Communities as one viewer sees them. */
export class CommunityStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  async find(id: string): Promise<Community | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  /** Like `find`, for a community that has to be there: an argument names it, or a row that was just seen. */
  async get(id: string, at?: string): Promise<Community> {
    const community = await this.find(id);
    if (community === null) throw notFound(at);
    return community;
  }

  async list({
    search,
    ...args
  }: CommunityListArgs): Promise<Connection<Community>> {
    const words = searchWords(search ?? "", "search");
    const page = new Page(args, ["communities", words], byName);
    const found =
      (await this.foundAmongNext(page, words)) ??
      (await prepared<Listed>(this.db, page.select(this.matching(words))));
    return page.connection(found, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db.count("* as count").from(this.matching(words).as("matching")),
      );
      return row?.count ?? 0;
    });
  }

  /** The page, if it is full or all communities that come next are looked at; null if it may lack some. */
  private async foundAmongNext(
    page: Page,
    words: readonly string[],
  ): Promise<Listed[] | null> {
    const count = await this.countOfPlaces();
    if (count <= few) return null;
    const next = () =>
      page
        .select(this.db.select("c.*").from(this.db.raw(communities)))
        .limit(count)
        .as("c");
    const found = await prepared<Listed>(
      this.db,
      page.select(
        containing(
          this.seenBy(
            `${participation("mine.community_id = c.id")} me on true`,
            next(),
          ),
          words,
        ),
      ),
    );
    if (found.length > page.size) return found;
    const [looked] = await prepared<{ count: number }>(
      this.db,
      this.db.count("* as count").from(next()),
    );
    return looked && looked.count < count ? found : null;
  }

  /** How many communities the viewer's tenant is in; no more than may be looked through. */
  private async countOfPlaces(): Promise<number> {
    const [row] = await prepared<{ count: number }>(
      this.db,
      this.db.raw(
        `select count(*) as count
         from (select from community.memberships m
               where m.tenant_id = (select i.tenant_id from tenant.published_identities i where i.uuid = ?)
               limit 500) m`,
        [this.viewer.identityId],
      ),
    );
    return row?.count ?? 0;
  }

  private matching(words: readonly string[]): Knex.QueryBuilder {
    return containing(
      this.seenBy(`${participation("true")} me on me.community_id = c.id`),
      words,
    );
  }

  /** Makes the changes of one community's memberships and roles come one after another, to the transaction's end. */
  async lock(id: string): Promise<void> {
    await lockCommunity(
      this.db,
      this.db("community.communities")
        .select("id")
        .where({ uuid: isUuid(id) ? id : null }),
    );
  }

  /** The community, if the caller has the right in it: the answer that counts, once the rows it rests on are locked. */
  async require(right: RightName, id: string, at: string): Promise<Community> {
    const community = await this.get(id, at);
    if (!rights[right].isHeldBy(community))
      throw forbidden(`You may not ${rights[right].action}.`);
    const obstacle = obstacleTo(right, community);
    if (obstacle !== null) throw conflict(obstacle, at);
    return community;
  }

  /** C1: the caller, if it is a user of an entitled tenant, and AA there or of a role that the tenant lets found. */
  async founder(): Promise<Founder | null> {
    const { rows } = await this.db.raw<{ rows: Founder[] }>(
      `select i.uuid as "identityId", i.id as "identityRowId", t.id as "tenantRowId", t.uuid as "tenantId"
       from tenant.published_identities i
       join tenant.published_settings s on s.tenant_id = i.tenant_id
       join tenant.published_entitlements e on e.tenant_id = i.tenant_id and e.entitlement = 'COMMUNITIES'
       join tenant.published_tenants t on t.id = i.tenant_id
       where i.uuid = ? and i.enabled and i.kind = 'USER'
         and ('MEMBER' = any (s.community_founders)
           or exists (select from tenant.published_roles r
                      where r.identity_id = i.id
                        and (r.role = 'ACCOUNT_ADMINISTRATOR' or r.role = any (s.community_founders))))`,
      [this.viewer.identityId],
    );
    return rows[0] ?? null;
  }

  async add(
    { name, description, preferredRegion }: NewCommunity,
    founder: Founder,
  ): Promise<{ id: string; rowId: number }> {
    const [added] = (await this.db("community.communities")
      .insert({
        name,
        description,
        preferred_region: preferredRegion,
        owner_tenant_id: founder.tenantRowId,
      })
      .returning([
        this.db.ref("uuid").as("id"),
        this.db.ref("id").as("rowId"),
      ])) as [{ id: string; rowId: number }];
    return added;
  }

  async update(community: Community, change: CommunityChange): Promise<void> {
    const { rowId, name, description, preferredRegion } = {
      ...community,
      ...change,
    };
    await this.db("community.communities")
      .where({ id: rowId })
      .update({ name, description, preferred_region: preferredRegion });
  }

  /** With all memberships. Their tenants keep what they were told until now. */
  async remove(community: Community): Promise<void> {
    await this.db.raw(
      "select ledger.end_stays(array(select m.id from community.memberships m where m.community_id = ?))",
      [community.rowId],
    );
    await this.db("community.communities")
      .where({ id: community.rowId })
      .delete();
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Community>(
        this.db,
        sql`select ${shown} from ${plain(communities)} join ${this.isIn} where c.uuid = any (${[...ids]}::uuid[])`,
      );
      return inKeyOrder(ids, rows, (community) => community.id);
    },
    // A mutation may change what the request's next field reads.
    { cache: false },
  );

  /** How the viewer sees a community `c`. */
  private get isIn(): Sql {
    return new Sql(`${participation("mine.community_id = c.id")} me on true`, [
      this.viewer.identityId,
    ]);
  }

  private seenBy(
    me: string,
    among: Knex.QueryBuilder | Knex.Raw = this.db.raw(communities),
  ): Knex.QueryBuilder {
    return this.db
      .select(this.db.raw(shown.text))
      .from(among)
      .joinRaw(`join ${me}`, [this.viewer.identityId]);
  }
}

const containing = (
  communities: Knex.QueryBuilder,
  words: readonly string[],
): Knex.QueryBuilder =>
  communities.whereRaw(
    "not exists (select from unnest(?::text[]) as w (word) where strpos(c.key, w.word) = 0)",
    [words as Knex.RawBinding],
  );
