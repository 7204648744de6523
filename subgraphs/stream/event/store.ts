import { createHash } from "node:crypto";
import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { forbidden, limitExceeded, notFound } from "../../../common/errors.ts";
import { PackedJson } from "../../../common/packed.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";
import type { SearchMode, ValueKind } from "../generated.ts";
import type { Stream } from "../stream/store.ts";
import type { EventPage, TableRequest } from "./page.ts";
import { Queue } from "./queue.ts";
import {
  slotsOf,
  valueIn,
  type Slot,
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

/** A page of events as columns; null or absent is what was not asked for. */
export interface EventTable {
  readonly stream: Stream;
  readonly rowCount: number;
  readonly hasNextPage: boolean;
  readonly timestamps: PackedJson | null;
  readonly endCursor: string | null;
  /** By property. */
  readonly columns: ReadonlyMap<string, PackedJson>;
}

/** An event with what it takes to understand its values. */
export interface StoredEvent extends StoredValues {
  readonly timestamp: string;
  /** Of the type's properties, in their order. */
  readonly names: readonly string[];
  readonly kinds: readonly ValueKind[];
}

interface EventRow extends Omit<StoredEvent, "timestamp"> {
  readonly id: string;
  /** What the viewer may do with the stream, as a sum. */
  readonly rights: number;
  /** Null where there is no such event. */
  readonly timestamp: string | null;
}

/** Streams as the gate shows them, with their types' properties. */
const gate = `stream.visible(?) v
  cross join lateral (
    select array_agg(p.name order by p.position) as names, array_agg(p.kind order by p.position) as kinds
    from stream.properties p where p.tenant_id = v.tenant_id and p.type_id = v.type_id
  ) p`;
const streamColumns = "v.uuid as id, v.rights, p.names, p.kinds";

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
                           'names', json_agg(p.name order by p.position), 'kinds', json_agg(p.kind order by p.position))
  from stream.latest l
  join stream.properties p on p.tenant_id = s.tenant_id and p.type_id = s.type_id
  where l.tenant_id = s.tenant_id and l.stream_id = s.id and g.rights & 1 = 1
  group by l.tenant_id, l.stream_id
)`;

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

/** How values of a kind come out of where they are stored. */
const typed: Record<ValueKind, (stored: string) => string> = {
  FLOAT: (stored) => stored,
  INTEGER: (stored) => `${stored}::bigint`,
  BOOLEAN: (stored) => `${stored} <> 0`,
  TEXT: (stored) => stored,
};

const valueSql = ({ column, index, kind }: Slot) =>
  typed[kind](column === "value" ? "e.value" : `e.${column}[${index + 1}]`);

/** A page and the event behind it, which tells that there is a next page and is cut off. */
function tableStatement(
  slots: readonly Slot[],
  { reversed, reachesOut }: EventPage,
  { timestamps, endCursor }: TableRequest,
): string {
  const packed = (column: string) =>
    `coalesce(array_to_json((array_agg(${column}))[1:q.size])::text, '[]')`;
  const beyond = (condition: string) =>
    `(select e.ts from stream.events e where ${stored} and ${condition} limit 1)`;
  const edges = reachesOut
    ? `coalesce(${beyond("e.ts < q.from order by e.ts desc")}, q.from) as lower,
       coalesce(${beyond("e.ts > q.to order by e.ts")}, q.to) as upper`
    : `q.from as lower, q.to as upper`;
  return `
    select v.rights, t.*
    from stream.visible(?) v
    cross join lateral (
      select ?::timestamptz as "from", ?::timestamptz as "to", ?::timestamptz as not_before,
             ?::timestamptz as not_after, ?::int as size
    ) q
    ${latest}
    cross join lateral (select ${edges} ${reachesOut ? "offset 0" : ""}) w
    cross join lateral (
      select count(*)::int,
             ${timestamps ? packed("e.ts") : "null"},
             ${endCursor ? "(array_agg(e.ts))[least(count(*), q.size)]" : "null::timestamptz"}
             ${slots.map((_, i) => `, ${packed(`e.c${i}`)}`).join("")}
      from (
        select e.ts ${slots.map((slot, i) => `, ${valueSql(slot)} as c${i}`).join("")}
        from stream.events e
        where ${ofStream} and e.ts >= greatest(l.first_ts, w.lower, q.not_before)
          and e.ts <= least(l.ts, w.upper, q.not_after)
        order by e.ts ${reversed ? "desc" : ""} limit ?
      ) e
    ) t
    where v.uuid = ?`;
}

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
  ) {}

  first(streamId: string): Promise<Event | null> {
    return this.firsts.load(streamId);
  }

  /** Read here, unless the list that found the stream has read it. */
  async last({ id, rights, last }: Stream): Promise<Event | null> {
    if (last === undefined) return this.lasts.load(id);
    assertReadable(rights);
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

  /** One page of a stream's events as columns, whose JSON PostgreSQL builds. */
  async table(
    stream: Stream,
    properties: readonly ValueProperty[],
    page: EventPage,
    request: TableRequest,
  ): Promise<EventTable> {
    if (this.tables > maxTables)
      throw limitExceeded(
        "tables of events a request",
        maxTables,
        this.tables,
        "Ask for fewer streams a page, or in several requests.",
      );
    const slots = slotsOf(properties).filter(({ name }) =>
      request.columns.has(name),
    );
    const sql = tableStatement(slots, page, request);
    // Statements are prepared for the reads that are frequent; there is no end of those of several properties.
    const isFrequent =
      slots.length < 2 && slots.every(({ index }) => index === 0);
    const { rows } = await this.queue.run(() =>
      this.db
        .raw<{ rows: TableRow[] }>(sql, [
          this.viewer.identityId,
          page.from,
          page.to,
          page.notBefore,
          page.notAfter,
          page.size,
          page.size + 1,
          stream.id,
        ])
        .options({
          rowMode: "array",
          ...(isFrequent && { name: statementName(sql) }),
        }),
    );
    const [row] = rows;
    if (!row) throw notFound();
    const [rights, count, timestamps, end, ...columns] = row;
    assertReadable(rights);
    return {
      stream,
      rowCount: Math.min(count, page.size),
      hasNextPage: count > page.size,
      timestamps: timestamps === null ? null : new PackedJson(timestamps),
      endCursor: end === null ? null : page.cursor(end),
      columns: new Map(
        slots.map(({ name }, i) => [name, new PackedJson(columns[i] ?? "")]),
      ),
    };
  }

  private readonly firsts = this.loader(firstEvents);
  private readonly lasts = this.loader(lastEvents);

  private readonly ats = {
    EXACT: this.searcher("EXACT"),
    EXACT_OR_NEXT: this.searcher("EXACT_OR_NEXT"),
    NEXT: this.searcher("NEXT"),
    EXACT_OR_PREVIOUS: this.searcher("EXACT_OR_PREVIOUS"),
    PREVIOUS: this.searcher("PREVIOUS"),
  };

  /** At most one event a stream; an error in the place of one that may not be read. */
  private loader(sql: string) {
    return new DataLoader(
      async (streamIds: readonly string[]) => {
        const rows = await this.queue.run(() =>
          prepared<EventRow>(
            this.db,
            this.db.raw(sql, [this.viewer.identityId, [...streamIds]]),
          ),
        );
        const byId = new Map(rows.map((row) => [row.id, row]));
        return streamIds.map((id) => eventIn(byId.get(id)));
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
              ids,
              searches.map(({ timestamp }) => timestamp),
              ids,
            ]),
          ),
        );
        const byPlace = new Map(rows.map((row) => [row.place, row]));
        return searches.map((_, i) => eventIn(byPlace.get(i + 1)));
      },
      { cache: false },
    );
  }
}

/** rights, count, timestamps, the last one of them, and a text a column. */
type TableRow = [number, number, string | null, string | null, ...string[]];

const statementName = (sql: string) =>
  `events_${createHash("sha256").update(sql).digest("hex").slice(0, 16)}`;

const propertiesOf = ({ names, kinds }: StoredEvent): ValueProperty[] =>
  names.map((name, i) => ({ name, kind: kinds[i] ?? "FLOAT" }));

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

function assertReadable(rights: number): void {
  if (!includes(rights, "READ")) throw unreadable();
}

const unreadable = () =>
  forbidden(
    "You may not read the events of this stream. Ask whoever manages its access list for READ.",
  );
