import { prepared, type Knex } from "../../../common/database.ts";
import { Page, type Connection } from "../../../common/page.ts";
import type { Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import {
  ledByName,
  ownByName,
  sharedByName,
  type ByName,
} from "./search/by-name-store.ts";
import { isUsualSearch } from "./search/condition.ts";
import { maxSlots, type Driver } from "./search/driver.ts";
import { nearShared, nextShared, type Leads } from "./search/lead-store.ts";
import {
  listedOf,
  type Listed,
  type StreamListArgs,
} from "./search/listed-store.ts";
import {
  directionOf,
  isByName,
  isRanked,
  isUsual,
  orderOf,
  toRank,
  upTo,
  type Stretch,
} from "./search/order-store.ts";
import {
  isNarrowed,
  ranked,
  selectGate,
  shownOf,
  type Shown,
  stretchOf,
  where,
  withRank,
} from "./search/selection-store.ts";
import { noPlan, WordStore, type Plan } from "./search/word-store.ts";
import { selectBy, selectStreams, type Stream } from "./store.ts";

type Row = Stream & { position: string[] };

/**
 * How a page is found: made of a page of each community, by what leads to the next streams of all communities, or among
 * all that is readable.
 */
type Way = "MERGED" | "LED" | "ALL";

/** In more communities a page of each would cost too much. */
const maxMerged = 30;

/** Of the communities in which a stream g was found the one whose share is the oldest, as the gate chooses it. */
const oldest = `case when cardinality(g.community_ids) = 1 then g.community_id else (
  select h.community_id from stream.shares h
  where h.tenant_id = g.tenant_id and h.stream_id = g.id and h.community_id = any (g.community_ids)
  order by h.shared_at, h.uuid limit 1) end`;

/** Searches among the streams that one viewer sees; every statement joins the gate. */
export class StreamSearchStore {
  private readonly words: WordStore;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.words = new WordStore(db, viewer);
  }

  /** Last events are there as far as the list shows each stream in one community. */
  async list(args: StreamListArgs, shown: Shown): Promise<Connection<Stream>> {
    const { search, from, communityIds, tenantIds, namespaceId, tags } = args;
    const { orderBy } = args;
    const way = await this.wayOf(args);
    const pageBy = (named: "s" | "g") =>
      new Page(
        args,
        [
          "streams",
          { search, from, communityIds, tenantIds, namespaceId, tags, orderBy },
        ],
        orderOf(orderBy, named),
      );
    const page = pageBy(way === "ALL" ? "s" : "g");
    const listed = await listedOf(this.db, this.viewer, args);
    const rows =
      way === "MERGED"
        ? await this.merged(page, listed, shown)
        : ((way === "LED" ? await this.led(page, listed) : null) ??
          (await this.rows(
            this.inOrder(pageBy("s"), "s", listed, (stretch, select) =>
              stretch.select(this.all(listed, select)),
            ),
            listed,
          )));
    return page.connection(rows, () => this.count(listed));
  }

  /** What is narrowed by more than a search may be far between, and is not led to. */
  private async wayOf(args: StreamListArgs): Promise<Way> {
    const { communityIds, tenantIds, tags, namespaceId } = args;
    if (communityIds != null || !isByName(args)) return "ALL";
    if (args.from === "OWN" || (await this.isInFew())) return "MERGED";
    return isRanked(args) || tenantIds || tags || namespaceId ? "ALL" : "LED";
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

  /** All that is readable; the offset keeps the gate from being asked stream by stream. */
  private all(
    { communities, condition }: Listed,
    select: typeof selectStreams,
  ): Knex.QueryBuilder {
    const { identityId } = this.viewer;
    return where(
      communities
        ? select(
            this.db,
            `(select distinct h.tenant_id, h.id, h.is_own, h.rights
              from stream.readable_here(?) h where h.community_id = any (?::int[]))`,
            [identityId, [...communities]],
          )
        : select(this.db, "(select * from stream.all_visible(?) offset 0)", [
            identityId,
          ]),
      condition,
    );
  }

  /** A page of the own streams, and one of what others share in each community, as one. */
  private async merged(
    page: Page,
    listed: Listed,
    shown: Shown,
  ): Promise<Row[]> {
    const { identityId } = this.viewer;
    const { own, shared } = await this.plan(
      listed,
      listed.args.from === "OWN" ? [] : null,
    );
    return this.rows(
      this.inOrder(
        page,
        "g",
        listed,
        (stretch, select) =>
          this.together(stretch, listed, select, own, (list) =>
            this.db.raw(
              `select listed.* from (select c.community_id as id, p.* from stream.participations(?) c
                                     cross join lateral stream.participation(?, c.community_id) p) as parent
               cross join lateral ? as listed`,
              [
                identityId,
                identityId,
                this.ofShared(
                  stretch,
                  listed,
                  sharedByName(list, shared, { withOwn: false }),
                ),
              ],
            ),
          ),
        selectBy(shownOf(shown, { isNamed: true, viewer: identityId })),
      ),
      listed,
    );
  }

  /**
   * Likewise of the next that are shared in all communities; of those that hold a search's words if too few of these are
   * found. Null if those do not suffice either.
   */
  private async led(page: Page, listed: Listed): Promise<Row[] | null> {
    const { identityId } = this.viewer;
    const { own } = await this.plan(listed, []);
    const ledBy = (leads: Leads) => this.ledBy(leads, page, listed, own);
    const rows =
      (await ledBy(await nearShared(this.db, identityId, page))) ??
      (await ledBy(await nextShared(this.db, identityId, page, null)));
    if (rows !== null || listed.expression === null) return rows;
    const { shared } = await this.plan(listed, null);
    if (!shared || shared.words.size > maxSlots) return null;
    return ledBy(
      await nextShared(this.db, identityId, page, [...shared.words.keys()]),
    );
  }

  /** Nothing is told of what comes after the last lead, if there may be more: own streams there would hide others'. */
  private async ledBy(
    { leads, areCut }: Leads,
    page: Page,
    listed: Listed,
    own: Driver,
  ): Promise<Row[] | null> {
    const last = areCut ? leads.at(-1) : undefined;
    if (areCut && !last) return null;
    const stretch = last ? upTo(page, last) : page;
    const rows = await this.rows(
      this.together(stretch, listed, selectStreams, own, (list) =>
        this.ofShared(stretch, listed, ledByName(list, leads)),
      ),
      listed,
    );
    return areCut && rows.length <= page.size ? null : rows;
  }

  private plan(
    { expression }: Listed,
    communityIds: readonly string[] | null,
  ): Promise<Plan> | Plan {
    return expression ? this.words.plan(expression, communityIds) : noPlan;
  }

  private ofShared(
    stretch: Stretch,
    { args: { namespaceId } }: Listed,
    shared: Sql,
  ): Knex.QueryBuilder {
    const query = stretchOf(this.db, stretch, shared);
    return namespaceId != null ? query.limit(0) : query;
  }

  /** The own and the shared streams of a stretch as one, in which each is once. */
  private together(
    stretch: Stretch,
    { condition, expression, args }: Listed,
    select: typeof selectStreams,
    driver: Driver,
    sharedOf: (list: ByName) => Knex.QueryBuilder | Knex.Raw,
  ): Knex.QueryBuilder {
    const direction = directionOf(stretch);
    const list = {
      viewer: this.viewer.identityId,
      direction,
      condition,
      isNarrowed: isNarrowed(args) || args.namespaceId != null,
      isSearch: expression !== null,
    };
    const own = stretchOf(this.db, stretch, ownByName(list, driver));
    if (args.from === "OWN") return stretch.select(select(this.db, "?", [own]));
    const inOrder = [
      { column: "g.name", order: direction },
      { column: "g.uuid", order: direction },
    ];
    const once = this.db
      .select("g.*")
      .select(
        this.db.raw(
          "array_agg(g.community_id) over (partition by g.name, g.uuid) as community_ids",
        ),
      )
      .distinctOn("g.name", "g.uuid")
      .from(
        this.db.raw("(? union all ?) as g", [
          args.from === "SHARED" ? own.limit(0) : own,
          sharedOf(list),
        ]),
      )
      .orderBy(inOrder)
      .limit(stretch.size + 1);
    const both = this.db
      .select("g.tenant_id", "g.id", "g.uuid", "g.name", "g.is_own", "g.rights")
      .select(this.db.raw(`${oldest} as community_id`))
      .from(once.as("g"))
      .orderBy(inOrder);
    return stretch.select(select(this.db, "?", [both]));
  }

  /** A page in the order that was asked for, of streams that are had by name. */
  private inOrder(
    page: Page,
    named: "s" | "g",
    { args, expression }: Listed,
    streams: (
      stretch: Stretch,
      select: typeof selectStreams,
    ) => Knex.QueryBuilder,
    select = selectStreams,
  ): Knex.QueryBuilder {
    if (!isRanked(args)) return streams(page, select);
    const ranks = (of: typeof selectStreams, name: "s.name" | "g.name") =>
      page.select(
        ranked(this.db, streams(toRank(named), withRank(of, expression, name))),
      );
    return named === "s"
      ? ranks(select, "s.name")
      : // What is shown is fetched of the page alone.
        page.select(select(this.db, "?", [ranks(selectGate, "g.name")]));
  }

  private async rows(
    query: Knex.QueryBuilder,
    { args, expression, communities }: Listed,
  ): Promise<Row[]> {
    return isUsual(args) && isUsualSearch(expression) && communities === null
      ? prepared<Row>(this.db, query)
      : (query as Promise<Row[]>);
  }

  private async count(listed: Listed): Promise<number> {
    const count = this.db
      .count("* as count")
      .from(this.all(listed, selectStreams).as("listed"));
    const [row] = (
      isUsualSearch(listed.expression)
        ? await prepared(this.db, count)
        : await count
    ) as { count: number }[];
    return row?.count ?? 0;
  }
}
