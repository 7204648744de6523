import { PackedJson } from "../../../common/packed.ts";
import { sql, type Sql } from "../../../common/sql.ts";
import type { ValueKind } from "./asked.ts";
import type { PackedCells } from "./cells.ts";

/** How a column of rows leaves PostgreSQL. */
export interface Packing<Packed> {
  /** The values of rows in their order; if there is a size, of no more rows than that. */
  pack(kind: ValueKind, value: Sql, size?: Sql): Sql;
  of(packed: string | Buffer): Packed;
}

/** For answers, which nothing parses on their way out. */
export const asJson: Packing<PackedJson> = {
  pack: (_, value, size) =>
    size
      ? sql`coalesce(array_to_json((array_agg(${value}))[1:${size}])::text, '[]')`
      : sql`coalesce(array_to_json(array_agg(${value}))::text, '[]')`,
  of: (packed) => new PackedJson(String(packed)),
};

/** For files, which are made of numbers: `cellsIn` reads it. What is null is NaN, or a time without end. */
export const asCells: Packing<PackedCells> = {
  pack(kind, value, size) {
    switch (kind) {
      case "TEXT":
      case "ENUM":
        return asJson.pack(kind, value, size);
      case "TIMESTAMP":
        return eights(
          sql`timestamptz_send(coalesce(${value}, 'infinity'))`,
          size,
        );
      case "BOOLEAN":
        return eights(
          sql`float8send(coalesce((${value})::int::float8, 'NaN'))`,
          size,
        );
      case "INTEGER":
      case "FLOAT":
        return eights(
          sql`float8send(coalesce((${value})::float8, 'NaN'))`,
          size,
        );
    }
  },
  of: (packed) => packed,
};

/** One after the other, eight bytes each. */
function eights(bytes: Sql, size: Sql | undefined): Sql {
  const all = sql`coalesce(string_agg(${bytes}, ''::bytea), ''::bytea)`;
  return size ? sql`substring(${all} for 8 * ${size})` : all;
}
