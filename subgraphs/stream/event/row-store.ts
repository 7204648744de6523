import DataLoader from "dataloader";
import {
  isOutOfRange,
  isTimeout,
  raisedAs,
  statementOf,
  type Knex,
} from "../../../common/database.ts";
import { limitExceeded, notFound } from "../../../common/errors.ts";
import type { PackedJson } from "../../../common/packed.ts";
import type { Sql } from "../../../common/sql.ts";
import type { OwnTurns } from "../../../common/turns.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";
import type { NoteRead, NotedRead, Way } from "../usage/recorder-store.ts";
import {
  firstRefusal,
  refusalAt,
  type Admissions,
  type GateStore,
} from "./gate-store.ts";
import {
  longestMilliseconds,
  tooManyPoints,
  type ReadLimits,
} from "./limits.ts";
import { asJson, type Packing } from "./packing-store.ts";
import { joinedReadOf, readOf } from "./read-store.ts";
import {
  assertReadable,
  outOfRange,
  tookTooLong,
  unreadable,
} from "./refusals.ts";
import type { ValueBudget } from "./value-budget.ts";

/** Rows of one stream as columns, which PostgreSQL packs; null is what was not asked for. */
export interface Rows<Packed = PackedJson> {
  /** Of a page one more than it has, if another follows. */
  readonly count: number;
  readonly timestamps: Packed | null;
  /** The page's last one. */
  readonly end: string | null;
  /** In the order in which the read names them. */
  readonly columns: readonly Packed[];
}

/** What to read of a stream, and how many rows it can answer at most. */
export interface Read<Packed = unknown> {
  readonly streamId: string;
  readonly packing: Packing<Packed>;
  readonly sql: Sql;
  readonly maxRows: number;
  /** Of these, how many are computed whatever it finds. */
  readonly computedRows: number;
  /** Of the answer, the times' among them. */
  readonly columns: number;
  /** Whether there are few texts like this one: it is prepared then. */
  readonly isUsual: boolean;
  /** What is noted of it. */
  readonly noted: Omit<NotedRead, "points">;
  /** Whether another one follows that hands out what this one chooses: then this one is noted only if it fails. */
  readonly isChoosing?: boolean;
  readonly limits: ReadLimits;
}

type Column = string | Buffer;
/** Count, timestamps, the last one of them, and the columns. */
type RowsColumns = [number, Column | null, string | null, ...Column[]];
/** With the stream's place and rights, and the way to it. */
type RowsRow = [number, number, Way | null, ...RowsColumns];
/** With these by place. */
type JoinedRow = [
  Record<number, { rights: number; way: Way | null }> | null,
  ...RowsColumns,
];

const maxTables = 500;

/** Rows of streams as columns, as far as one viewer may read them in one request. */
export class RowStore {
  private tables = 0;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
    private readonly noteRead: NoteRead,
    private readonly turns: OwnTurns,
    private readonly gate: GateStore,
    private readonly budget: ValueBudget,
  ) {}

  /** To be called for each table before the first is read: a request beyond the limit then has none of them read. */
  announceTable(): void {
    this.tables += 1;
  }

  /** Rows of a stream; what one answer asks of many streams in the same way is one statement. */
  async read<Packed>(read: Read<Packed>): Promise<Rows<Packed>> {
    if (this.tables > maxTables)
      throw limitExceeded(
        "tables of events a request",
        maxTables,
        this.tables,
        "Ask for fewer streams a page, or in several requests.",
      );
    this.budget.count(read.computedRows * read.columns);
    return rowsOf(await this.reads.load(read), read.packing);
  }

  /** Rows of several streams together; the first that is not readable is refused with its place in `ids`. */
  async joined(
    streamIds: readonly string[],
    read: Sql,
    { maxRows, ...noted }: Omit<NotedRead, "points"> & { maxRows: number },
    { milliseconds }: ReadLimits,
  ): Promise<Rows> {
    const { text, bindings } = joinedReadOf(
      this.viewer.identityId,
      streamIds,
      read,
    );
    const joining = async (db: Knex) => {
      const { rows } = await db
        .raw<{ rows: JoinedRow[] }>(text, bindings as Knex.RawBinding[])
        .options({ rowMode: "array" });
      return rows;
    };
    const [[row], admissions] = await this.turns
      .run(() =>
        this.gate.run(streamIds, () => this.within(milliseconds, joining)),
      )
      .catch(async (error: unknown) => {
        const admissions = await this.noteFailed(
          streamIds.map((streamId) => ({ streamId, noted })),
        );
        throw firstRefusal(streamIds, admissions) ?? refusalOf(error) ?? error;
      });
    const [gated, ...rest] = row as JoinedRow;
    const ways = streamIds.map((_, i) => {
      const stream = gated?.[i + 1];
      if (stream === undefined) throw notFound(`ids.${i}`);
      assertReadable(stream.rights, `ids.${i}`);
      return stream.way;
    });
    const rows = rowsOf(rest, asJson);
    const refusal = firstRefusal(streamIds, admissions);
    const points = refusal ? 0 : Math.min(rows.count, maxRows);
    for (const way of ways) this.noteRead(way, { ...noted, points });
    if (refusal) throw refusal;
    return rows;
  }

  private readonly reads = new DataLoader(
    async (reads: readonly Read[]) => {
      const rows = new Map<Read, RowsColumns | Error>();
      await Promise.all(
        statementsOf(reads).map(async (together) => {
          for (const [read, found] of await this.readTogether(together))
            rows.set(read, found);
        }),
      );
      return reads.map((read) => rows.get(read) ?? notFound());
    },
    { cache: false },
  );

  /** Of several streams, only those whose own events are in the way are refused. */
  private async readTogether(
    reads: Together,
  ): Promise<[Read, RowsColumns | Error][]> {
    const [{ limits }] = reads;
    try {
      const answer = await this.turns.run(
        async () =>
          // Asked when it is its turn: what was read before counts.
          this.budget.refusal(limits) ??
          this.gate.run(
            reads.map(({ streamId }) => streamId),
            () => this.ask(reads),
          ),
      );
      if (answer instanceof Error) return reads.map((read) => [read, answer]);
      const [found, admissions] = answer;
      return reads.map((read, i) => [
        read,
        this.handOut(read, found.get(i + 1), refusalAt(i + 1, admissions)),
      ]);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal && reads.length > 1) {
        const each = reads.map((read) => this.readTogether([read]));
        return (await Promise.all(each)).flat();
      }
      const admissions = await this.noteFailed(reads);
      if (!refusal) throw error;
      return [[reads[0], refusalAt(1, admissions) ?? refusal]];
    }
  }

  /** A fault can tell of values as an answer does: what the gate lets in is noted, as no points. */
  private async noteFailed(
    reads: readonly Pick<Read, "streamId" | "noted">[],
  ): Promise<Admissions | null> {
    const streamIds = reads.map(({ streamId }) => streamId);
    try {
      const admissions = await this.turns.run(() => this.gate.ask(streamIds));
      for (const [i, { noted }] of reads.entries()) {
        const way = admissions.get(i + 1)?.way ?? null;
        if (refusalAt(i + 1, admissions) === null)
          this.noteRead(way, { ...noted, points: 0 });
      }
      return admissions;
    } catch {
      // What the database cannot tell now it has not told before; the first fault is the one to tell.
      return null;
    }
  }

  /** What was found for somebody who is refused by now is noted, as no points. */
  private handOut(
    { noted, isChoosing, maxRows, computedRows, columns: width, limits }: Read,
    row: RowsRow | undefined,
    refused: Error | null,
  ) {
    if (!row) return notFound();
    const [, rights, way, ...columns] = row;
    if (!includes(rights, "READ")) return unreadable();
    const rows = Math.min(columns[0], maxRows);
    this.budget.count(Math.max(rows - computedRows, 0) * width);
    const refusal = refused ?? this.budget.refusal(limits);
    const points = refusal ? 0 : rows;
    if (refusal || !isChoosing) this.noteRead(way, { ...noted, points });
    return refusal ?? columns;
  }

  /** Only who is given less time than every statement has pays for a transaction that says so. */
  private async within<T>(
    maxMilliseconds: number,
    work: (db: Knex) => Promise<T>,
  ): Promise<T> {
    if (maxMilliseconds >= longestMilliseconds) return work(this.db);
    try {
      return await this.db.transaction(async (transaction) => {
        await transaction.raw(
          "select set_config('statement_timeout', ?::text, true)",
          [maxMilliseconds],
        );
        return work(transaction);
      });
    } catch (error) {
      throw isTimeout(error) ? tookTooLong(maxMilliseconds) : error;
    }
  }

  /** By place. */
  private async ask(reads: Together): Promise<Map<number, RowsRow>> {
    const [{ sql, isUsual, limits }] = reads;
    const { text, bindings } = readOf(
      this.viewer.identityId,
      reads.map(({ streamId }) => streamId),
      sql,
    );
    const rows = await this.within(limits.milliseconds, async (db) => {
      const answer = await db
        .raw<{ rows: RowsRow[] }>(text, bindings as Knex.RawBinding[])
        .options({
          rowMode: "array",
          ...(isUsual && { name: statementOf(db, text).name }),
        });
      return answer.rows;
    });
    return new Map(rows.map((row) => [row[0], row]));
  }
}

/** What is wrong with a read because of the events that it met; null of any other fault. */
function refusalOf(error: unknown): Error | null {
  const maxPoints = raisedAs("TP001", error);
  if (maxPoints !== null)
    return tooManyPoints(Number(maxPoints) + 1, Number(maxPoints));
  return isOutOfRange(error) ? outOfRange() : null;
}

const maxRowsTogether = 100_000;

type Together = readonly [Read, ...Read[]];

/** Those that ask for the same, of different streams; no more of them than fill one large page. */
function statementsOf(reads: readonly Read[]): Together[] {
  const statements: Together[] = [];
  // Most reads of a request share one: it is looked through once.
  const keys = new Map<Sql, string>();
  const open = new Map<
    string,
    { reads: [Read, ...Read[]]; ids: Set<string> }
  >();
  for (const read of reads) {
    const { sql, maxRows, streamId } = read;
    const key = keys.get(sql) ?? JSON.stringify([sql.text, sql.bindings]);
    keys.set(sql, key);
    const last = open.get(key);
    const hasRoom =
      last !== undefined &&
      !last.ids.has(streamId) &&
      (last.reads.length + 1) * maxRows <= maxRowsTogether;
    if (hasRoom) {
      last.reads.push(read);
      last.ids.add(streamId);
      continue;
    }
    const together: [Read] = [read];
    statements.push(together);
    open.set(key, { reads: together, ids: new Set([streamId]) });
  }
  return statements;
}

const rowsOf = <Packed>(
  [count, timestamps, end, ...columns]: RowsColumns,
  packing: Packing<Packed>,
): Rows<Packed> => ({
  count,
  timestamps: timestamps === null ? null : packing.of(timestamps),
  end,
  columns: columns.map((column) => packing.of(column)),
});
