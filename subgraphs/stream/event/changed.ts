import { dateTimeOf, type Micros } from "../../../common/date-time.ts";

/** How many events of a stream were changed, and from when to when. */
export interface Extent {
  readonly streamRowId: number;
  readonly from: Micros;
  readonly to: Micros;
  readonly count: number;
}

/** What a call has changed so far, by stream. */
export class Changed {
  private readonly byStream = new Map<number, Extent>();

  add(extent: Extent): void {
    const before = this.byStream.get(extent.streamRowId);
    this.byStream.set(
      extent.streamRowId,
      before
        ? {
            streamRowId: extent.streamRowId,
            from: Math.min(before.from, extent.from),
            to: Math.max(before.to, extent.to),
            count: before.count + extent.count,
          }
        : extent,
    );
  }

  /** For the ledger: times and counts, and no values. */
  streams(streams: readonly { readonly id: string; readonly rowId: number }[]) {
    return streams.flatMap(({ id, rowId }) => {
      const of = this.byStream.get(rowId);
      if (!of) return [];
      const window = { from: dateTimeOf(of.from), to: dateTimeOf(of.to) };
      return [{ id, window, count: of.count }];
    });
  }

  result() {
    const streams = [...this.byStream.values()];
    return {
      eventCount: streams.reduce((sum, { count }) => sum + count, 0),
      streamCount: streams.length,
    };
  }
}
