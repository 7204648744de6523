import { notFound } from "../../../common/errors.ts";
import type { Stream, StreamStore } from "../stream/store.ts";
import type { JoinArgs } from "./asked.ts";
import { joinRead } from "./join-store.ts";
import type { LimitStore } from "./limit-store.ts";
import {
  assertJoinedColumns,
  assertNamedOnce,
  assertStreams,
  tooManyPoints,
} from "./limits.ts";
import { EventPage } from "./page.ts";
import type { RowStore } from "./row-store.ts";
import type { SlotStore } from "./slot-store.ts";
import type { EventTable } from "./table-store.ts";
import { askedFor, type TableRequest } from "./table.ts";
import { inUnit } from "./unit.ts";
import type { ValueBudget } from "./value-budget.ts";

/** The statement of a join names each of its streams. */
const maxJoined = 100;

/** Tables of several streams, as far as one viewer may read them. */
export class ManyStreamsStore {
  constructor(
    private readonly rows: RowStore,
    private readonly slots: SlotStore,
    private readonly streams: StreamStore,
    private readonly limits: LimitStore,
    private readonly budget: ValueBudget,
  ) {}

  /** The same read of several streams; an error in the place of one that cannot be read. */
  async ofEach<T>(
    ids: readonly string[],
    read: (stream: Stream) => Promise<T>,
  ): Promise<Promise<T>[]> {
    assertStreams(ids, await this.limits.get());
    assertNamedOnce(ids);
    return this.inTheirPlaces(ids, read, "ids");
  }

  /** One read of each place, where a stream may stand in several. */
  async inTheirPlaces<T>(
    ids: readonly string[],
    read: (stream: Stream, place: number) => Promise<T>,
    at: string,
  ): Promise<Promise<T>[]> {
    const streams = await this.streams.findAll(ids);
    return streams.map(async (stream, i) => {
      if (stream === null) throw notFound(`${at}.${i}`);
      return read(stream, i);
    });
  }

  /** Several streams in one table, by time. */
  async joined(
    { ids, mode, uom, ...args }: JoinArgs,
    request: TableRequest,
  ): Promise<EventTable> {
    const limits = await this.limits.get();
    assertStreams(ids, {
      ...limits,
      streams: Math.min(limits.streams, maxJoined),
    });
    assertNamedOnce(ids);
    const streams = await this.streams.getAll(ids, (i) => `ids.${i}`);
    const slots = await Promise.all(
      streams.map((stream) => this.slots.of(stream)),
    );
    // What one stream lacks another may have.
    askedFor(request, slots.flat());
    const parts = slots.map((slots) => ({
      slots,
      asked: inUnit(
        askedFor(
          {
            ...request,
            columns: request.columns.map(
              (names) =>
                names?.filter((name) =>
                  slots.some((slot) => slot.name === name),
                ) ?? null,
            ),
          },
          slots,
        ),
        uom,
      ),
    }));
    const columns = parts.flatMap(({ asked }, i) =>
      asked.map((slot) => ({ stream: streams[i] as Stream, slot })),
    );
    assertJoinedColumns(columns.length);
    const page = new EventPage(
      JSON.stringify([mode, ...ids]),
      {
        ...args,
        boundary: "EXACT",
        reversed: false,
      },
      limits.rows,
    );
    // Each of the streams is asked for each row.
    if (page.size * ids.length > limits.points)
      throw tooManyPoints(
        page.size * ids.length,
        limits.points,
        "Ask for fewer rows a page, and go on with the cursor.",
        "first",
      );
    this.budget.take(
      page.size * (1 + Math.max(columns.length, ids.length)),
      limits,
    );
    const rows = await this.rows.joined(
      ids,
      joinRead(parts, mode, page, request, limits.points),
      { kind: "JOIN", ...args.window, maxRows: page.size },
      limits,
    );
    return {
      rowCount: Math.min(rows.count, page.size),
      hasNextPage: rows.count > page.size,
      timestamps: rows.timestamps,
      endCursor: rows.end === null ? null : page.cursor(rows.end),
      columns: columns.map(({ stream, slot: { name, kind, uom } }, i) => ({
        ...{ name: `${stream.name} ${name}`, stream, property: name },
        ...{ summary: null, kind, uom, values: rows.columns[i] },
      })),
    };
  }
}
