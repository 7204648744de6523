import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { plain, sql, type Sql } from "../../../common/sql.ts";
import type { OwnTurns } from "../../../common/turns.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";
import type { Stream } from "../stream/store.ts";
import {
  wayThrough,
  type NoteRead,
  type NotedRead,
  type Way,
} from "../usage/recorder-store.ts";
import type { SearchMode } from "./asked.ts";
import { toEvent, type Event, type StoredEvent } from "./event.ts";
import { refusalAt, type GateStore } from "./gate-store.ts";
import { endIn, eventAt, readOf } from "./read-store.ts";
import { assertReadable, unreadable } from "./refusals.ts";
import type { Shape, ShapeKey, ShapeStore } from "./shape-store.ts";

interface EventRow extends Omit<StoredEvent, "timestamp">, ShapeKey {
  readonly place: number;
  /** What the viewer may do with the stream, as a sum. */
  readonly rights: number;
  readonly way: Way | null;
  /** Null where there is no such event. */
  readonly timestamp: string | null;
}

/** At most one event e of a stream. */
const eventOf = (event: Sql): Sql => sql`
  select v.tenant_id as "tenantRowId", v.type_id as "typeRowId", e.ts as timestamp, e.value, e.numbers, e.texts
  from (select) one
  left join lateral (${event}) e on true`;

/** The event at a time that is looked for first, since only a known time leads to one month. */
const eventFound = (time: Sql): Sql =>
  eventOf(sql`
    select e.* from (select ${time} as ts offset 0) f cross join lateral (select e.* from ${eventAt(plain("f.ts"))} limit 1) e`);

const firstEvent = eventFound(endIn("first", {}, null));

const lastEventRead = eventOf(
  plain("select l.ts, l.value, l.numbers, l.texts"),
);

/** The time that is asked for of the stream at this place. */
const asked = (times: readonly string[]): Sql =>
  sql`(${times}::timestamptz[])[v.place]`;

const found: Record<SearchMode, (time: Sql) => Sql> = {
  EXACT: (time) => time,
  EXACT_OR_NEXT: (time) => endIn("first", { from: time }, null),
  NEXT: (time) =>
    endIn("first", { from: sql`${time} + interval '1 microsecond'` }, null),
  EXACT_OR_PREVIOUS: (time) => endIn("last", { to: time }, null),
  PREVIOUS: (time) =>
    endIn("last", { to: sql`${time} - interval '1 microsecond'` }, null),
};

/**
 * The last event as a column of what selects streams as the gate g shows them, so that a list need not ask the gate for
 * each of its streams again. `kept` is what tells how long the streams keep their events.
 */
export const lastEventOf = (kept: "s" | "g"): string => `(
  select json_build_object('timestamp', l.ts, 'value', l.value, 'numbers', l.numbers, 'texts', l.texts)
  from stream.reach(g.tenant_id, g.id, g.rights, ${kept}.retention) l
)`;

/** How the viewer gets at it, of streams as a community's list shows them. Binds the viewer. */
export const lastWay = wayThrough(
  "g",
  `(select h.uuid from stream.shares h
    where h.tenant_id = g.tenant_id and h.stream_id = g.id and h.community_id = g.community_id)`,
);

interface Search {
  readonly streamId: string;
  readonly timestamp: string;
}

const ofFirst = { kind: "FIRST", from: null, to: null } as const;
const ofLast = { kind: "LAST", from: null, to: null } as const;

/** The first, the last or another single event of a stream, as far as one viewer may read it. */
export class SingleEventStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
    private readonly noteRead: NoteRead,
    private readonly turns: OwnTurns,
    private readonly gate: GateStore,
    private readonly shapes: ShapeStore,
  ) {}

  first(streamId: string): Promise<Event | null> {
    return this.firsts.load(streamId);
  }

  /** Read here, unless what found the stream has read it, and not long ago: then it is there at once. */
  last(stream: Stream): Promise<Event | null> | Event | null {
    const { last, lastWay } = stream;
    if (last === undefined || lastWay === undefined || !this.gate.holds)
      return this.lasts.load(stream.id);
    assertReadable(stream.rights);
    if (last === null) return this.handOutLast(stream, []);
    const shape = this.shapes.of(stream);
    return shape instanceof Promise
      ? this.lastOnce(shape, stream)
      : this.handOutLast(stream, shape);
  }

  private async lastOnce(
    shape: Promise<Shape>,
    stream: Stream,
  ): Promise<Event | null> {
    const known = await shape;
    return this.gate.holds
      ? this.handOutLast(stream, known)
      : this.lasts.load(stream.id);
  }

  private handOutLast(
    { last = null, lastWay = null }: Stream,
    shape: Shape,
  ): Event | null {
    this.noteRead(lastWay, { ...ofLast, points: last === null ? 0 : 1 });
    return last && toEvent(last, shape);
  }

  at(
    streamId: string,
    timestamp: string,
    mode: SearchMode,
  ): Promise<Event | null> {
    return this.ats[mode].load({ streamId, timestamp });
  }

  // Nothing is remembered: a mutation may change what the request's next field reads.
  private readonly firsts = new DataLoader(
    (ids: readonly string[]) => this.read(ids, firstEvent, () => ofFirst),
    { cache: false },
  );

  private readonly lasts = new DataLoader(
    (ids: readonly string[]) => this.read(ids, lastEventRead, () => ofLast),
    { cache: false },
  );

  private readonly ats = {
    EXACT: this.searcher("EXACT"),
    EXACT_OR_NEXT: this.searcher("EXACT_OR_NEXT"),
    NEXT: this.searcher("NEXT"),
    EXACT_OR_PREVIOUS: this.searcher("EXACT_OR_PREVIOUS"),
    PREVIOUS: this.searcher("PREVIOUS"),
  };

  private searcher(mode: SearchMode) {
    return new DataLoader(
      (searches: readonly Search[]) => {
        const times = searches.map(({ timestamp }) => timestamp);
        return this.read(
          searches.map(({ streamId }) => streamId),
          eventFound(found[mode](asked(times))),
          (i) => ({
            kind: "AT",
            from: times[i] ?? null,
            to: times[i] ?? null,
          }),
        );
      },
      { cache: false },
    );
  }

  /** By place; an error in the place of one that may not be read. */
  private async read(
    streamIds: readonly string[],
    event: Sql,
    notedOf: (place: number) => Omit<NotedRead, "points">,
  ): Promise<(Event | null | Error)[]> {
    const { text, bindings } = readOf(this.viewer.identityId, streamIds, event);
    const [events, admissions] = await this.turns.run(() =>
      this.gate.run(streamIds, async () => {
        const rows = await prepared<EventRow>(
          this.db,
          this.db.raw(text, bindings as Knex.RawBinding[]),
        );
        return Promise.all(
          rows.map(async (row) => [row, await this.eventIn(row)] as const),
        );
      }),
    );
    const byPlace = new Map(events.map((found) => [found[0].place, found]));
    return streamIds.map((_, i) => {
      const [row, event] = byPlace.get(i + 1) ?? [];
      return row && event !== undefined
        ? this.handOut(notedOf(i), row, event, refusalAt(i + 1, admissions))
        : notFound();
    });
  }

  /** What was found for somebody who is refused by now is noted, as no points. */
  private handOut(
    noted: Omit<NotedRead, "points">,
    row: EventRow,
    event: Event | null | Error,
    refusal: Error | null,
  ): Event | null | Error {
    if (event instanceof Error) return event;
    const points = refusal || event === null ? 0 : 1;
    this.noteRead(row.way, { ...noted, points });
    return refusal ?? event;
  }

  private async eventIn(row: EventRow): Promise<Event | null | Error> {
    if (!includes(row.rights, "READ")) return unreadable();
    const { timestamp } = row;
    return timestamp === null
      ? null
      : toEvent({ ...row, timestamp }, await this.shapes.of(row));
  }
}
