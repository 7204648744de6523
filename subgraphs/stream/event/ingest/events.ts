import { dateTimeOf, type Micros } from "../../../../common/date-time.ts";
import type { WriteMode } from "../../generated.ts";
import type { EventColumns, NumberColumn, TextColumn } from "../asked.ts";
import type { Target } from "../columns.ts";
import { columnOf } from "../file-columns.ts";
import { slotsOf, type Slot } from "../shape.ts";
import { valuesOf, type Stored } from "../value.ts";
import type { Batch, Slice } from "./batches.ts";
import { nameReader, timeReader, valueColumns } from "./layout.ts";
import { fault, type Rows } from "./rows.ts";

/** What a batch calls a stream, in the order in which it comes to them, and where it does so first. */
export function streamsIn({ layout, slices }: Batch): Map<string, string> {
  const places = new Map<string, string>();
  for (const { rows, from, to } of slices) {
    if (layout.stream === null)
      for (const column of valueColumns(layout, rows)) {
        const name = rows.columns[column] ?? "";
        places.set(name, `column ${JSON.stringify(name)}`);
      }
    else {
      const nameOf = nameReader(rows, layout.stream);
      for (let row = from; row < to; row += 1) {
        const name = nameOf(row);
        if (!places.has(name)) places.set(name, rows.placeOf(row));
      }
    }
  }
  return places;
}

/** A stream's events, and where in the file they stand. */
export interface FileEvents extends EventColumns {
  placeOf(row: number): string;
}

/** What a batch has for each of its streams; none for one of which it has no events. */
export function eventsOf(
  batch: Batch,
  targetOf: ReadonlyMap<string, Target>,
  mode: WriteMode,
): FileEvents[] {
  const parts = batch.slices.map((slice) => new Part(slice, batch));
  const events =
    batch.layout.stream === null
      ? wideEvents(batch, parts, targetOf, mode)
      : longEvents(batch, parts, targetOf, mode);
  return events.filter(({ order }) => order.length > 0);
}

/** A slice with the times of its rows. */
class Part {
  readonly rows: Rows;
  readonly indexes: readonly number[];
  private readonly from: number;
  private readonly times: readonly Micros[];

  constructor({ rows, from, to }: Slice, { layout }: Batch) {
    this.rows = rows;
    this.from = from;
    this.indexes = Array.from({ length: to - from }, (_, i) => from + i);
    this.times = this.indexes.map(timeReader(rows, layout.timestamp));
  }

  timeOf(row: number): Micros {
    return this.times[row - this.from] ?? NaN;
  }
}

/** The rows of a part that concern a stream. */
interface Picked {
  readonly part: Part;
  readonly indexes: readonly number[];
}

/** A column, and the property whose values it has. */
type Given = readonly [column: number, slot: Slot];

/** An empty cell is no event. */
function wideEvents(
  { layout, slices }: Batch,
  parts: readonly Part[],
  targetOf: ReadonlyMap<string, Target>,
  mode: WriteMode,
): FileEvents[] {
  const last = slices.at(-1)?.rows;
  if (!last) return [];
  return valueColumns(layout, last).map((column) => {
    const name = last.columns[column] ?? "";
    const target = targetIn(targetOf, name);
    const [slot, another] = slotsOf(target.properties);
    if (!slot || another)
      throw fault(
        `column ${JSON.stringify(name)}`,
        `stream ${target.id} has several properties, and a column has values for one. Write rows of stream, timestamp and its properties.`,
      );
    const events = new Series(target, [[column, slot]], mode);
    // Rows that came before this column did have nothing in it.
    for (const part of parts)
      if (column < part.rows.columns.length) events.addCells(part);
    return events.columns();
  });
}

/** A row is an event, of the properties that it has columns for. */
function longEvents(
  { layout }: Batch,
  parts: readonly Part[],
  targetOf: ReadonlyMap<string, Target>,
  mode: WriteMode,
): FileEvents[] {
  const picked = new Map<string, Picked[]>();
  for (const part of parts) {
    const nameOf = nameReader(part.rows, layout.stream ?? -1);
    const indexes = new Map<string, number[]>();
    for (const row of part.indexes) {
      const name = nameOf(row);
      const known = indexes.get(name);
      if (known) known.push(row);
      else indexes.set(name, [row]);
    }
    for (const [name, rows] of indexes) {
      const some = picked.get(name) ?? [];
      some.push({ part, indexes: rows });
      picked.set(name, some);
    }
  }
  const columns = parts.at(-1)?.rows;
  return [...picked].map(([name, some]) => {
    const target = targetIn(targetOf, name);
    const given = columns
      ? givenIn(columns, valueColumns(layout, columns), target, some)
      : [];
    const events = new Series(target, given, mode);
    for (const { part, indexes } of some) events.addRows(part, indexes);
    return events.columns();
  });
}

/** The columns of a stream's properties; in all others it must have nothing. */
function givenIn(
  { columns }: Rows,
  values: readonly number[],
  { id, properties }: Target,
  picked: readonly Picked[],
): Given[] {
  const slots = slotsOf(properties);
  const [first] = slots;
  const hasValue = slots.some(({ name }) => name === "value");
  return values.flatMap((column): Given[] => {
    const name = columns[column];
    const slot =
      name === "value" && !hasValue
        ? first
        : slots.find((slot) => columnOf(slot.name) === name);
    if (slot) return [[column, slot]];
    for (const { part, indexes } of picked)
      for (const row of indexes)
        if (
          column < part.rows.columns.length &&
          !part.rows.isEmpty(column, row)
        )
          throw fault(
            part.rows.placeOf(row),
            `column ${JSON.stringify(name)}: stream ${id} has no such property. It has ${slots.map((slot) => `"${slot.name}"`).join(", ")}.`,
          );
    return [];
  });
}

function targetIn(targetOf: ReadonlyMap<string, Target>, name: string): Target {
  const target = targetOf.get(name);
  if (!target) throw new Error(`Nobody has looked for stream ${name}.`);
  return target;
}

/** The events of a stream as they are gathered. */
class Series {
  private readonly timestamps: Micros[] = [];
  private readonly values: readonly (Stored | null)[][];
  private readonly rows: Rows[] = [];
  private readonly indexes: number[] = [];

  constructor(
    private readonly target: Target,
    private readonly given: readonly Given[],
    private readonly mode: WriteMode,
  ) {
    this.values = given.map(() => []);
  }

  /** An event for each cell of the one column that is not empty. */
  addCells(part: Part): void {
    const { rows } = part;
    for (const [i, [column, slot]] of this.given.entries()) {
      const read = rows.reader(column, slot);
      for (const row of part.indexes) {
        const value = read(row);
        if (value === null) continue;
        if (value === undefined) throw refused(rows, row, column, slot);
        this.values[i]?.push(value);
        this.place(part, row);
      }
    }
  }

  /** An event for each row. */
  addRows(part: Part, indexes: readonly number[]): void {
    const { rows } = part;
    for (const row of indexes) this.place(part, row);
    for (const [i, [column, slot]] of this.given.entries()) {
      // Rows that came before this column did.
      const isThere = column < rows.columns.length;
      const read = isThere ? rows.reader(column, slot) : () => null;
      for (const row of indexes) {
        const value = read(row);
        if (value === undefined) throw refused(rows, row, column, slot);
        if (value === null && this.mode === "PATCH")
          throw fault(
            rows.placeOf(row),
            `property "${slot.name}" has no value here. PATCH takes one in each row; leave out the column of a property that is to stay.`,
          );
        this.values[i]?.push(value);
      }
    }
  }

  private place(part: Part, row: number): void {
    this.timestamps.push(part.timeOf(row));
    this.rows.push(part.rows);
    this.indexes.push(row);
  }

  columns(): FileEvents {
    const { target, timestamps } = this;
    const valuesIn = (slot: Slot) =>
      this.values[this.given.findIndex(([, { name }]) => name === slot.name)] ??
      null;
    const slots = slotsOf(target.properties);
    const inSlots = (column: Slot["column"]) =>
      slots.filter((slot) => slot.column === column).map(valuesIn);
    return {
      tenantRowId: target.tenantRowId,
      streamRowId: target.rowId,
      timestamps,
      order: this.order(),
      value: (inSlots("value")[0] ?? null) as NumberColumn | null,
      numbers: inSlots("numbers") as (NumberColumn | null)[],
      texts: inSlots("texts") as (TextColumn | null)[],
      placeOf: (row) => this.placeOf(row),
    };
  }

  private placeOf(row: number): string {
    return this.rows[row]?.placeOf(this.indexes[row] ?? -1) ?? "";
  }

  /** Of several rows of one time the last counts, as if each were written by itself; INSERT takes none of them twice. */
  private order(): number[] {
    const { timestamps } = this;
    const timeOf = (i: number) => timestamps[i] ?? NaN;
    const order = timestamps.map((_, i) => i);
    if (order.every((i) => i === 0 || timeOf(i - 1) < timeOf(i))) return order;
    order.sort((a, b) => timeOf(a) - timeOf(b) || a - b);
    const isAgain = (i: number) =>
      timeOf(order[i - 1] ?? -1) === timeOf(order[i] ?? -1);
    const second = order.findIndex((_, i) => isAgain(i));
    if (second >= 0 && this.mode === "INSERT")
      throw fault(
        this.placeOf(order[second] ?? 0),
        `the timestamp ${dateTimeOf(timeOf(order[second] ?? 0))} is given twice for stream ${this.target.id}. A stream has one event at a time: leave one out, or take the mode UPSERT, in which the last counts.`,
      );
    return order.filter((_, i) => !isAgain(i + 1));
  }
}

const refused = (rows: Rows, row: number, column: number, slot: Slot) =>
  fault(
    rows.placeOf(row),
    `column "${rows.columns[column]}": the stream takes ${valuesOf(slot)}, not ${rows.shown(column, row)}. A cell without a value is empty.`,
  );
