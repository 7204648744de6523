import type { Knex } from "../../../common/database.ts";
import { NestedList } from "../../../common/nested-list.ts";
import type {
  Connection,
  Order,
  Page,
  PageArgs,
} from "../../../common/page.ts";
import { Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { CommunityRole, IdentityKind } from "../generated.ts";
import { isLed } from "../share/store.ts";
import type { Stream } from "../stream/store.ts";

/** An identity that reads a stream, and one way by which it does. */
export interface Reader {
  readonly tenantId: string;
  readonly name: string;
  readonly isPseudonym: boolean;
  readonly kind: IdentityKind;
  /** These three are null for the own tenant. */
  readonly shareId: string | null;
  readonly communityId: string | null;
  readonly role: CommunityRole | null;
}

/** A way is a sharing membership, or 0: the own tenant's access list. */
const byWay: Order = {
  by: [
    { sql: "w.membership_id", type: "int" },
    { sql: "r.tenant_id", type: "int" },
    { sql: "r.place", type: "int" },
    { sql: "r.key", type: "text" },
    { sql: "r.mark", type: "text" },
  ],
  isNested: true,
};

/** Sorted here, so that a page which begins with the first ways does not ask for the others. */
const ways = `
  (select 0 as membership_id, null::int as community_id, null::uuid as share_id where parent.is_whole
   union all
   select s.membership_id, s.community_id, h.uuid
   from stream.shares h
   join stream.sharers s on s.membership_id = h.membership_id and s.tenant_id = h.tenant_id
   where h.tenant_id = parent.tenant_id and h.stream_id = parent.id
     and (parent.is_whole or ${isLed("parent.identity_id")})
   order by 1) w`;

const readsByList = `w.membership_id = 0 and a.tenant_id = parent.tenant_id and a.stream_id = parent.id`;
const readsByShare = `a.sharing_id = w.membership_id and a.sharing_tenant_id = parent.tenant_id
  and a.community_id = w.community_id`;

const ofReader = [
  ...["r.tenant_id", "r.kind", "r.name", "r.is_pseudonym", "r.role"],
  ...["r.place", "r.key", "r.mark"],
];

/** The own tenant's readers go by their row, as its index does. */
const own = `
  (select a.tenant_id, i.kind, i.name, false as is_pseudonym, null::text as role, i.id as place, '' as key, '' as mark
   from stream.own_audience a
   join tenant.published_identities i on i.id = a.identity_id
   where ${readsByList}) r`;

/** The other tenants of a way's community, sorted here, so that a page asks for the readers of the first of them alone. */
const otherTenants = `
  (select m.id as membership_id, m.tenant_id,
          exists (select from tenant.published_pseudonyms p
                  where p.tenant_id = m.tenant_id offset 0) as is_pseudonymous
   from community.published_memberships m
   where m.community_id = w.community_id and m.tenant_id <> parent.tenant_id
   order by m.tenant_id) t`;

/** Whether the gate lets a member of another tenant in by a way; the offset has it asked one by one. */
const isReader = `lateral (
  select from stream.audience a
  where a.membership_id = t.membership_id and a.identity_id = me.identity_id and ${readsByShare} offset 0) a`;

/** Those of another tenant go by their names, as their index does. */
const named = `
  (select t.tenant_id, i.kind, n.name, n.is_pseudonym, me.role, 0 as place, me.key, n.mark
   from (select p.identity_id, p.role, lower(p.name) as key
         from community.published_members p
         where p.membership_id = t.membership_id
         order by key) me
   cross join ${isReader}
   join tenant.published_identities i on i.id = me.identity_id
   cross join lateral tenant.introduce(me.identity_id, parent.tenant_id) n
   where not t.is_pseudonymous) r`;

/** Where they have pseudonyms, by a mark that tells nothing of them and is another one for each sharer. */
const pseudonymous = `
  (select t.tenant_id, i.kind, n.name, n.is_pseudonym, me.role, 0 as place, '' as key, me.mark
   from (select p.identity_id, p.role, encode(sha256(o.key || int4send(p.identity_id)), 'hex') as mark
         from (select tenant.order_key(t.tenant_id, parent.tenant_id) as key where t.is_pseudonymous offset 0) o
         cross join community.published_members p
         where p.membership_id = t.membership_id
         order by mark) me
   cross join ${isReader}
   join tenant.published_identities i on i.id = me.identity_id
   cross join lateral tenant.introduce(me.identity_id, parent.tenant_id) n) r`;

const counted = `${ways}
  cross join lateral (select from stream.own_audience a where ${readsByList}
                      union all select from stream.audience a where ${readsByShare}) r`;

/** S8: who reads own streams, as far as the viewer may know. */
export class ReaderStore {
  private readonly readers: NestedList<Reader, PageArgs, string>;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.readers = new NestedList(db, {
      name: "readers",
      order: byWay,
      parents: (streamIds) =>
        new Sql(
          `(select o.*, o.uuid as key from stream.overseen(?) o where o.uuid = any (?::uuid[])) as parent`,
          [this.viewer.identityId, [...streamIds]],
        ),
      parentId: "parent.id",
      rows: (_args, page) => this.rows(page),
      isPrepared: true,
    });
  }

  /** Null unless S8 names the viewer for this stream. */
  ofStream({ id }: Stream, args: PageArgs): Promise<Connection<Reader> | null> {
    return this.readers.find(id, args);
  }

  private rows(page: Page | undefined): Knex.QueryBuilder {
    if (page === undefined)
      return this.db.queryBuilder().from(this.db.raw(counted));
    const paged = (from: Knex.Raw) =>
      page.select(this.db.select(ofReader).from(from));
    const mine = paged(this.db.raw(own));
    const theirs = paged(
      this.db.raw(`${otherTenants} cross join lateral (? union all ?) r`, [
        paged(this.db.raw(named)),
        paged(this.db.raw(pseudonymous)),
      ]),
    ).whereRaw("r.tenant_id = t.tenant_id");
    return this.db
      .select({
        tenantId: "t.uuid",
        name: "r.name",
        isPseudonym: "r.is_pseudonym",
        kind: "r.kind",
        shareId: "w.share_id",
        communityId: "c.uuid",
        role: "r.role",
      })
      .from(
        this.db.raw(`${ways} cross join lateral (? union all ?) r`, [
          mine,
          theirs,
        ]),
      )
      .joinRaw(
        `join tenant.published_tenants t on t.id = r.tenant_id
         left join community.published_communities c on c.id = w.community_id`,
      );
  }
}
