import DataLoader from "dataloader";
import {
  isOutOfRange,
  isTimeout,
  prepared,
  statementName,
  type Knex,
} from "../../../common/database.ts";
import {
  DomainError,
  badInput,
  forbidden,
  limitExceeded,
  notFound,
} from "../../../common/errors.ts";
import { PackedJson } from "../../../common/packed.ts";
import { plain, type Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";
import type { SearchMode, ValueKind } from "../generated.ts";
import type { Stream } from "../stream/store.ts";
import {
  wayThrough,
  type NoteRead,
  type NotedRead,
  type Way,
} from "../usage/recorder-store.ts";
import { longestMilliseconds } from "./limits.ts";
import { Queue } from "./queue.ts";
import { joinedReadOf, readOf } from "./read-store.ts";
import {
  slotsOf,
  valueIn,
  type StoredValues,
  type Value,
  type ValueProperty,
} from "./shape.ts";

export interface Event {
  readonly timestamp: string;
  /** The first property's. */
  readonly value: Value;
  /** By property. */
  readonly values: Readonly<Record<string, Value>>;
}

/** Rows of one stream as columns, whose JSON PostgreSQL builds; null is what was not asked for. */
export interface Rows {
  /** Of a page one more than it has, if another follows. */
  readonly count: number;
  readonly timestamps: PackedJson | null;
  /** The page's last one. */
  readonly end: string | null;
  /** In the order in which the read names them. */
  readonly columns: readonly PackedJson[];
}

/** What to read of a stream, and how many rows it can answer at most. */
export interface Read {
  readonly streamId: string;
  readonly sql: Sql;
  readonly maxRows: number;
  /** Whether there are few texts like this one: it is prepared then. */
  readonly isUsual: boolean;
  /** What is noted of it; null of what is not handed out. */
  readonly noted: Omit<NotedRead, "points"> | null;
  readonly maxMilliseconds: number;
}

/** An event with what it takes to understand its values. */
export interface StoredEvent extends StoredValues {
  readonly timestamp: string;
  /** Of the type's properties, in their order. */
  readonly names: readonly string[];
  readonly kinds: readonly ValueKind[];
  readonly states: readonly (readonly string[] | null)[];
}

interface EventRow extends Omit<StoredEvent, "timestamp"> {
  readonly id: string;
  /** What the viewer may do with the stream, as a sum. */
  readonly rights: number;
  /** Null where there is no such event. */
  readonly timestamp: string | null;
  readonly way: Way | null;
}

/** Streams as the gate shows them, with their types' properties. */
const gate = `stream.visible(?) v
  cross join lateral (
    select array_agg(p.name order by p.position) as names, array_agg(p.kind order by p.position) as kinds,
           json_agg(p.states order by p.position) as states
    from stream.properties p where p.tenant_id = v.tenant_id and p.type_id = v.type_id
  ) p`;
/** Binds the viewer. */
const streamColumns = `v.uuid as id, v.rights, p.names, p.kinds, p.states, ${wayThrough("v")} as way`;

/** Nothing of a stream's events is joined but by READ, and by way of this. */
const latest =
  "left join stream.latest l on l.tenant_id = v.tenant_id and l.stream_id = v.id and v.rights & 1 = 1";
/** The stream's events; what bounds their time keeps the read to the partitions that they are in. */
const ofStream = "e.tenant_id = l.tenant_id and e.stream_id = l.stream_id";
const stored = `${ofStream} and e.ts between l.first_ts and l.ts`;

const eventColumns = (from: string) =>
  `${streamColumns}, ${from}.ts as timestamp, ${from}.value, ${from}.numbers, ${from}.texts`;

const lastEvents = `
  select ${eventColumns("l")} from ${gate} ${latest} where v.uuid = any (?::uuid[])`;

/**
 * The last event as a column of what selects streams s as the gate g shows them, so that a list need not ask the gate
 * for each of its streams again.
 */
export const lastEvent = `(
  select json_build_object('timestamp', l.ts, 'value', l.value, 'numbers', l.numbers, 'texts', l.texts,
                           'names', json_agg(p.name order by p.position), 'kinds', json_agg(p.kind order by p.position),
                           'states', json_agg(p.states order by p.position))
  from stream.latest l
  join stream.properties p on p.tenant_id = s.tenant_id and p.type_id = s.type_id
  where l.tenant_id = s.tenant_id and l.stream_id = s.id and g.rights & 1 = 1
  group by l.tenant_id, l.stream_id
)`;

/** How the viewer gets at it, of streams as a community's list shows them. Binds the viewer. */
export const lastWay = wayThrough(
  "g",
  `(select h.uuid from stream.shares h
    where h.tenant_id = g.tenant_id and h.stream_id = g.id and h.community_id = g.community_id)`,
);

const firstEvents = `
  select ${eventColumns("e")} from ${gate} ${latest}
  left join lateral (select * from stream.events e where ${ofStream} and e.ts = l.first_ts limit 1) e on true
  where v.uuid = any (?::uuid[])`;

/** Which event a mode takes for the time that is asked for. */
const searches: Record<SearchMode, string> = {
  EXACT: "e.ts = q.at",
  EXACT_OR_NEXT: "e.ts >= q.at order by e.ts",
  NEXT: "e.ts > q.at order by e.ts",
  EXACT_OR_PREVIOUS: "e.ts <= q.at order by e.ts desc",
  PREVIOUS: "e.ts < q.at order by e.ts desc",
};

const eventsAt = (mode: SearchMode) => `
  select q.place, ${eventColumns("e")} from ${gate}
  join unnest(?::uuid[], ?::timestamptz[]) with ordinality q (stream_uuid, at, place) on q.stream_uuid = v.uuid
  ${latest}
  left join lateral (select * from stream.events e where ${stored} and ${searches[mode]} limit 1) e on true
  where v.uuid = any (?::uuid[])`;

const maxTables = 500;
/** Of a request, so that none can fill the pool: others wait behind so many statements of it at most. */
const maxStatementsAtOnce = 3;

/** Events, as far as one viewer may read them in one request. All that is read of them goes through here. */
export class EventStore {
  private readonly queue = new Queue(maxStatementsAtOnce);
  private tables = 0;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
    private readonly noteRead: NoteRead,
  ) {}

  first(streamId: string): Promise<Event | null> {
    return this.firsts.load(streamId);
  }

  /** Read here, unless the list that found the stream has read it. */
  async last({ id, rights, last, lastWay }: Stream): Promise<Event | null> {
    if (last === undefined || lastWay === undefined) return this.lasts.load(id);
    assertReadable(rights);
    this.noteRead(lastWay, { ...ofLast, points: last === null ? 0 : 1 });
    return last && toEvent(last);
  }

  at(
    streamId: string,
    timestamp: string,
    mode: SearchMode,
  ): Promise<Event | null> {
    return this.ats[mode].load({ streamId, timestamp });
  }

  /** To be called for each table before the first is read: a request beyond the limit then has none of them read. */
  announceTable(): void {
    this.tables += 1;
  }

  /** Rows of a stream; what one answer asks of many streams in the same way is one statement. */
  rows(read: Read): Promise<Rows> {
    if (this.tables > maxTables)
      throw limitExceeded(
        "tables of events a request",
        maxTables,
        this.tables,
        "Ask for fewer streams a page, or in several requests.",
      );
    return this.reads.load(read);
  }

  /** Rows of several streams together; the first that is not readable is refused with its place in `ids`. */
  async joined(
    streamIds: readonly string[],
    read: Sql,
    { maxRows, ...noted }: Omit<NotedRead, "points"> & { maxRows: number },
    maxMilliseconds: number,
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
    const [row] = await this.queue
      .run(() => this.within(maxMilliseconds, joining))
      .catch(async (error: unknown) => {
        const each = streamIds.map((streamId): Read => ({
          ...{ streamId, sql: noRows, maxRows: 0, isUsual: true },
          ...{ noted, maxMilliseconds },
        }));
        await this.noteFailed(each as [Read, ...Read[]]);
        throw error;
      });
    const [gated, ...rest] = row as JoinedRow;
    const ways = streamIds.map((_, i) => {
      const stream = gated?.[i + 1];
      if (stream === undefined) throw notFound(`ids.${i}`);
      assertReadable(stream.rights, `ids.${i}`);
      return stream.way;
    });
    const rows = rowsOf(rest);
    for (const way of ways)
      this.noteRead(way, { ...noted, points: Math.min(rows.count, maxRows) });
    return rows;
  }

  private readonly reads = new DataLoader(
    async (reads: readonly Read[]) => {
      const rows = new Map<Read, Rows | Error>();
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

  /** Of several streams, only those whose own values are in the way are refused. */
  private async readTogether(reads: Together): Promise<[Read, Rows | Error][]> {
    try {
      const found = await this.queue.run(() => this.read(reads));
      return reads.map((read, i) => [
        read,
        this.handOut(read, found.get(i + 1)),
      ]);
    } catch (error) {
      if (!isOutOfRange(error) || reads.length === 1)
        await this.noteFailed(reads);
      if (!isOutOfRange(error)) throw error;
      if (reads.length === 1) return [[reads[0], outOfRange()]];
      const each = reads.map((read) => this.readTogether([read]));
      return (await Promise.all(each)).flat();
    }
  }

  /** A fault can tell of values as an answer does: what the gate let in is noted, as no points. */
  private async noteFailed(reads: Together): Promise<void> {
    const [first, ...more] = reads.map((read) => ({ ...read, sql: noRows }));
    try {
      const found = await this.queue.run(() =>
        this.read([first as Read, ...more]),
      );
      for (const [i, read] of reads.entries())
        this.handOut(read, found.get(i + 1));
    } catch {
      // What the database cannot tell now it has not told before; the first fault is the one to tell.
    }
  }

  private handOut({ noted, maxRows }: Read, row: RowsRow | undefined) {
    const rows = rowsIn(row);
    if (row && noted && !(rows instanceof Error))
      this.noteRead(row[2], {
        ...noted,
        points: Math.min(rows.count, maxRows),
      });
    return rows;
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
  private async read(reads: Together): Promise<Map<number, RowsRow>> {
    const [{ sql, isUsual, maxMilliseconds }] = reads;
    const { text, bindings } = readOf(
      this.viewer.identityId,
      reads.map(({ streamId }) => streamId),
      sql,
    );
    const rows = await this.within(maxMilliseconds, async (db) => {
      const answer = await db
        .raw<{ rows: RowsRow[] }>(text, bindings as Knex.RawBinding[])
        .options({
          rowMode: "array",
          ...(isUsual && { name: statementName(text) }),
        });
      return answer.rows;
    });
    return new Map(rows.map((row) => [row[0], row]));
  }

  private readonly firsts = this.loader(firstEvents, ofFirst);
  private readonly lasts = this.loader(lastEvents, ofLast);

  private readonly ats = {
    EXACT: this.searcher("EXACT"),
    EXACT_OR_NEXT: this.searcher("EXACT_OR_NEXT"),
    NEXT: this.searcher("NEXT"),
    EXACT_OR_PREVIOUS: this.searcher("EXACT_OR_PREVIOUS"),
    PREVIOUS: this.searcher("PREVIOUS"),
  };

  /** At most one event a stream; an error in the place of one that may not be read. */
  private loader(sql: string, noted: Omit<NotedRead, "points">) {
    return new DataLoader(
      async (streamIds: readonly string[]) => {
        const rows = await this.queue.run(() =>
          prepared<EventRow>(
            this.db,
            this.db.raw(sql, [
              this.viewer.identityId,
              this.viewer.identityId,
              [...streamIds],
            ]),
          ),
        );
        const byId = new Map(rows.map((row) => [row.id, row]));
        return streamIds.map((id) => this.handOutEvent(noted, byId.get(id)));
      },
      // Nothing is remembered: a mutation may change what the request's next field reads.
      { cache: false },
    );
  }

  private searcher(mode: SearchMode) {
    const sql = eventsAt(mode);
    return new DataLoader(
      async (searches: readonly { streamId: string; timestamp: string }[]) => {
        const ids = searches.map(({ streamId }) => streamId);
        const rows = await this.queue.run(() =>
          prepared<EventRow & { place: number }>(
            this.db,
            this.db.raw(sql, [
              this.viewer.identityId,
              this.viewer.identityId,
              ids,
              searches.map(({ timestamp }) => timestamp),
              ids,
            ]),
          ),
        );
        const byPlace = new Map(rows.map((row) => [row.place, row]));
        return searches.map(({ timestamp }, i) =>
          this.handOutEvent(
            { kind: "AT", from: timestamp, to: timestamp },
            byPlace.get(i + 1),
          ),
        );
      },
      { cache: false },
    );
  }

  private handOutEvent(
    noted: Omit<NotedRead, "points">,
    row: EventRow | undefined,
  ): Event | null | Error {
    const event = eventIn(row);
    if (row && !(event instanceof Error))
      this.noteRead(row.way, { ...noted, points: event === null ? 0 : 1 });
    return event;
  }
}

const ofFirst = { kind: "FIRST", from: null, to: null } as const;
const ofLast = { kind: "LAST", from: null, to: null } as const;

/** Count, timestamps, the last one of them, and a text a column. */
type RowsColumns = [number, string | null, string | null, ...string[]];
/** With the stream's place and rights, and the way to it. */
type RowsRow = [number, number, Way | null, ...RowsColumns];
/** With these by place. */
type JoinedRow = [
  Record<number, { rights: number; way: Way | null }> | null,
  ...RowsColumns,
];

/** Of each stream only what the gate says. */
const noRows = plain("select 0 as count, null::text, null::text");

const maxRowsTogether = 100_000;

type Together = readonly [Read, ...Read[]];

/** Those that ask for the same, of different streams; no more of them than fill one large page. */
function statementsOf(reads: readonly Read[]): Together[] {
  const statements: Together[] = [];
  const open = new Map<
    string,
    { reads: [Read, ...Read[]]; ids: Set<string> }
  >();
  for (const read of reads) {
    const { sql, maxRows, streamId } = read;
    const key = JSON.stringify([sql.text, sql.bindings]);
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

function rowsIn(row: RowsRow | undefined): Rows | Error {
  if (!row) return notFound();
  const [, rights, , ...columns] = row;
  return includes(rights, "READ") ? rowsOf(columns) : unreadable();
}

function rowsOf([count, timestamps, end, ...columns]: RowsColumns): Rows {
  return {
    count,
    timestamps: timestamps === null ? null : new PackedJson(timestamps),
    end,
    columns: columns.map((column) => new PackedJson(column)),
  };
}

const propertiesOf = ({ names, kinds, states }: StoredEvent): ValueProperty[] =>
  names.map((name, i) => ({
    name,
    kind: kinds[i] ?? "FLOAT",
    states: states[i] ?? null,
  }));

function eventIn(row: EventRow | undefined): Event | null | Error {
  if (!row) return notFound();
  if (!includes(row.rights, "READ")) return unreadable();
  const { timestamp } = row;
  return timestamp === null ? null : toEvent({ ...row, timestamp });
}

function toEvent(stored: StoredEvent): Event {
  const values = slotsOf(propertiesOf(stored)).map(
    (slot) => [slot.name, valueIn(slot, stored)] as const,
  );
  return {
    timestamp: stored.timestamp,
    value: values[0]?.[1] ?? null,
    values: Object.fromEntries(values),
  };
}

export function assertReadable(rights: number, at?: string): void {
  if (!includes(rights, "READ")) throw unreadable(at);
}

const tookTooLong = (milliseconds: number) =>
  new DomainError(
    "TIMEOUT",
    `A read may take ${milliseconds} ms, and this one takes longer. Ask for a part of the window, fewer streams, or coarser intervals.`,
    { limit: milliseconds },
  );

const outOfRange = () =>
  badInput(
    "A number that is computed here is too large or too small for its kind. Ask for less of it: other kinds of summaries, shorter intervals, another filter.",
  );

const unreadable = (at?: string) =>
  forbidden(
    "You may not read the events of this stream. Ask whoever manages its access list for READ.",
    at,
  );
