import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  Page,
  type Connection,
  type PageArgs,
} from "../../../common/page.ts";
import { join, sql, type Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { lastEvent, lastWay } from "../event/single-store.ts";
import type { StreamOrder, StreamSource } from "../generated.ts";
import { NamespaceStore } from "../namespace/store.ts";
import { tagsFrom } from "./input.ts";
import {
  foundInCommunity,
  ownByName,
  sharedByName,
} from "./search/by-name-store.ts";
import {
  conditionOfSearch,
  isUsualSearch,
  rankOf,
} from "./search/condition.ts";
import { eitherOf } from "./search/driver.ts";
import {
  directionOf,
  isByName,
  isRanked,
  isUsual,
  orderOf,
  toRank,
  type Stretch,
} from "./search/order-store.ts";
import { parseSearch, type Expression } from "./search/syntax.ts";
import { noPlan, WordStore, type Plan } from "./search/word-store.ts";
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

/** In so many communities at most a page of each is taken to make one of all; in more, all is found first and sorted. */
const maxMerged = 30;

type CommunityList = NestedList<Stream, CommunityStreamsArgs, string>;

/** Of lists that show each stream in one community, or as an own one. */
const selectWithLast =
  (viewer: string | null): typeof selectStreams =>
  (db, gate, bindings) =>
    selectStreams(db, gate, bindings)
      .select(db.raw(`${lastEvent} as last`))
      .select(db.raw(`${lastWay} as "lastWay"`, [viewer]));

const withRank =
  (
    select: typeof selectStreams,
    expression: Expression | null,
  ): typeof selectStreams =>
  (db, gate, bindings) => {
    const rank = rankOf(expression);
    return select(db, gate, bindings).select(
      db.raw(`${rank.text} as rank`, rank.bindings as Knex.RawBinding[]),
    );
  };

/** Searches among the streams that one viewer sees; every statement joins the gate. */
export class StreamSearchStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.words = new WordStore(db, viewer);
    this.byCommunity = this.ofCommunities(selectStreams);
    this.byCommunityWithLast = this.ofCommunities(
      selectWithLast(viewer.identityId),
    );
  }

  /** `withLast`: each with its last event, as far as the list shows it in one community. */
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
    const expression = parseSearch(search ?? "");
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
    const condition = join(
      [
        conditionOf(args, expression),
        sql`(${from === "ALL"} or g.is_own = ${from === "OWN"})`,
        sql`(${namespace === null} or g.is_own and s.namespace_id = ${namespace}::int)`,
      ],
      " and ",
    );
    // The offset keeps the gate from being asked stream by stream.
    const listed = (select: typeof selectStreams) =>
      where(
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
        condition,
      );
    const select =
      withLast && isMerged ? selectWithLast(identityId) : selectStreams;
    const plan =
      isMerged && expression ? await this.words.plan(expression, null) : noPlan;
    const stretchOf = (stretch: Stretch, select: typeof selectStreams) =>
      isMerged
        ? stretch.select(
            select(this.db, "?", [
              this.merged(
                stretch,
                namespace === null ? from : "OWN",
                plan,
                condition,
              ),
            ]),
          )
        : stretch.select(listed(select));
    const query = isRanked(args)
      ? page.select(
          this.ranked(
            stretchOf(
              toRank(isMerged ? "g" : "s"),
              withRank(select, expression),
            ),
          ),
        )
      : stretchOf(page, select);
    const isUsualText = isUsualSearch(expression);
    const rows = (
      isUsual(args) && isUsualText && communities === null
        ? await prepared(this.db, query)
        : await query
    ) as (Stream & { position: string[] })[];
    return page.connection(rows, async () => {
      const count = this.db
        .count("* as count")
        .from(listed(selectStreams).as("listed"));
      const [row] = (
        isUsualText ? await prepared(this.db, count) : await count
      ) as { count: number }[];
      return row?.count ?? 0;
    });
  }

  /** A page of the own streams, and one of what others share in each community, as one page in which each is once. */
  private merged(
    page: Stretch,
    from: StreamSource,
    plan: Plan,
    condition: Sql,
  ): Knex.QueryBuilder {
    const { identityId } = this.viewer;
    const direction = directionOf(page);
    const list = { viewer: identityId, direction, condition };
    const own = this.stretch(page, ownByName(list, plan.own));
    const shared = this.stretch(
      page,
      sharedByName(list, plan.shared, { withOwn: false }),
    );
    return this.db
      .select("g.*")
      .distinctOn("g.name", "g.uuid")
      .from(
        this.db.raw(
          `(? union all
            select listed.* from (select c.community_id as id, p.* from stream.participations(?) c
                                  cross join lateral stream.participation(?, c.community_id) p) as parent
            cross join lateral ? as listed) as g`,
          [
            from === "SHARED" ? own.limit(0) : own,
            identityId,
            identityId,
            from === "OWN" ? shared.limit(0) : shared,
          ],
        ),
      )
      .orderBy([
        { column: "g.name", order: direction },
        { column: "g.uuid", order: direction },
      ])
      .limit(page.size + 1);
  }

  /** Of a list by name as much as a page takes; what is shown of its streams is joined afterwards. */
  private stretch(page: Stretch, { text, bindings }: Sql): Knex.QueryBuilder {
    return page.select(
      this.db
        .select(
          "g.community_id",
          "g.tenant_id",
          "g.id",
          "g.uuid",
          "g.name",
          "g.is_own",
          "g.rights",
        )
        .from(this.db.raw(`${text} g`, bindings as Knex.RawBinding[])),
    );
  }

  /** Streams that bring their rank along, as `g`. */
  private ranked(streams: Knex.QueryBuilder): Knex.QueryBuilder {
    return this.db.select("g.*").from(streams.as("g"));
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
    if (!isUuid(communityId)) return null;
    if (args.search != null)
      await this.planned.load({ communityId, search: args.search });
    const list = withLast ? this.byCommunityWithLast : this.byCommunity;
    return list.find(communityId, args);
  }

  /** How many streams are shared in a community and readable now; null if the viewer does not take part there. */
  async countOfCommunity(communityId: string): Promise<number | null> {
    return isUuid(communityId) ? this.counts.load(communityId) : null;
  }

  private readonly words: WordStore;
  private readonly byCommunity: CommunityList;
  private readonly byCommunityWithLast: CommunityList;

  private ofCommunities(select: typeof selectStreams): CommunityList {
    return new NestedList(this.db, {
      name: "Community.streams",
      order: ({ orderBy }) => orderOf(orderBy, "g"),
      parents: (communityIds) => this.communities(communityIds),
      parentId: "g.community_id",
      rows: (args, page) => {
        const { identityId } = this.viewer;
        const expression = parseSearch(args.search ?? "");
        const condition = conditionOf(args, expression);
        if (!page || !isByName(args))
          return where(
            select(this.db, "stream.readable_here(?)", [identityId]),
            condition,
          );
        const stretch = isRanked(args) ? toRank("g") : page;
        const found = foundInCommunity(
          { viewer: identityId, direction: directionOf(stretch), condition },
          this.plans.get(args.search ?? "") ?? noPlan,
        ).map((list) => this.stretch(stretch, list));
        const gate = `(${found.map(() => "?").join(" union all ")})`;
        return isRanked(args)
          ? this.ranked(
              toRank("g").select(
                withRank(select, expression)(this.db, gate, found).select(
                  "g.community_id",
                ),
              ),
            )
          : select(this.db, gate, found);
      },
      isPrepared: (args) =>
        isUsual(args) && isUsualSearch(parseSearch(args.search ?? "")),
    });
  }

  /** What leads to the streams of a search, in all communities in which it was asked for. */
  private readonly plans = new Map<string, Plan>();

  private readonly planned = new DataLoader(
    async (asked: readonly { communityId: string; search: string }[]) => {
      const searches = [...new Set(asked.map(({ search }) => search))];
      await Promise.all(
        searches.map(async (search) => {
          const communityIds = asked
            .filter((one) => one.search === search)
            .map(({ communityId }) => communityId);
          const expression = parseSearch(search);
          if (expression === null) return;
          const plan = await this.words.plan(expression, communityIds);
          const known = this.plans.get(search) ?? plan;
          this.plans.set(search, {
            own: eitherOf(known.own, plan.own),
            shared: eitherOf(known.shared, plan.shared),
          });
        }),
      );
      return asked.map(() => true);
    },
    { cache: false },
  );

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
function conditionOf(
  { tenantIds, tags }: Selection,
  expression: Expression | null,
): Sql {
  const tenants = tenantIds?.filter(isUuid) ?? null;
  return join(
    [
      sql`(${conditionOfSearch(expression)})`,
      sql`(${tenants === null} or t.uuid = any (${tenants ?? []}::uuid[]))`,
      sql`(${!tags?.length} or s.tags @> ${tagsFrom(tags ?? [], "tags")}::text[])`,
    ],
    " and ",
  );
}

const where = (query: Knex.QueryBuilder, { text, bindings }: Sql) =>
  query.whereRaw(text, bindings as Knex.RawBinding[]);
