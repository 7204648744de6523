import DataLoader from "dataloader";
import { prepared, rawOf, type Knex } from "./database.ts";
import { inKeyOrder } from "./loaders.ts";
import { Page, type Connection, type Order, type PageArgs } from "./page.ts";
import { plain, Sql, sql, type Rows } from "./sql.ts";

/** A list that each of many parents has, such as the memberships of communities. */
export interface NestedListSettings<Args extends PageArgs, Key> {
  /** What the cursors are bound to, besides parent and arguments. */
  readonly name: string;
  readonly order: Order | ((args: Args) => Order);
  /** The SQL expression by which a row names its parent. */
  readonly parentId: string;
  /**
   * The rows of every parent, as the viewer sees them. Of a nested order `page` is told when a page of them is wanted
   * and not their number: it limits the inner tables as it does the whole. Of a hot list they are written as SQL.
   */
  readonly rows: (args: Args, page?: Page) => Knex.QueryBuilder | Rows;
  /**
   * Those of the parents with these keys that the viewer may list, as a table `parent` of `id`, by which rows name
   * them, and `key`. By default the keys are the ids, and all may be listed.
   */
  readonly parents?: (keys: readonly Key[]) => Sql;
  /** Whether the statement is prepared by name: for a hot list whose statement's text varies with no value. */
  readonly isPrepared?: boolean | ((args: Args) => boolean);
}

/** Pages of such a list: one statement, however many parents ask in one tick with the same arguments. */
export class NestedList<
  Row,
  Args extends PageArgs = PageArgs,
  Key extends number | string = number,
> {
  private readonly loaders = new Map<
    string,
    DataLoader<Key, Connection<Row> | null>
  >();

  constructor(
    private readonly db: Knex,
    private readonly settings: NestedListSettings<Args, Key>,
  ) {}

  /** Null for a parent whose list the viewer may not see. */
  find(parent: Key, args: Args): Promise<Connection<Row> | null> {
    const key = JSON.stringify(args);
    const loader = this.loaders.get(key) ?? this.loader(args);
    this.loaders.set(key, loader);
    return loader.load(parent);
  }

  /** Like `find`, for a parent that the viewer was handed and whose list it therefore sees. */
  async page(parent: Key, args: Args): Promise<Connection<Row>> {
    const page = await this.find(parent, args);
    if (page === null)
      throw new Error(`${this.settings.name}: no parent ${parent}.`);
    return page;
  }

  private loader(args: Args): DataLoader<Key, Connection<Row> | null> {
    const counts = new DataLoader(
      (parents: readonly Key[]) => this.counts(parents, args),
      { cache: false },
    );
    return new DataLoader(
      async (parents) => {
        const pages = parents.map((parent) => this.pageOf(parent, args));
        const some = pages.find((page) => page instanceof Page);
        const rows = some
          ? await this.rows(parents, some, args)
          : new Map<Key, { position: string[] }[]>();
        return pages.map((page, i) => {
          if (page instanceof Error) return page;
          const parent = parents[i] as Key;
          const listed = rows.get(parent);
          if (listed === undefined) return null;
          const connection = page.connection(listed, () => counts.load(parent));
          return connection as unknown as Connection<Row>;
        });
      },
      // Nothing is remembered: a mutation may change what the request's next field reads.
      { cache: false },
    );
  }

  /** A cursor belongs to the list of one parent; the others refuse it. */
  private pageOf(parent: Key, args: Args): Page | Error {
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
        [name, parent, selection],
        typeof order === "function" ? order(args) : order,
      );
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  private async rows(parents: readonly Key[], page: Page, args: Args) {
    // A lateral join keeps the order of each parent's rows; a parent without any has one of nulls.
    const rows = await this.perParent<{ position: string[] | null }>(
      parents,
      this.ofParent(
        this.settings.rows(args, page),
        (query) => page.select(query),
        (rows) => page.selectFrom(rows),
      ),
      args,
    );
    const byParent = new Map<Key, { position: string[] }[]>();
    for (const row of rows) {
      const listed = byParent.get(row.parentKey) ?? [];
      byParent.set(row.parentKey, listed);
      if (isListed(row)) listed.push(row);
    }
    return byParent;
  }

  private async counts(parents: readonly Key[], args: Args) {
    const rows = await this.perParent<{ count: number }>(
      parents,
      this.ofParent(
        this.settings.rows(args),
        (query) => this.db.count("* as count").from(query.as("listed")),
        ({ from, where }) =>
          sql`select count(*) as count from ${from} where ${where}`,
      ),
      args,
    );
    return inKeyOrder(parents, rows, (row) => row.parentKey).map(
      (row) => row?.count ?? 0,
    );
  }

  private ofParent(
    rows: Knex.QueryBuilder | Rows,
    byKnex: (query: Knex.QueryBuilder) => Knex.QueryBuilder,
    asSql: (rows: Rows) => Sql,
  ): Knex.QueryBuilder | Sql {
    const isOfParent = `${this.settings.parentId} = parent.id`;
    return isRows(rows)
      ? asSql({ ...rows, where: sql`${rows.where} and ${plain(isOfParent)}` })
      : byKnex(rows.whereRaw(isOfParent));
  }

  private async perParent<T>(
    keys: readonly Key[],
    rows: Knex.QueryBuilder | Sql,
    args: Args,
  ): Promise<(T & { parentKey: Key })[]> {
    const distinct = [...new Set(keys)];
    const parents =
      this.settings.parents?.(distinct) ??
      sql`(select id, id as key from unnest(${distinct}::int[]) as id) as parent`;
    const query =
      rows instanceof Sql
        ? sql`select listed.*, parent.key as "parentKey" from ${parents} left join lateral (${rows}) as listed on true`
        : this.db
            .select("listed.*", "parent.key as parentKey")
            .from(
              this.db.raw("? left join lateral ? as listed on true", [
                rawOf(this.db, parents),
                rows,
              ]),
            );
    const { isPrepared } = this.settings;
    if (typeof isPrepared === "function" ? isPrepared(args) : isPrepared)
      return prepared(this.db, query);
    if (!(query instanceof Sql))
      return (await query) as (T & { parentKey: Key })[];
    const { rows: found } = await rawOf(this.db, query);
    return found as (T & { parentKey: Key })[];
  }
}

const isRows = (rows: Knex.QueryBuilder | Rows): rows is Rows =>
  "columns" in rows && rows.columns instanceof Sql;

const isListed = <Row extends { position: string[] | null }>(
  row: Row,
): row is Row & { position: string[] } => row.position !== null;
