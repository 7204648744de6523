import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { gunzipSync, gzipSync } from "node:zlib";
import {
  afterAll,
  beforeAll,
  describe,
  expect,
  jest,
  test,
} from "@jest/globals";
import { backUp } from "../../commands/backup/back-up.ts";
import { restore } from "../../commands/backup/restore.ts";
import { connect, type Knex } from "../../common/database.ts";
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";
import { migrate } from "../../migrations/run.ts";
import { makeHome, withHome } from "../support/embedded-postgres.ts";
import { run } from "../support/process.ts";
import { Seed } from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";

jest.setTimeout(120_000);

const log = createLogger("test", "silent");
let home: string;
let postgres: EmbeddedPostgres;
let owner: Knex;
/** Of an installation at rest, with what was in it. */
let archive: string;
let written: Record<string, string>;

beforeAll(async () => {
  home = await makeHome();
  const directory = join(home, "postgres");
  postgres = await startEmbeddedPostgres({ directory, log, durable: false });
  await migrate(postgres.url);
  await writeFile(join(home, "issuer-keys.json"), '{"signing":[]}');
  owner = connect(postgres.url, { name: "test", poolSize: 2 });
  const seed = new Seed(owner);
  const tenant = await seed.tenant("Orchard");
  await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  await seed.community(tenant, "Pumps");
  written = await everythingWritten({ owner });
  archive = join(home, "rest.tar.gz");
  await backUp(home, archive, out);
});
afterAll(async () => {
  await owner.destroy();
  await postgres.stop();
  await rm(home, { recursive: true });
});

/** Nobody reads how far it is. */
const out = new PassThrough().resume() as unknown as NodeJS.WriteStream;
const quietly = () => undefined;

async function withDatabaseIn<T>(
  directory: string,
  work: (owner: Knex) => Promise<T>,
): Promise<T> {
  const { url, stop } = await startEmbeddedPostgres({
    directory: join(directory, "postgres"),
    log,
    durable: false,
  });
  const db = connect(url, { name: "test", poolSize: 1 });
  try {
    return await work(db);
  } finally {
    await db.destroy();
    await stop();
  }
}

describe("npm run backup", () => {
  test("what it wrote comes back whole, and again what is written of that: every table, the keys and the passwords", () =>
    withHome(async (directory) => {
      const again = join(directory, "again");
      const { code, output } = await run(["commands/restore.ts", archive], {
        TRIBUTARY_DATA: again,
      });
      expect(output).toContain('Start it with "npm start"');
      expect(code).toBe(0);
      // This one does not run.
      const file = join(directory, "again.tar.gz");
      const told = await run(["commands/backup.ts", file], {
        TRIBUTARY_DATA: again,
      });
      expect(told.output).toContain("every secret");
      expect(told.code).toBe(0);
      expect((await stat(file)).mode & 0o777).toBe(0o600);

      const third = join(directory, "third");
      await restore(file, third, quietly);
      await withDatabaseIn(third, async (restored) => {
        expect(await everythingWritten({ owner: restored })).toEqual(written);
      });
      for (const name of ["issuer-keys.json", "postgres-passwords.json"])
        expect(await readFile(join(third, name))).toEqual(
          await readFile(join(home, name)),
        );
    }));

  test("while it is written to: what was committed before, whole transactions, and none without those before it", () =>
    withHome(async (into) => {
      await owner.raw("create table numbers (number int, text text)");
      await owner.raw("create table doubles (number int primary key)");
      let last = 0;
      let isOver = false;
      const writer = (async () => {
        while (!isOver) {
          const number = last + 1;
          await owner.transaction(async (transaction) => {
            await transaction("numbers").insert({
              number,
              text: "x".repeat(5_000),
            });
            await transaction("doubles").insert({ number });
          });
          // Files that shrink and go, too.
          if (number % 100 === 0) await owner.raw("vacuum full doubles");
          last = number;
        }
      })();
      while (last < 50) await new Promise(setImmediate);
      const before = last;
      const file = join(home, "busy.tar.gz");
      await backUp(home, file, out);
      const after = last;
      isOver = true;
      await writer;
      expect(after).toBeGreaterThan(before);

      await restore(file, into, quietly);
      await withDatabaseIn(into, async (restored) => {
        const { rows } = await restored.raw<{
          rows: [Record<"count" | "highest" | "sum" | "doubles", number>];
        }>(
          `select count(*)::int, max(number) as highest, sum(length(text))::int,
                  (select count(*)::int from doubles) as doubles from numbers`,
        );
        const [{ count, highest, sum, doubles }] = rows;
        expect({ highest, sum, doubles }).toEqual({
          highest: count,
          sum: 5_000 * count,
          doubles: count,
        });
        expect(count).toBeGreaterThanOrEqual(before);
        expect(count).toBeLessThanOrEqual(after + 1);
      });
    }));

  test("refuses a file that is there, a directory without an installation, and a database that is not its own", () =>
    withHome(async (empty) => {
      const file = join(empty, "there.tar.gz");
      await writeFile(file, "mine");
      await expect(backUp(home, file, out)).rejects.toThrow("is there already");
      expect(await readFile(file, "utf8")).toBe("mine");
      const other = join(empty, "other.tar.gz");
      await expect(backUp(empty, other, out)).rejects.toThrow(
        "There is no installation in",
      );
      const { code, output } = await run(["commands/backup.ts", other], {
        DATABASE_URL: postgres.url,
      });
      expect(output).toContain("pg_basebackup or pg_dump");
      expect(code).toBe(1);
      expect(await readdir(empty)).toEqual(["there.tar.gz"]);
    }));
});

describe("npm run restore refuses, and leaves nothing", () => {
  /** The archive with another text of the same length in its first file. */
  const changed = async (from: string, to: string): Promise<Buffer> => {
    const tar = gunzipSync(await readFile(archive));
    const at = tar.indexOf(from);
    expect(at).toBeLessThan(1024);
    tar.write(to, at);
    return gzipSync(tar, { level: 1 });
  };

  test.each<[string, () => Promise<Buffer>, RegExp]>([
    [
      "a database of another major version",
      () => changed('"postgres":"17"', '"postgres":"16"'),
      /PostgreSQL 16, and this Tributary brings PostgreSQL 17.+Restore it with Tributary 0\.1\.0.+pg_dump of PostgreSQL 16/,
    ],
    [
      "a file that is cut off",
      async () => (await readFile(archive)).subarray(0, -100_000),
      /cannot be read to its end/,
    ],
    [
      "a file with a byte that is not as it was written",
      async () => {
        const bytes = await readFile(archive);
        const middle = bytes.length >> 1;
        bytes[middle] = (bytes[middle] ?? 0) ^ 0xff;
        return bytes;
      },
      /cannot be read to its end/,
    ],
    [
      "a file that is no backup",
      () => Promise.resolve(Buffer.from("time,value\n1,2\n")),
      /is no backup of Tributary|cannot be read/,
    ],
  ])("%s", (_what, bytes, words) =>
    withHome(async (directory) => {
      const file = join(directory, "bad.tar.gz");
      await writeFile(file, await bytes());
      const into = join(directory, "into");
      await expect(restore(file, into, quietly)).rejects.toThrow(words);
      expect(await readdir(into).catch(() => [])).toEqual([]);
    }),
  );

  test("a directory that is not empty", () =>
    withHome(async (directory) => {
      await writeFile(join(directory, "mine.json"), "{}");
      await expect(restore(archive, directory, quietly)).rejects.toThrow(
        "is not empty, and nothing in it is overwritten",
      );
      expect(await readdir(directory)).toEqual(["mine.json"]);
    }));

  test("a file that is not there", () =>
    withHome(async (directory) => {
      await expect(
        restore("nowhere.tar.gz", directory, quietly),
      ).rejects.toThrow("There is no file nowhere.tar.gz");
      expect(await readdir(directory)).toEqual([]);
    }));
});
