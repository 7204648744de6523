import DataLoader from "dataloader";
import type { Knex } from "./database.ts";
import { groupInKeyOrder, inKeyOrder } from "./loaders.ts";
import { Page, type Connection, type Order, type PageArgs } from "./page.ts";

/** A list that each of many parents has, such as the memberships of communities. */
export interface NestedListSettings<Args extends PageArgs> {
  /** What the cursors are bound to, besides parent and arguments. */
  readonly name: string;
  readonly order: Order;
  /** The SQL expression by which a row names its parent. */
  readonly parentId: string;
  /** The rows of every parent, as the viewer sees them. */
  readonly rows: (args: Args) => Knex.QueryBuilder;
}

/** Pages of such a list: one statement, however many parents ask in one tick with the same arguments. */
export class NestedList<Row, Args extends PageArgs = PageArgs> {
  private readonly loaders = new Map<
    string,
    DataLoader<number, Connection<Row>>
  >();

  constructor(
    private readonly db: Knex,
    private readonly settings: NestedListSettings<Args>,
  ) {}

  page(parentId: number, args: Args): Promise<Connection<Row>> {
    const key = JSON.stringify(args);
    const loader = this.loaders.get(key) ?? this.loader(args);
    this.loaders.set(key, loader);
    return loader.load(parentId);
  }

  private loader(args: Args): DataLoader<number, Connection<Row>> {
    const counts = new DataLoader(
      (parentIds: readonly number[]) => this.counts(parentIds, args),
      { cache: false },
    );
    return new DataLoader(
      async (parentIds) => {
        const pages = parentIds.map((parentId) => this.pageOf(parentId, args));
        const some = pages.find((page) => page instanceof Page);
        const rows = some ? await this.rows(parentIds, some, args) : [];
        return pages.map((page, i) => {
          if (page instanceof Error) return page;
          const connection = page.connection(rows[i] ?? [], () =>
            counts.load(parentIds[i] as number),
          );
          return connection as unknown as Connection<Row>;
        });
      },
      // Nothing is remembered: a mutation may change what the request's next field reads.
      { cache: false },
    );
  }

  /** A cursor belongs to the list of one parent; the others refuse it. */
  private pageOf(parentId: number, args: Args): Page | Error {
    const { name, order } = this.settings;
    const { first, after, last, before, ...selection } = args;
    try {
      return new Page(
        {
          first: first ?? null,
          after: after ?? null,
          last: last ?? null,
          before: before ?? null,
        },
        [name, parentId, selection],
        order,
      );
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private async rows(parentIds: readonly number[], page: Page, args: Args) {
    // A lateral join keeps the order of each parent's rows.
    const rows = await this.perParent<{
      parentId: number;
      position: string[];
    }>(parentIds, page.select(this.rowsOfParent(args)));
    return groupInKeyOrder(parentIds, rows, (row) => row.parentId);
  }

  private async counts(parentIds: readonly number[], args: Args) {
    const rows = await this.perParent<{ parentId: number; count: number }>(
      parentIds,
      this.db.count("* as count").from(this.rowsOfParent(args).as("listed")),
    );
    return inKeyOrder(parentIds, rows, (row) => row.parentId).map(
      (row) => row?.count ?? 0,
    );
  }

  private rowsOfParent(args: Args): Knex.QueryBuilder {
    return this.settings
      .rows(args)
      .whereRaw(`${this.settings.parentId} = parent.id`);
  }

  private async perParent<T>(
    parentIds: readonly number[],
    rows: Knex.QueryBuilder,
  ): Promise<T[]> {
    const parents = [...new Set(parentIds)];
    return (await this.db
      .select("listed.*", "parent.id as parentId")
      .from(
        this.db.raw(
          "unnest(?::int[]) as parent(id) cross join lateral ? as listed",
          [parents, rows],
        ),
      )) as T[];
  }
}
