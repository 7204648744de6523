import type { Knex } from "../../../../common/database.ts";
import type { Order, Page, PageArgs } from "../../../../common/page.ts";
import type { StreamOrder } from "../../generated.ts";
import type { Direction } from "./by-name-store.ts";

interface Ordered {
  orderBy?: StreamOrder | null;
}

/** Names and ids are those of `g` where the gate's table has them in the order of an index. */
export function orderOf(
  orderBy: StreamOrder | null | undefined,
  named: "s" | "g",
): Order {
  const { field, direction } = orderBy ?? { field: "NAME", direction: "ASC" };
  const descending = direction === "DESC";
  const id = { sql: "s.uuid", type: "uuid" } as const;
  switch (field) {
    case "RELEVANCE":
      return {
        by: [
          { sql: "g.rank", type: "int" },
          { sql: "g.name", type: "text" },
          { sql: named === "g" ? "g.uuid" : "g.id", type: "uuid" },
        ],
        descending,
      };
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

export const isRanked = ({ orderBy }: Ordered): boolean =>
  orderBy?.field === "RELEVANCE";

/** In its own order, or before it is ranked. */
export const isByName = (args: Ordered): boolean =>
  isRanked(args) || (args.orderBy?.field ?? "NAME") === "NAME";

/** A stretch of a list by name. */
export interface Stretch extends Pick<Page, "isDescending" | "size"> {
  select(query: Knex.QueryBuilder): Knex.QueryBuilder;
}

const maxRanked = 10_000;

/** What is ranked: the first streams by name. */
export const toRank = (named: "s" | "g"): Stretch => ({
  isDescending: false,
  size: maxRanked - 1,
  select: (query) =>
    query.orderByRaw(`${named}.name, ${named}.uuid`).limit(maxRanked),
});

export const directionOf = ({ isDescending }: Stretch): Direction =>
  isDescending ? "desc" : "asc";

/** How a name of a stretch compares with the last one that is still in it. */
export const withinOf = ({ isDescending }: Stretch): string =>
  isDescending ? ">=" : "<=";

/** A stretch of what is named `g`, and no further than a stream. */
export const upTo = (
  stretch: Stretch,
  { name, id }: { name: string; id: string },
): Stretch => ({
  isDescending: stretch.isDescending,
  size: stretch.size,
  select: (query) =>
    stretch.select(
      query.whereRaw(
        `(g.name, g.uuid) ${withinOf(stretch)} (?::text, ?::uuid)`,
        [name, id],
      ),
    ),
});

/** Whether a list is in its usual order; each other one is another statement, too many to prepare them all. */
export const isUsual = ({ orderBy, last }: Ordered & PageArgs): boolean =>
  last == null &&
  (orderBy == null ||
    (orderBy.field === "NAME" && orderBy.direction === "ASC"));
