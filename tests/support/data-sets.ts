import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Where the files of two companies lie. */
export interface DataSets {
  /** 52 columns and 21,120 rows of a chemical plant, one every three minutes; the column `case` is no signal. */
  readonly process: string;
  /** Name and unit of each of those columns. */
  readonly variables: string;
  /** 22,695 readings of one machine without a zone; at 12 of the 22,683 times there are two. */
  readonly machine: string;
}

/** The real files, or, where they are absent, made ones of the same shape in this directory. */
export async function dataSets(directory: string): Promise<DataSets> {
  const real = process.env["TRIBUTARY_TEST_DATA"];
  if (real)
    return {
      process: join(real, "tennessee-eastman/process.csv"),
      variables: join(real, "tennessee-eastman/variables.csv"),
      machine: join(real, "machine-temperature/machine_temperature.csv"),
    };
  const made = {
    process: join(directory, "process.csv"),
    variables: join(directory, "variables.csv"),
    machine: join(directory, "machine_temperature.csv"),
  };
  await writeFile(made.process, csv(processRows()));
  await writeFile(made.variables, csv(variableRows()));
  await writeFile(made.machine, csv(machineRows()));
  return made;
}

/** A column's readings, as a program that knows nothing of the product understands the file. */
export interface Readings {
  /** As the graph writes them. */
  readonly timestamps: readonly string[];
  readonly values: readonly number[];
}

/** The columns of such a file by their names; of several readings at one time the last one. */
export async function readingsOf(path: string): Promise<Map<string, Readings>> {
  const [header = [], ...rows] = await readRows(path);
  const lastAt = new Map(rows.map((row) => [row[0] ?? "", row]));
  const timestamps = [...lastAt.keys()].map(
    (time) => `${time.replace(" ", "T").replace("Z", "")}+00:00`,
  );
  return new Map(
    header.slice(1).map((name, i) => {
      const values = [...lastAt.values()].map((row) => Number(row[i + 1]));
      return [name, { timestamps, values }];
    }),
  );
}

export interface Variable {
  readonly tag: string;
  readonly name: string;
  readonly unit: string;
}

export async function variablesOf(path: string): Promise<Variable[]> {
  const [, ...rows] = await readRows(path);
  return rows.map(([tag = "", name = "", unit = ""]) => ({ tag, name, unit }));
}

async function readRows(path: string): Promise<string[][]> {
  const text = await readFile(path, "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => line.split(","));
}

type Row = readonly (string | number)[];

const csv = (rows: Iterable<Row>) =>
  [...rows].map((row) => `${row.join(",")}\n`).join("");

const names: Readonly<Record<string, readonly [name: string, unit: string]>> = {
  XMEAS_20: ["Compressor work", "kW"],
  XMEAS_21: ["Reactor cooling water outlet temperature", "degC"],
  XMEAS_22: ["Separator cooling water outlet temperature", "degC"],
  XMV_5: ["Compressor recycle valve", "%"],
  XMV_10: ["Reactor cooling water valve", "%"],
  XMV_11: ["Condenser cooling water valve", "%"],
};

const tags = [
  ...Array.from({ length: 41 }, (_, i) => `XMEAS_${i + 1}`),
  ...Array.from({ length: 11 }, (_, i) => `XMV_${i + 1}`),
];

function* variableRows(): Generator<Row> {
  yield ["tag", "name", "unit", "kind"];
  for (const tag of tags) {
    const [name, unit] = names[tag] ?? [`Signal ${tag}`, "1"];
    yield [tag, name, unit, tag.startsWith("XMV") ? "manipulated" : "measured"];
  }
}

function* processRows(): Generator<Row> {
  yield ["timestamp", "case", ...tags];
  const start = Date.parse("2025-01-01T00:00:00Z");
  for (let row = 0; row < 21_120; row += 1)
    yield [
      new Date(start + row * 180_000).toISOString().replace(".000", ""),
      Math.floor(row / 960),
      ...tags.map((_, column) => signal(row, column)),
    ];
}

function* machineRows(): Generator<Row> {
  yield ["timestamp", "value"];
  const start = Date.parse("2013-12-02T21:15:00Z");
  const row = (i: number, column: number): Row => [
    new Date(start + i * 300_000).toISOString().slice(0, 19).replace("T", " "),
    signal(i, column),
  ];
  for (let i = 0; i < 22_683; i += 1) {
    yield row(i, 0);
    // One hour twice, as where clocks are put back.
    if (i === 10_148) for (let j = 10_137; j <= i; j += 1) yield row(j, 1);
  }
}

/** A slow swing with ripples, different in every column. */
function signal(row: number, column: number): string {
  const swing = Math.sin(row / (200 + 7 * column));
  const ripple = Math.sin(row * (1 + column)) / 20;
  return (50 + 5 * column + 20 * (swing + ripple)).toPrecision(6);
}
