import type { Micros } from "../../common/date-time.ts";

/** Which row has a time. Rows that come in the order of time, in most files all, take little room. */
export class Timeline {
  private readonly times: Micros[] = [];
  private readonly rows: number[] = [];
  private readonly late = new Map<Micros, number>();

  /** The row at this time; if there is none, the one that is given is. */
  rowAt(time: Micros, row: number): number {
    const { times, rows, late } = this;
    if (time > (times.at(-1) ?? -Infinity)) {
      times.push(time);
      rows.push(row);
      return row;
    }
    const known = rows[this.placeOf(time)] ?? late.get(time);
    if (known === undefined) late.set(time, row);
    return known ?? row;
  }

  /** Among `times`, or -1. */
  private placeOf(time: Micros): number {
    let low = 0;
    let high = this.times.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const there = this.times[middle] ?? NaN;
      if (there === time) return middle;
      if (there < time) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }
}
