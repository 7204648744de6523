import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  parse as parseOperation,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type GraphQLSchema,
} from "graphql";
import type { Knex } from "../../common/database.ts";
import type { Subgraph } from "../../common/schema.ts";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "./database.ts";
import { nobodys, rows } from "./rules.ts";
import { outcome, run, type Answer } from "./run.ts";

const meaning: Readonly<Record<string, string>> = {
  ok: "ok",
  "-": "ok, and null",
  F: "FORBIDDEN",
  N: "NOT_FOUND",
  C: "CONFLICT",
  U: "UNAUTHENTICATED",
};

/** Who tries what, in which world, and with what outcome. */
export interface Matrix<
  Caller extends string,
  World extends { readonly viewers: Readonly<Record<Caller, Viewer>> },
> {
  readonly subgraph: {
    readonly name: "tenant" | "community" | "stream";
    readonly schema: GraphQLSchema;
    readonly createContext: (db: Knex) => Subgraph["createContext"];
  };
  readonly callers: readonly Caller[];
  readonly seed: (database: TestDatabase) => Promise<World>;
  /** What is tried, by the name of its column. */
  readonly operations: Readonly<
    Record<string, (world: World, caller: Caller) => string>
  >;
  /**
   * The operations across, their rows of DOMAIN.md in the second line, then a line a caller. Columns write "_" for " ";
   * a dash is an answer without an error, in which the field that is asked for is null.
   */
  readonly table: string;
  /** A mutation that succeeds and yet finds nothing to change, nor to record. */
  readonly isIdle?: (operation: string, caller: Caller) => boolean;
}

/** Tries every operation as every caller, and shows that a refusal writes nothing. */
export function testMatrix<
  Caller extends string,
  World extends { readonly viewers: Readonly<Record<Caller, Viewer>> },
>({
  subgraph,
  callers,
  seed,
  operations,
  table,
  isIdle = () => false,
}: Matrix<Caller, World>): void {
  let database: TestDatabase;
  let world: World;
  beforeAll(async () => {
    database = await TestDatabase.create();
    world = await seed(database);
  });
  afterAll(() => database.drop());

  const { columns, rowsOf, lines } = parse(table, callers);

  test("the table names every caller and every operation", () => {
    expect([...lines.keys()]).toEqual([...callers]);
    expect([...columns].sort()).toEqual(Object.keys(operations).sort());
    for (const cells of lines.values())
      expect(cells).toHaveLength(columns.length);
  });

  test.each(columns)("%s is an operation of the rows above it", (column) => {
    const said = descriptionsOf(
      subgraph.schema,
      operations[column]?.(world, callers[0] as Caller) ?? "",
    );
    for (const row of rowsOf(column)) {
      expect(rows).toContain(row);
      if (row !== nobodys) expect(said).toMatch(new RegExp(`\\b${row}\\b`));
    }
  });

  describe.each(columns)("%s", (column) => {
    test.each(callers)(`${column} by %s`, async (caller) => {
      const operation = operations[column]?.(world, caller) ?? "";
      const { answer, written } = await tryOut(
        database,
        subgraph,
        world.viewers[caller],
        operation,
      );
      expect(outcomeInTable(answer)).toBe(
        lines.get(caller)?.[columns.indexOf(column)],
      );
      if (outcome(answer) === "ok" && operation.startsWith("mutation"))
        expect(written.includes("ledger.entries")).toBe(
          !isIdle(column, caller),
        );
      else expect(written).toEqual([]);
    });
  });
}

function parse<Caller extends string>(
  table: string,
  callers: readonly Caller[],
) {
  const [header = "", second = "", ...rest] = table.trim().split("\n");
  const columns = header
    .trim()
    .split(/\s+/)
    .map((name) => name.replaceAll("_", " "));
  const named = second.trim().split(/\s+/);
  const rowsOf = (column: string) =>
    (named[columns.indexOf(column)] ?? "").split(",");
  const lines = new Map(
    rest.map((row) => {
      const caller = callers.find((name) =>
        row.startsWith(`${name} `),
      ) as Caller;
      const cells = row.slice(caller.length).trim().split(/\s+/);
      return [caller, cells.map((cell) => meaning[cell])] as const;
    }),
  );
  return { columns, rowsOf, lines };
}

/** What the graph says of all fields that an operation asks for. */
function descriptionsOf(schema: GraphQLSchema, operation: string): string {
  const said: string[] = [];
  const types = new TypeInfo(schema);
  visit(
    parseOperation(operation),
    visitWithTypeInfo(types, {
      Field: () => {
        said.push(types.getFieldDef()?.description ?? "");
      },
    }),
  );
  return said.join(" ");
}

/** Null is the answer, too, where what was asked for stands in something else. */
function outcomeInTable(answer: Answer): string {
  const code = outcome(answer);
  let value: unknown = answer.data;
  while (typeof value === "object" && value !== null)
    value = Object.values(value)[0];
  return code === "ok" && value === null ? "ok, and null" : code;
}

/** Executes an operation in a transaction that is rolled back, so that one world serves all; names the tables it wrote. */
async function tryOut(
  database: TestDatabase,
  { name, schema, createContext }: Matrix<never, never>["subgraph"],
  viewer: Viewer,
  operation: string,
) {
  const transaction = await database.as(name).transaction();
  try {
    const before = await writes(transaction);
    const answer = await run(
      { name, schema, createContext: createContext(transaction) },
      viewer,
      operation,
    );
    const after = await writes(transaction);
    const written = [...after.keys()].filter(
      (table) => after.get(table) !== before.get(table),
    );
    return { answer, written };
  } finally {
    await transaction.rollback();
  }
}

/** How many rows this connection wrote lately, by table. */
async function writes(transaction: Knex): Promise<Map<string, number>> {
  const { rows } = await transaction.raw<{
    rows: { name: string; count: number }[];
  }>(
    `select relid::regclass::text as name, n_tup_ins + n_tup_upd + n_tup_del as count
     from pg_stat_xact_user_tables where n_tup_ins + n_tup_upd + n_tup_del > 0`,
  );
  return new Map(rows.map(({ name, count }) => [name, count]));
}
