import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import fc from "fast-check";
import { readDescriptions } from "../../commands/import/descriptions.ts";
import {
  importFile,
  type ImportOptions,
} from "../../commands/import/import-file.ts";
import { TimestampReader } from "../../commands/import/timestamps.ts";
import { dateTimeOf, microsOf } from "../../common/date-time.ts";
import { TestDatabase } from "../support/database.ts";
import { Process } from "../support/process.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";

let database: TestDatabase;
let seed: Seed;
let directory: string;
let tenant: Row;
let engineer: Identity;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  directory = await mkdtemp(join(tmpdir(), "tributary-import-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await database.drop();
});
beforeEach(async () => {
  // Refusals compare everything that is written: the less there is, the sooner.
  await database.owner.raw("truncate stream.events, stream.latest");
  tenant = await seed.tenant();
  engineer = await seed.user(tenant, ["CONTRIBUTOR"]);
});

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

const defaults = {
  namespace: "Plant",
  create: true,
  descriptions: new Map(),
  columns: undefined,
  ignored: [],
  zone: undefined,
  duplicates: "error",
} as const;

const importAs = (
  identity: Identity,
  path: string,
  options: Partial<ImportOptions> = {},
) =>
  importFile(
    database.as("stream"),
    identity.uuid,
    { ...defaults, path, ...options },
    { read: () => undefined, stored: () => undefined },
  );

async function importText(
  content: string | Buffer,
  options: Partial<ImportOptions> = {},
) {
  return importAs(engineer, await file("file.csv", content), options);
}

/** Runs what must be refused, and shows that it wrote nothing. */
async function refusal(work: () => Promise<unknown>): Promise<string> {
  const before = await everythingWritten(database);
  const error = await work().then(
    () => new Error("It was not refused."),
    (error: unknown) => error as Error,
  );
  expect(await everythingWritten(database)).toEqual(before);
  return error.message;
}

/** The tenant's events by external id: time of day in 2026-01-01 and what is stored. */
async function stored(): Promise<Record<string, unknown[][]>> {
  const { rows } = await database.owner.raw<{
    rows: { name: string; events: unknown[][] }[];
  }>(
    `select s.external_id as name, json_agg(json_build_array(e.ts, coalesce(to_json(e.value), to_json(e.texts[1]))) order by e.ts) as events
     from stream.streams s join stream.events e on e.tenant_id = s.tenant_id and e.stream_id = s.id
     where s.tenant_id = ? group by 1`,
    [tenant.id],
  );
  return Object.fromEntries(rows.map(({ name, events }) => [name, events]));
}

const at = (time: string) => `2026-01-01T${time}+00:00`;

test("a file makes its namespace, types and streams, with names and units, and can be imported again", async () => {
  const names = await file(
    "variables.csv",
    "tag,name,unit,kind\nT1,Inlet temperature,degC,measured\nP1,Pressure,kPa,measured\nT2,,degC,\n",
  );
  const content = `time,T1,P1,T2,X
2026-01-01T00:00:00Z,20.5,101,,1
2026-01-01T00:01:00.5+00:00,-1e-3,,7,2
2026-01-01T02:02:00+02:00,+.5,103,8,3
`;
  const options = { descriptions: await readDescriptions(names) };
  const result = { eventCount: 10, streamCount: 4 };
  expect(await importText(content, options)).toEqual(result);
  const events = {
    T1: [
      [at("00:00:00"), 20.5],
      [at("00:01:00.5"), -0.001],
      [at("00:02:00"), 0.5],
    ],
    P1: [
      [at("00:00:00"), 101],
      [at("00:02:00"), 103],
    ],
    T2: [
      [at("00:01:00.5"), 7],
      [at("00:02:00"), 8],
    ],
    X: [
      [at("00:00:00"), 1],
      [at("00:01:00.5"), 2],
      [at("00:02:00"), 3],
    ],
  };
  expect(await stored()).toEqual(events);
  const { rows } = await database.owner.raw<{ rows: object[] }>(
    `select n.name as namespace, n.region, t.name as type, p.name as property, p.kind, p.uom, s.external_id, s.name
     from stream.streams s
     join stream.namespaces n on n.id = s.namespace_id
     join stream.stream_types t on t.id = s.type_id
     join stream.properties p on p.type_id = t.id
     where s.tenant_id = ? order by s.id`,
    [tenant.id],
  );
  const stream = (external_id: string, name: string, uom: string | null) => ({
    ...{ namespace: "Plant", region: expect.any(String) },
    ...{ type: uom === null ? "Number" : `Number in ${uom}` },
    ...{ property: "value", kind: "FLOAT", uom, external_id, name },
  });
  expect(rows).toEqual([
    stream("T1", "Inlet temperature", "degC"),
    stream("P1", "Pressure", "kPa"),
    stream("T2", "T2", "degC"),
    stream("X", "X", null),
  ]);

  const before = await everythingWritten(database);
  expect(await importText(content, options)).toEqual(result);
  const after = await everythingWritten(database);
  const changed = Object.keys(after).filter(
    (table) => after[table] !== before[table],
  );
  expect(changed).toContain("ledger.entries");
  expect(changed.filter((table) => !table.startsWith("ledger."))).toEqual([]);
  const entries = await database
    .owner("ledger.entries")
    .where({ kind: "EVENTS", actor_identity: engineer.uuid });
  expect(entries).toHaveLength(2);
});

test.each<[string, (csv: string) => string | Buffer]>([
  ["as it is", (csv) => csv],
  ["with a byte order mark", (csv) => `\ufeff${csv}`],
  ["with CRLF", (csv) => csv.replaceAll("\n", "\r\n")],
  ["without a last line end", (csv) => csv.trimEnd()],
  ["with empty lines", (csv) => csv.replaceAll("\n", "\n\n")],
  ["with quotes", (csv) => csv.replaceAll(/[^,\n]+/g, '"$&"')],
  ["with spaces", (csv) => csv.replaceAll(/[^,\n]+/g, " $& ")],
  ["gzipped", (csv) => gzipSync(csv)],
])("a file %s", async (_, encode) => {
  const csv = `timestamp,a,b\n2026-01-01T00:00:00Z,1,2\n2026-01-01T00:00:01Z,3,4\n`;
  await importText(encode(csv));
  expect(await stored()).toEqual({
    a: [
      [at("00:00:00"), 1],
      [at("00:00:01"), 3],
    ],
    b: [
      [at("00:00:00"), 2],
      [at("00:00:01"), 4],
    ],
  });
});

describe("a fault is told with file and line, and nothing is imported", () => {
  const row = (cells: string) =>
    `timestamp,a,b\n2026-01-01T00:00:00Z,1,2\n${cells}\n`;

  test.each<[string, string | Buffer, RegExp]>([
    ["an empty file", "", /file\.csv: the file is empty/],
    [
      "one that is no text",
      Buffer.from([0x50, 0x4b, 3, 4, 0xff, 0xfe, 0, 10, 13]),
      /file\.csv, line 1: .*utf-8/,
    ],
    ["binary zeros", Buffer.alloc(3000), /file\.csv: column 1 .*header/],
    ["one in UTF-16", Buffer.from("timestamp,a\n", "utf16le"), /file\.csv: /],
    [
      "half of a gzipped file",
      gzipSync(row("")).subarray(0, 30),
      /file\.csv: /,
    ],
    [
      "a header alone that has one column",
      "timestamp\n2026-01-01T00:00:00Z\n",
      /no column to import/,
    ],
    ["a column without a name", "timestamp,a,\n", /column 3 .*""/],
    ["two columns of one name", "timestamp,a,a\n", /column 3 .*"a"/],
    [
      "too few cells",
      row("2026-01-01T00:00:01Z,1"),
      /file\.csv, line 3: 2 cells for 3 columns/,
    ],
    [
      "too many cells",
      row("2026-01-01T00:00:01Z,1,2,3"),
      /file\.csv, line 3: 4 cells for 3 columns/,
    ],
    [
      "a quote that never ends",
      row(`2026-01-01T00:00:01Z,"1,2`),
      /file\.csv, line 3: cell 2 has a quote/,
    ],
    [
      "a word in place of a number",
      row("2026-01-01T00:00:01Z,1,n/a"),
      /file\.csv, line 3: column "b": .*"n\/a"/,
    ],
    ["NaN", row("2026-01-01T00:00:01Z,NaN,2"), /line 3: column "a": .*"NaN"/],
    [
      "infinity",
      row("2026-01-01T00:00:01Z,1e999,2"),
      /line 3: column "a": .*"1e999"/,
    ],
    [
      "a hexadecimal number",
      row("2026-01-01T00:00:01Z,0x10,2"),
      /line 3: column "a": .*"0x10"/,
    ],
    [
      "a decimal comma",
      row(`2026-01-01T00:00:01Z,"1,5",2`),
      /line 3: column "a": .*"1,5"/,
    ],
    [
      "no timestamp",
      row(",1,2"),
      /line 3: column "timestamp": "" is no timestamp/,
    ],
    [
      "a date alone",
      row("2026-01-01,1,2"),
      /line 3: column "timestamp": "2026-01-01" is no timestamp/,
    ],
    [
      "a timestamp without a zone",
      row("2026-01-01 00:00:01,1,2"),
      /line 3: .*--zone/,
    ],
    [
      "a timestamp before 1970",
      row("1969-12-31T00:00:00Z,1,2"),
      /line 3: .*1970/,
    ],
    [
      "a timestamp that was there, in another zone",
      row("2026-01-01T01:00:00+01:00,,5"),
      /line 3: .*in line 2.*--duplicates/,
    ],
    [
      "a fault after a field of several lines",
      row(`2026-01-01T00:00:01Z,"\n\n",2\n2026-01-01T00:00:02Z,x,2`),
      /line 6: column "a"/,
    ],
  ])("%s", async (_, content, message) => {
    expect(await refusal(() => importText(content))).toMatch(message);
  });

  test("a file that is not there", async () => {
    expect(
      await refusal(() => importAs(engineer, join(directory, "none.csv"))),
    ).toMatch(/none\.csv: the file cannot be read/);
  });

  test("in the last of many rows", async () => {
    const rows = Array.from(
      { length: 60_000 },
      (_, i) =>
        `${new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString()},${i}`,
    );
    const content = `timestamp,a\n${rows.join("\n")}\n2026-02-01T00:00:00Z,oops\n`;
    expect(await refusal(() => importText(content))).toMatch(
      /line 60002: column "a": .*"oops"/,
    );
  });
});

describe("rows of the same timestamp", () => {
  // Some in one part of the import, some so far apart that they are in different ones.
  const far = Array.from(
    { length: 60_000 },
    (_, i) => `${new Date(Date.UTC(2026, 0, 2) + i * 1000).toISOString()},0,0`,
  );
  const content = `timestamp,a,b
2026-01-01T00:00:00Z,1,
2026-01-01T00:00:01Z,2,
2026-01-01T00:00:00Z,3,4
${far.join("\n")}
2026-01-01T00:00:01Z,,5
2026-01-01T00:00:00Z,6,
`;
  test.each([
    ["first", { a: [1, 2], b: [] }],
    ["last", { a: [6, 2], b: [4, 5] }],
  ] as const)(
    "count as asked: %s",
    async (duplicates, values) => {
      await importText(content, { duplicates });
      const events = await stored();
      const early = (name: string) =>
        events[name]
          ?.filter(([time]) => String(time) < "2026-01-02")
          .map(([, value]) => value);
      expect({ a: early("a"), b: early("b") }).toEqual(values);
    },
    60_000,
  );
});

test("each kind of stream takes its own values", async () => {
  const kinds = { n: "INTEGER", b: "BOOLEAN", t: "TEXT" } as const;
  for (const [name, kind] of Object.entries(kinds))
    await seed.stream(tenant, { name, properties: [{ name: "value", kind }] });
  const options = { namespace: undefined, create: false };
  const importRow = (cells: string) =>
    importText(`timestamp,n,b,t\n2026-01-01T00:00:00Z,${cells}\n`, options);
  await importRow(`-9007199254740991,TRUE," a ""word"", ü "`);
  expect(await stored()).toEqual({
    n: [[at("00:00:00"), -9007199254740991]],
    b: [[at("00:00:00"), 1]],
    t: [[at("00:00:00"), ' a "word", ü ']],
  });
  for (const [cells, column] of [
    ["1.5,,", "n"],
    ["9007199254740992,,", "n"],
    [",yes,", "b"],
    [`,,${"x".repeat(8193)}`, "t"],
  ] as const)
    expect(await refusal(() => importRow(cells))).toContain(
      `line 2: column "${column}"`,
    );
});

describe("columns", () => {
  const content = `timestamp,a,b,c\n2026-01-01T00:00:00Z,1,x,3\n`;

  test("are left out, or chosen", async () => {
    await importText(content, { ignored: ["b"] });
    expect(Object.keys(await stored())).toEqual(["a", "c"]);
    await importText(content.replace("3\n", "4\n"), { columns: ["c"] });
    expect(await stored()).toEqual({
      a: [[at("00:00:00"), 1]],
      c: [[at("00:00:00"), 4]],
    });
  });

  test.each<[string, Partial<ImportOptions>, RegExp]>([
    ["that is not there", { ignored: ["d"] }, /no column "d".*a, b, c/],
    [
      "that is the timestamps'",
      { columns: ["timestamp"] },
      /no column "timestamp"/,
    ],
    [
      "none of which is left",
      { ignored: ["a", "b", "c"] },
      /no column to import/,
    ],
    [
      "without streams",
      { create: false, namespace: undefined },
      /no stream a, b, c\. .*--create/,
    ],
    [
      "in a namespace that is not there",
      { create: false },
      /no namespace Plant.*--create/,
    ],
  ])("%s", async (_, options, message) => {
    expect(await refusal(() => importText(content, options))).toMatch(message);
  });

  test("whose streams are in several namespaces need one named", async () => {
    const csv = "timestamp,a\n2026-01-01T00:00:00Z,1\n";
    await importText(csv);
    await importText(csv, { namespace: "Other" });
    const options = { namespace: undefined, create: false };
    expect(await refusal(() => importText(csv, options))).toMatch(
      /Several namespaces have a stream a\. .*--namespace/,
    );
  });

  test("of a stream with several properties are refused", async () => {
    await seed.stream(tenant, {
      name: "a",
      properties: [
        { name: "x", kind: "FLOAT" },
        { name: "y", kind: "FLOAT" },
      ],
    });
    const options = { namespace: undefined, create: false };
    expect(await refusal(() => importText("timestamp,a\n", options))).toMatch(
      /Stream a has several properties/,
    );
  });
});

describe("the one who imports", () => {
  const csv = "timestamp,a\n2026-01-01T00:00:00Z,1\n";

  test("needs WRITE on the streams", async () => {
    await importText(csv);
    const reader = await seed.user(tenant, ["VIEWER"]);
    const path = await file("file.csv", csv);
    expect(await refusal(() => importAs(reader, path))).toMatch(/WRITE/);
  });

  test("needs the right to make what is missing", async () => {
    const reader = await seed.user(tenant, ["VIEWER"]);
    const path = await file("file.csv", csv);
    expect(await refusal(() => importAs(reader, path))).toMatch(
      /Namespace Plant: You may not/,
    );
  });

  test("does not reach another tenant's streams", async () => {
    await importText(csv);
    const stranger = await seed.user(await seed.tenant(), ["CONTRIBUTOR"]);
    const path = await file("file.csv", csv);
    const options = { namespace: undefined, create: false };
    expect(await refusal(() => importAs(stranger, path, options))).toMatch(
      /no stream a\./,
    );
  });
});

describe("a time without an offset", () => {
  const read = (text: string, zone = "Europe/Berlin") => {
    const time = new TimestampReader(zone).read(text);
    return typeof time === "number" ? dateTimeOf(time) : time;
  };

  test.each([
    ["2026-01-15 12:00:00.25", "2026-01-15T11:00:00.25+00:00"],
    ["2026-07-15T12:00:00", "2026-07-15T10:00:00+00:00"],
    ["2026-07-15T12:00:00Z", "2026-07-15T12:00:00+00:00"],
    ["2026-03-29 01:59:59", "2026-03-29T00:59:59+00:00"],
    ["2026-03-29 02:30:00", "a time that the clocks of the zone skip"],
    ["2026-03-29 03:00:00", "2026-03-29T01:00:00+00:00"],
    ["2026-10-25 02:30:00", "2026-10-25T00:30:00+00:00"],
    ["2026-10-25 03:00:00", "2026-10-25T02:00:00+00:00"],
  ])("%s is what Berlin's clocks show at %s", (text, time) => {
    expect(read(text)).toBe(time);
  });

  test("is found again from what the clocks of any zone show", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          "UTC",
          "America/New_York",
          "Australia/Lord_Howe",
          "Asia/Kathmandu",
          "Pacific/Apia",
        ),
        fc.integer({
          min: microsOf("1971-01-01T00:00:00Z"),
          max: microsOf("2199-01-01T00:00:00Z"),
        }),
        (zone, time) => {
          const shown = new Date(Math.floor(time / 1000)).toLocaleString(
            "sv-SE",
            { timeZone: zone },
          );
          const found = new TimestampReader(zone).read(shown);
          expect(typeof found).toBe("number");
          // The first of two times that look alike, at most a clock change before.
          const early = time - (time % 1_000_000) - Number(found);
          expect([0, 1_800_000_000, 3_600_000_000]).toContain(early);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("needs a zone that exists", () => {
    expect(() => new TimestampReader("Europe/Atlantis")).toThrow(
      /no time zone Europe\/Atlantis/,
    );
  });
});

describe("the command", () => {
  const command = async (...args: readonly string[]) => {
    const process = new Process(["commands/import.ts", ...args], {
      DATABASE_URL: database.url,
    });
    return { code: await process.ended, output: process.output };
  };

  test("imports as somebody known by e-mail, client id or id, and tells how much", async () => {
    const names = await file("names.csv", "tag,name,unit\na,Flow,m3/h\n");
    const path = await file(
      "file.csv",
      "time,a,b\n2026-01-01 00:00:00,1,x\n2026-01-01 00:00:00,2,y\n",
    );
    const { email } = (await database
      .owner("tenant.users")
      .where({ identity_id: engineer.id })
      .first("email")) as { email: string };
    const client = await seed.client(tenant, ["CONTRIBUTOR"]);
    await database
      .owner("tenant.clients")
      .where({ identity_id: client.id })
      .update({ client_id: "historian" });
    for (const as of [email.toUpperCase(), "historian", engineer.uuid])
      expect(
        await command(
          ...["--as", as, "--namespace", "Plant", "--create"],
          ...["--names", names, "--ignore", "b", "--zone", "Asia/Kathmandu"],
          ...["--duplicates=last", path],
        ),
      ).toEqual({
        code: 0,
        output: "Imported 1 event into 1 stream.\n",
      });
    expect(await stored()).toEqual({
      a: [["2025-12-31T18:15:00+00:00", 2]],
    });
  }, 60_000);

  test("refuses in a sentence", async () => {
    const person = "ann@example.com";
    const companies = await Promise.all(
      ["a", "b"].map((name) => seed.tenant(name)),
    );
    for (const company of companies) await seed.user(company, [], person);
    const path = await file("file.csv", "time,a\n");
    const refusals: [readonly string[], RegExp][] = [
      [[], /^Usage: /],
      [["--as", engineer.uuid], /^Usage: /],
      [["--as", engineer.uuid, "--fast", path], /Unknown option '--fast'/],
      [
        ["--as", engineer.uuid, "--duplicates", "none", path],
        /must be one of error, first, last/,
      ],
      [["--as", "nobody@example.com", path], /^Nobody here/],
      [
        ["--as", person, path],
        new RegExp(`several tenants.*\n.*${companies[0]?.uuid}`),
      ],
    ];
    for (const [args, message] of refusals) {
      const { code, output } = await command(...args);
      expect(code).toBe(1);
      expect(output).toMatch(message);
      expect(output).not.toMatch(/\n\s+at /);
    }
    expect(await command("--help")).toMatchObject({
      ...{ code: 0, output: expect.stringContaining("--duplicates <rule>") },
    });
  }, 60_000);
});
