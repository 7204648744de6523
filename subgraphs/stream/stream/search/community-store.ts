import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../../common/database.ts";
import { inKeyOrder } from "../../../../common/loaders.ts";
import { NestedList } from "../../../../common/nested-list.ts";
import {
  isUuid,
  type Connection,
  type PageArgs,
} from "../../../../common/page.ts";
import { join, plain, sql } from "../../../../common/sql.ts";
import type { Viewer } from "../../../../common/viewer.ts";
import type { StreamOrder } from "../../generated.ts";
import { selectBy, type Stream } from "../store.ts";
import { foundInCommunity } from "./by-name-store.ts";
import { isUsualSearch } from "./condition.ts";
import { eitherOf } from "./driver.ts";
import {
  directionOf,
  isByName,
  isRanked,
  isUsual,
  orderOf,
  toRank,
} from "./order-store.ts";
import {
  communitiesOf,
  conditionOf,
  isNarrowed,
  ranked,
  selectGate,
  shownOf,
  pageOf,
  type Shown,
  stretchOf,
  where,
  withRank,
  type Selection,
} from "./selection-store.ts";
import { parseSearch } from "./syntax.ts";
import { noPlan, WordStore, type Plan } from "./word-store.ts";

export interface CommunityStreamsArgs extends PageArgs, Selection {
  orderBy?: StreamOrder | null;
}

type CommunityList = NestedList<Stream, CommunityStreamsArgs, string>;

/** The streams of communities as one viewer sees them; every statement joins the gate. */
export class CommunityStreamStore {
  private readonly words: WordStore;
  private readonly lists: Readonly<Record<Shown, CommunityList>>;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.words = new WordStore(db, viewer);
    this.lists = {
      NAMES: this.listOf("NAMES"),
      FEW_WITH_LAST: this.listOf("FEW_WITH_LAST"),
      ALL: this.listOf("ALL"),
      ALL_WITH_LAST: this.listOf("ALL_WITH_LAST"),
    };
  }

  /** What is shared in a community and readable now; null if the viewer does not take part there. */
  async list(
    communityId: string,
    args: CommunityStreamsArgs,
    shown: Shown,
  ): Promise<Connection<Stream> | null> {
    if (!isUuid(communityId)) return null;
    if (args.search != null)
      await this.planned.load({ communityId, search: args.search });
    return this.lists[shown].find(communityId, args);
  }

  /** How many streams are shared in a community and readable now; null if the viewer does not take part there. */
  async count(communityId: string): Promise<number | null> {
    return isUuid(communityId) ? this.counts.load(communityId) : null;
  }

  private listOf(shown: Shown): CommunityList {
    return new NestedList(this.db, {
      name: "Community.streams",
      order: ({ orderBy }) => orderOf(orderBy, "g"),
      parents: (communityIds) =>
        communitiesOf(this.viewer.identityId, communityIds),
      parentId: "g.community_id",
      rows: (args, page) => {
        const { identityId } = this.viewer;
        const expression = parseSearch(args.search ?? "");
        const condition = conditionOf(args, expression);
        const selected = shownOf(shown, {
          isNamed: page !== undefined && isByName(args),
          viewer: identityId,
        });
        const select = selectBy(selected);
        if (!page || !isByName(args))
          return where(
            select(this.db, "stream.readable_here(?)", [identityId]),
            condition,
          );
        const found = foundInCommunity(
          {
            viewer: identityId,
            direction: directionOf(isRanked(args) ? toRank("g") : page),
            condition,
            isNarrowed: isNarrowed(args),
            isSearch: expression !== null,
            isFirst: isRanked(args) || page.from === null,
          },
          this.plans.get(args.search ?? "") ?? noPlan,
        );
        if (!isRanked(args)) {
          const { columns, joined } = selected;
          const pages = found.map((list) => sql`(${pageOf(page, list)})`);
          return {
            columns,
            from: sql`(${join(pages, " union ")}) g ${plain(joined)}`,
            where: plain("true"),
          };
        }
        const toBeRanked = found.map((list) =>
          stretchOf(this.db, toRank("g"), list),
        );
        return select(this.db, "?", [
          page.select(
            ranked(
              this.db,
              toRank("g").select(
                withRank(selectGate, expression, "g.name")(
                  this.db,
                  `(${toBeRanked.map(() => "?").join(" union ")})`,
                  toBeRanked,
                ),
              ),
            ),
          ),
        ]);
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
          const known = this.plans.get(search);
          this.plans.set(
            search,
            known
              ? {
                  own: eitherOf(known.own, plan.own),
                  shared: eitherOf(known.shared, plan.shared),
                }
              : plan,
          );
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
        sql`select parent.key, listed.count
            from ${communitiesOf(this.viewer.identityId, communityIds)}
            cross join lateral (select count(*) from stream.readable_here(${this.viewer.identityId}) g
                                where g.community_id = parent.id) as listed`,
      );
      return inKeyOrder(communityIds, rows, (row) => row.key).map(
        (row) => row?.count ?? null,
      );
    },
    { cache: false },
  );
}
