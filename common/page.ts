import { crc32 } from "node:zlib";
import type { Knex } from "knex";
import { parseDateTime } from "./date-time.ts";
import { badInput, limitExceeded } from "./errors.ts";
import { join, plain, Sql, sql, type Rows } from "./sql.ts";

export interface PageArgs {
  first?: number | null;
  after?: string | null;
  last?: number | null;
  before?: string | null;
}

export interface Connection<Node> {
  readonly edges: readonly { cursor: string; node: Node }[];
  readonly nodes: readonly Node[];
  readonly pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
  /** A function, so that it costs nothing unless it is asked for. */
  readonly totalCount: () => Promise<number>;
}

/** What a list is ordered by: SQL expressions whose values together are unique, all in one direction. */
export interface Order {
  readonly by: readonly {
    sql: string;
    type: "text" | "uuid" | "timestamptz" | "int" | "bigint";
    /** What cursors hold instead of a number that counts what others do. */
    heldAs?: {
      /** An id of the row's own. */
      sql: string;
      /** The number of the row with this id, which is bound. */
      place: string;
    };
  }[];
  readonly descending?: boolean;
  /**
   * Whether the expressions come from several tables, the outermost first: then each beginning of the position narrows
   * its own table, and what comes before the page is not even joined.
   */
  readonly isNested?: boolean;
}

export const maxPageSize = 1000;
export const defaultPageSize = 50;

export function assertPageSize(size: number, at: string): void {
  if (size > maxPageSize)
    throw limitExceeded(
      "rows a page",
      maxPageSize,
      size,
      "Go on with the cursor.",
      at,
    );
}

/**
 * One page of a list in keyset order. `list` names the list with all that selects and orders it: a cursor
 * is bound to it and is refused elsewhere. A cursor holds a position, never a permission.
 */
export class Page {
  readonly size: number;
  readonly backwards: boolean;
  /** The position that the page comes after, or before if it is backwards; null for the first of all. */
  readonly from: readonly string[] | null;
  private readonly fingerprint: number;

  constructor(
    args: PageArgs,
    list: readonly unknown[],
    private readonly order: Order,
  ) {
    const { first, after, last, before } = args;
    if (first != null && last != null)
      throw badInput("Give first or last, not both.", "last");
    if ((last != null && after != null) || (last == null && before != null))
      throw badInput(
        "Use first with after, or last with before.",
        last != null ? "after" : "before",
      );
    this.backwards = last != null;
    this.size = last ?? first ?? defaultPageSize;
    if (this.size < 0)
      throw badInput(
        "A page has no negative size.",
        this.backwards ? "last" : "first",
      );
    assertPageSize(this.size, this.backwards ? "last" : "first");
    this.fingerprint = crc32(JSON.stringify(list));
    const cursor = this.backwards ? before : after;
    this.from = cursor == null ? null : this.positionIn(cursor);
  }

  /** How the query of the page is ordered; that of one which goes backwards is the reverse of the list's. */
  get isDescending(): boolean {
    return (this.order.descending ?? false) !== this.backwards;
  }

  /** Adds position, order and limit to a query, and the row's own position as the column `position`. */
  select<Q extends Knex.QueryBuilder>(query: Q): Q {
    for (const { text, bindings } of this.bounds())
      query.whereRaw(text, bindings as Knex.RawBinding[]);
    query
      .select(query.client.raw(this.position))
      .orderByRaw(this.ordered)
      .limit(this.size + 1);
    return query;
  }

  /** The same as SQL. */
  selectFrom({ columns, from, where }: Rows, limit = this.limit): Sql {
    return sql`select ${columns}, ${plain(this.position)} from ${from}
      where ${join([where, ...this.bounds()], " and ")} order by ${plain(this.ordered)} limit ${limit}`;
  }

  /** One more than are shown, which tells whether there are more. */
  get limit(): Sql {
    return sql`${this.size + 1}`;
  }

  private get position(): string {
    const texts = this.order.by
      .map(({ sql, heldAs }) => `(${heldAs?.sql ?? sql})::text`)
      .join(", ");
    return `array[${texts}] as position`;
  }

  private get ordered(): string {
    const direction = this.isDescending ? "desc" : "asc";
    return this.order.by.map(({ sql }) => `${sql} ${direction}`).join(", ");
  }

  private bounds(): Sql[] {
    const beyond = this.isDescending ? "<" : ">";
    const { by, isNested } = this.order;
    const outer = isNested
      ? by.slice(1).map((_, i) => this.bound(i + 1, `${beyond}=`))
      : [];
    return [...outer, this.bound(by.length, beyond)].flatMap(
      (bound) => bound ?? [],
    );
  }

  /** Compares the first expressions of the order with where the page starts. */
  private bound(length: number, operator: string): Sql | null {
    if (this.from === null) return null;
    const by = this.order.by.slice(0, length);
    const columns = by.map(({ sql }) => sql).join(", ");
    const values = by
      .map(({ type, heldAs }) => heldAs?.place ?? `?::${type}`)
      .join(", ");
    return new Sql(
      `(${columns}) ${operator} (${values})`,
      this.from.slice(0, length),
    );
  }

  /** The rows that `select` brought, as a connection. */
  connection<Row extends { position: readonly string[] }>(
    rows: readonly Row[],
    totalCount: () => Promise<number>,
  ): Connection<Row> {
    const more = rows.length > this.size;
    const nodes = rows.slice(0, this.size);
    if (this.backwards) nodes.reverse();
    const cursorOf = ({ position }: Row) => this.cursor(position);
    const [start, end] = [nodes[0], nodes.at(-1)];
    // A cursor takes longer to make than all else of a node, and few are asked for.
    return {
      get edges() {
        return nodes.map((node) => ({ cursor: cursorOf(node), node }));
      },
      nodes,
      pageInfo: {
        hasNextPage: this.backwards ? this.from !== null : more,
        hasPreviousPage: this.backwards ? more : this.from !== null,
        get startCursor() {
          return start ? cursorOf(start) : null;
        },
        get endCursor() {
          return end ? cursorOf(end) : null;
        },
      },
      totalCount,
    };
  }

  /** A checksum of list and position, so that a cursor that was altered or belongs elsewhere is told; then the position. */
  private cursor(position: readonly string[]): string {
    const checksum = crc32(JSON.stringify(position), this.fingerprint);
    return Buffer.from(
      JSON.stringify([checksum.toString(36), ...position]),
    ).toString("base64url");
  }

  private positionIn(cursor: string): readonly string[] {
    const [, ...position] = decode(cursor);
    const fits =
      cursor === this.cursor(position) &&
      position.length === this.order.by.length &&
      this.order.by.every(({ type, heldAs }, i) =>
        isOf[heldAs ? "uuid" : type](position[i] ?? ""),
      );
    if (!fits)
      throw badInput(
        "This cursor belongs to another list. Take a cursor of this list, with the same arguments, or start without one.",
        this.backwards ? "before" : "after",
      );
    return position;
  }
}

function decode(cursor: string): string[] {
  try {
    const parsed: unknown = JSON.parse(
      Buffer.from(cursor, "base64url").toString(),
    );
    if (
      Array.isArray(parsed) &&
      parsed.every((part) => typeof part === "string")
    )
      return parsed;
  } catch {
    // Not JSON: no cursor of ours.
  }
  return [];
}

export const isUuid = (text: string) =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(text);

// A forged position must end in the error above, not in one of PostgreSQL's.
const isOf = {
  text: (text: string) => !text.includes("\0"),
  uuid: isUuid,
  timestamptz: (text: string) =>
    text.endsWith("+00") &&
    parseDateTime(`${text}:00`.replace(" ", "T")) !== null,
  int: (text: string) => /^-?\d{1,9}$/.test(text),
  bigint: (text: string) => /^-?\d{1,18}$/.test(text),
};
