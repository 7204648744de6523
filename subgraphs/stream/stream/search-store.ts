import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { searchWords } from "../../../common/text.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { lastEvent } from "../event/store.ts";
import type { StreamOrder, StreamSource } from "../generated.ts";
import { NamespaceStore } from "../namespace/store.ts";
import { tagsFrom } from "./input.ts";
import { selectStreams, type Stream } from "./store.ts";

interface Selection {
  search?: string | null;
  tenantIds?: readonly string[] | null;
  tags?: readonly string[] | null;
}

export interface CommunityStreamsArgs extends PageArgs, Selection {
  orderBy?: StreamOrder | null;
}

export interface StreamListArgs extends PageArgs, Selection {
  from: StreamSource;
  communityIds?: readonly string[] | null;
  namespaceId?: string | null;
  orderBy?: StreamOrder | null;
}

/** What a search looks through: of other tenants' streams what rule 18 shows, so that no hit hints at the rest. */
const searched = `lower(concat_ws(E'\\n', s.name, s.description, array_to_string(s.tags, E'\\n'), y.name, t.name,
  case when g.is_own then s.external_id end, case when g.is_own then s.metadata::text end))`;

/** Names and ids are those of `g` where the gate's table has them in the order of an index. */
function orderOf(
  orderBy: StreamOrder | null | undefined,
  named: "s" | "g",
): Order {
  const { field, direction } = orderBy ?? { field: "NAME", direction: "ASC" };
  const descending = direction === "DESC";
  const id = { sql: "s.uuid", type: "uuid" } as const;
  switch (field) {
    case "NAME":
      return {
        by: [
          { sql: `${named}.name`, type: "text" },
          { sql: `${named}.uuid`, type: "uuid" },
        ],
        descending,
      };
    case "CREATED_AT":
      return {
        by: [{ sql: "s.created_at", type: "timestamptz" }, id],
        descending,
      };
    case "UPDATED_AT":
      return {
        by: [
          // Other tenants' streams come last either way, and when they changed orders nothing: rule 18.
          { sql: `(g.is_own = ${descending})::int`, type: "int" },
          {
            sql: "case when g.is_own then s.updated_at else timestamptz 'epoch' end",
            type: "timestamptz",
          },
          id,
        ],
        descending,
      };
  }
}

const isByName = ({ orderBy }: CommunityStreamsArgs): boolean =>
  (orderBy?.field ?? "NAME") === "NAME";

const directionOf = ({ isDescending }: Page) => (isDescending ? "desc" : "asc");

/**
 * What is shared in the community `parent`, where the viewer takes part as it says, in the order of an index, each share
 * asked of the gate (the offset sees to it), so that a page takes no more of them than it shows. Binds the viewer.
 */
const sharedByName = (page: Page) => `(
  select h.community_id, h.tenant_id, h.stream_id as id, h.stream_uuid as uuid, h.stream_name as name, r.is_own, r.rights
  from (select h.community_id, h.stream_name, h.stream_uuid, h.tenant_id, h.stream_id, h.membership_id
        from stream.shares h where h.community_id = parent.id
        order by h.stream_name ${directionOf(page)}, h.stream_uuid ${directionOf(page)}) h
  cross join lateral (select g.is_own, g.rights
                      from stream.given_by(?, parent.reading_id, parent.reading_tenant_id, parent.is_reader,
                                           h.tenant_id, h.stream_id, h.membership_id, h.community_id) g offset 0) r)`;

/** The viewer's own streams likewise. Binds the viewer twice. */
const ownByName = (page: Page) => `(
  select s.tenant_id, s.id, s.uuid, s.name, true as is_own, r.rights
  from (select s.tenant_id, s.name, s.uuid, s.id
        from stream.streams s
        where s.tenant_id = (select i.tenant_id from tenant.published_identities i where i.uuid = ?)
        order by s.name ${directionOf(page)}, s.uuid ${directionOf(page)}) s
  cross join lateral (select o.rights from stream.own(?) o where o.tenant_id = s.tenant_id and o.id = s.id offset 0) r)`;

/** In so many communities at most a page of each is taken to make one of all; in more, all is found first and sorted. */
const maxMerged = 30;

/** Whether a list is in its usual order; each other one is another statement, too many to prepare them all. */
const isUsual = ({ orderBy, last }: CommunityStreamsArgs): boolean =>
  last == null &&
  (orderBy == null ||
    (orderBy.field === "NAME" && orderBy.direction === "ASC"));

type CommunityList = NestedList<Stream, CommunityStreamsArgs, string>;

const selectWithLast: typeof selectStreams = (db, gate, bindings) =>
  selectStreams(db, gate, bindings).select(db.raw(`${lastEvent} as last`));

/** Searches among the streams that one viewer sees; every statement joins the gate. */
export class StreamSearchStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.byCommunity = this.ofCommunities(selectStreams);
    this.byCommunityWithLast = this.ofCommunities(selectWithLast);
  }

  /** `withLast`: each with its last event. */
  async list(
    args: StreamListArgs,
    withLast: boolean,
  ): Promise<Connection<Stream>> {
    const {
      search,
      from,
      communityIds,
      tenantIds,
      namespaceId,
      tags,
      orderBy,
    } = args;
    const isMerged =
      communityIds == null && isByName(args) && (await this.isInFew());
    const page = new Page(
      args,
      [
        "streams",
        { search, from, communityIds, tenantIds, namespaceId, tags, orderBy },
      ],
      orderOf(orderBy, isMerged ? "g" : "s"),
    );
    const communities = await this.communityRowIds(communityIds);
    const namespace = await this.namespaceRowId(namespaceId);
    const { identityId } = this.viewer;
    const narrowed = (query: Knex.QueryBuilder) =>
      narrow(query, args)
        .whereRaw("(? or g.is_own = ?)", [from === "ALL", from === "OWN"])
        .whereRaw("(? or g.is_own and s.namespace_id = ?::int)", [
          namespace === null,
          namespace,
        ]);
    // The offset keeps the gate from being asked stream by stream.
    const listed = (select: typeof selectStreams) =>
      narrowed(
        communities
          ? select(
              this.db,
              `(select distinct h.tenant_id, h.id, h.is_own, h.rights
                from stream.readable_here(?) h where h.community_id = any (?::int[]))`,
              [identityId, communities],
            )
          : select(this.db, "(select * from stream.all_visible(?) offset 0)", [
              identityId,
            ]),
      );
    const select = withLast ? selectWithLast : selectStreams;
    const query = isMerged
      ? this.merged(page, namespace === null ? from : "OWN", (gate, bindings) =>
          narrowed(select(this.db, gate, bindings)),
        )
      : page.select(listed(select));
    const rows = (
      isUsual(args) && communities === null
        ? await prepared(this.db, query)
        : await query
    ) as (Stream & { position: string[] })[];
    return page.connection(rows, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db.count("* as count").from(listed(selectStreams).as("listed")),
      );
      return row?.count ?? 0;
    });
  }

  /** A page of the own streams, and one of what others share in each community, as one page in which each is once. */
  private merged(
    page: Page,
    from: StreamSource,
    select: (gate: string, bindings: Knex.RawBinding[]) => Knex.QueryBuilder,
  ): Knex.QueryBuilder {
    const { identityId } = this.viewer;
    const own = page.select(select(ownByName(page), [identityId, identityId]));
    const shared = this.db.select("listed.*").from(
      this.db.raw(
        `(select c.community_id as id, p.*
          from stream.participations(?) c cross join lateral stream.participation(?, c.community_id) p) as parent
         cross join lateral ? as listed`,
        [
          identityId,
          identityId,
          page.select(
            select(sharedByName(page), [identityId]).whereRaw("not g.is_own"),
          ),
        ],
      ),
    );
    const direction = directionOf(page);
    return this.db
      .select("*")
      .from(
        this.db.raw(
          `(select distinct on (l.name, l.id) l.* from (? union all ?) l
            order by l.name ${direction}, l.id ${direction}) as listed`,
          [
            from === "SHARED" ? own.limit(0) : own,
            from === "OWN" ? shared.limit(0) : shared,
          ],
        ),
      )
      .orderBy([
        { column: "name", order: direction },
        { column: "id", order: direction },
      ])
      .limit(page.size + 1);
  }

  private async isInFew(): Promise<boolean> {
    const [row] = await prepared<{ isInFew: boolean }>(
      this.db,
      this.db.raw(
        `select count(*) <= ? as "isInFew" from (select from stream.participations(?) limit ?) p`,
        [maxMerged, this.viewer.identityId, maxMerged + 1],
      ),
    );
    return row?.isInFew ?? true;
  }

  /** What is shared in a community and readable now; null if the viewer does not take part there. */
  async ofCommunity(
    communityId: string,
    args: CommunityStreamsArgs,
    withLast: boolean,
  ): Promise<Connection<Stream> | null> {
    const list = withLast ? this.byCommunityWithLast : this.byCommunity;
    return isUuid(communityId) ? list.find(communityId, args) : null;
  }

  /** How many streams are shared in a community and readable now; null if the viewer does not take part there. */
  async countOfCommunity(communityId: string): Promise<number | null> {
    return isUuid(communityId) ? this.counts.load(communityId) : null;
  }

  private readonly byCommunity: CommunityList;
  private readonly byCommunityWithLast: CommunityList;

  private ofCommunities(select: typeof selectStreams): CommunityList {
    return new NestedList(this.db, {
      name: "Community.streams",
      order: ({ orderBy }) => orderOf(orderBy, "g"),
      parents: (communityIds) => this.communities(communityIds),
      parentId: "g.community_id",
      rows: (args, page) =>
        narrow(
          select(
            this.db,
            page && isByName(args)
              ? sharedByName(page)
              : "stream.readable_here(?)",
            [this.viewer.identityId],
          ),
          args,
        ),
      isPrepared: isUsual,
    });
  }

  private readonly counts = new DataLoader(
    async (communityIds: readonly string[]) => {
      const rows = await prepared<{ key: string; count: number }>(
        this.db,
        this.db
          .select("parent.key", "listed.count")
          .from(this.communities(communityIds))
          .joinRaw(
            `cross join lateral (select count(*) from stream.readable_here(?) g
                                 where g.community_id = parent.id) as listed`,
            [this.viewer.identityId],
          ),
      );
      return inKeyOrder(communityIds, rows, (row) => row.key).map(
        (row) => row?.count ?? null,
      );
    },
    { cache: false },
  );

  /** Of these communities those in which the viewer takes part, and how, as `parent` with its row's id and its id as key. */
  private communities(communityIds: readonly string[]): Knex.Raw {
    return this.db.raw(
      `(select c.id, c.uuid as key, p.*
        from community.published_communities c
        cross join lateral stream.participation(?, c.id) p
        where c.uuid = any (?::uuid[])) as parent`,
      [this.viewer.identityId, [...communityIds]],
    );
  }

  private async communityRowIds(
    ids: readonly string[] | null | undefined,
  ): Promise<number[] | null> {
    if (ids == null) return null;
    const rows = (await this.db
      .select("parent.id", "parent.key")
      .from(this.communities(ids.filter(isUuid)))) as {
      id: number;
      key: string;
    }[];
    return inKeyOrder(ids, rows, (row) => row.key).map((row, i) => {
      if (row === null) throw notFound(`communityIds.${i}`);
      return row.id;
    });
  }

  private async namespaceRowId(
    id: string | null | undefined,
  ): Promise<number | null> {
    if (id == null) return null;
    const namespace = await new NamespaceStore(this.db, this.viewer).find(id);
    if (namespace === null) throw notFound("namespaceId");
    return namespace.rowId;
  }
}

/** Every condition is always there, if only to be left open, so that few texts of the statement are there to prepare. */
function narrow(
  query: Knex.QueryBuilder,
  { search, tenantIds, tags }: Selection,
): Knex.QueryBuilder {
  const words = searchWords(search ?? "", "search");
  const tenants = tenantIds?.filter(isUuid) ?? null;
  return query
    .whereRaw(
      `(? or not exists (select from unnest(?::text[]) as w (word) where strpos(${searched}, w.word) = 0))`,
      [words.length === 0, words],
    )
    .whereRaw("(? or t.uuid = any (?::uuid[]))", [
      tenants === null,
      tenants ?? [],
    ])
    .whereRaw("(? or s.tags @> ?::text[])", [
      !tags?.length,
      tagsFrom(tags ?? [], "tags"),
    ]);
}
