import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { spawn, spawnSync } from "node:child_process";
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import {
  locatePackage,
  prepareBinaries,
} from "../../common/embedded-postgres/binaries.ts";
import { startEmbeddedPostgres } from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";
import {
  MadeHomes,
  makeHome,
  query,
  startChild,
  withHome,
} from "../support/embedded-postgres.ts";

const nobody = 65_534;
const isRoot = process.getuid?.() === 0;
const whenRoot = isRoot ? test : test.skip;
const canMount = isRoot && spawnSync("unshare", ["-m", "true"]).status === 0;
const whenMounting = canMount ? test : test.skip;

const log = createLogger("test", "silent");
const start = (directory: string) =>
  startEmbeddedPostgres({ directory, log, durable: false });

const made = new MadeHomes();
afterAll(() => made.remove());

const refusal = (directory: string) =>
  start(directory).then(
    async (postgres) => {
      await postgres.stop();
      return "started";
    },
    (error: Error) => `${error.name}: ${error.message}`,
  );

test("the first start makes the database, the next one finds it again at the same address", () =>
  withHome(async (home) => {
    const directory = join(home, "data", "postgres");
    const first = await start(directory);
    expect(first.isNew).toBe(true);
    await query(first.url, "create table kept as select 42 as answer");
    await first.stop();

    const second = await start(directory);
    expect(second).toMatchObject({ isNew: false, url: first.url });
    expect(await query(second.url, "table kept")).toEqual([{ answer: 42 }]);
    await second.stop();
    expect((await readdir(dirname(directory))).sort()).toEqual([
      "postgres",
      "postgres-passwords.json",
      "postgres-port",
    ]);
  }));

test("of two first starts at once one wins, and the other is told so", () =>
  withHome(async (home) => {
    const directory = join(home, "postgres");
    const outcomes = await Promise.allSettled([
      start(directory),
      start(directory),
    ]);
    const winners = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    );
    expect(outcomes).toContainEqual(
      expect.objectContaining({
        reason: expect.objectContaining({
          name: "StartError",
          message: expect.stringMatching(/is in use by the PostgreSQL/),
        }),
      }),
    );
    expect(winners).toHaveLength(1);
    await winners[0]?.stop();
  }));

test("the database is UTF-8 with the builtin locale, in UTC, and only its owner's password opens it", () =>
  made.with(async (home) => {
    const directory = join(home, "postgres");
    const { url, stop } = await start(directory);
    const properties = await query(
      url,
      `select pg_encoding_to_char(encoding) as encoding, datlocprovider, datlocale, rolsuper,
         current_setting('timezone') as timezone, current_setting('listen_addresses') as addresses
       from pg_database, pg_roles where datname = current_database() and rolname = current_user`,
    );
    expect(properties).toEqual([
      {
        encoding: "UTF8",
        datlocprovider: "b",
        datlocale: "C.UTF-8",
        rolsuper: false,
        timezone: "UTC",
        addresses: "127.0.0.1",
      },
    ]);
    const lockFile = await readFile(join(directory, "postmaster.pid"), "utf8");
    const socketDirectory = lockFile.split("\n")[4];
    expect(socketDirectory).toBe("");

    const wrong = new URL(url);
    wrong.password = "guess";
    await expect(query(wrong.href)).rejects.toThrow(/password authentication/);
    wrong.username = "postgres";
    await expect(query(wrong.href)).rejects.toThrow(/password authentication/);
    const passwords = `${directory}-passwords.json`;
    expect((await stat(passwords)).mode & 0o777).toBe(0o600);
    expect((await stat(directory)).mode & 0o777).toBe(0o700);
    await stop();
  }));

test("the database's owner can make what migrations and tests make", () =>
  made.with(async (home) => {
    const { url, stop } = await start(join(home, "postgres"));
    await query(
      url,
      "create role reader login password 'secret'",
      "create schema stream",
      "create table stream.events (at timestamptz not null) partition by range (at)",
      `create function stream.add_partition() returns void language plpgsql security definer set search_path = '' as
         $$ begin create table stream.rest partition of stream.events default; end $$`,
      "revoke all on function stream.add_partition() from public",
      "grant usage on schema stream to reader",
      "grant execute on function stream.add_partition() to reader",
    );
    const reader = new URL(url);
    reader.username = "reader";
    reader.password = "secret";
    await query(reader.href, "select stream.add_partition()");
    await expect(query(reader.href, "table stream.rest")).rejects.toThrow(
      /permission denied/,
    );

    const elsewhere = new URL(url);
    elsewhere.pathname = "postgres";
    await query(
      elsewhere.href,
      "create database clone template tributary",
      "drop database clone with (force)",
    );
    await stop();
  }));

describe("a directory that cannot be used is told in one sentence", () => {
  test("another major version's", () =>
    withHome(async (home) => {
      const directory = join(home, "postgres");
      await mkdir(directory, { mode: 0o700 });
      await writeFile(join(directory, "PG_VERSION"), "16\n");
      expect(await refusal(directory)).toMatch(
        /^StartError: .* was written by PostgreSQL 16, and this is PostgreSQL 17\. .*DATABASE_URL/,
      );
    }));

  test("one with other things in it", () =>
    withHome(async (home) => {
      await writeFile(join(home, "thesis.txt"), "");
      expect(await refusal(home)).toMatch(
        /^StartError: .* is no PostgreSQL database\. .*TRIBUTARY_DATA/,
      );
      expect(await readdir(home)).toEqual(["thesis.txt"]);
    }));

  test("one below a file", () =>
    withHome(async (home) => {
      await writeFile(join(home, "file"), "");
      expect(await refusal(join(home, "file", "postgres"))).toMatch(
        /^StartError: PostgreSQL cannot start in .*TRIBUTARY_DATA/,
      );
    }));

  test("one whose passwords are lost, or are not its own", () =>
    made.with(async (home) => {
      const directory = join(home, "postgres");
      const passwords = `${directory}-passwords.json`;
      const foreign = { postgres: "other", tributary: "other" };
      await writeFile(passwords, JSON.stringify(foreign));
      expect(await refusal(directory)).toMatch(
        /^StartError: The password kept beside the database does not fit it/,
      );
      await rm(passwords);
      expect(await refusal(directory)).toMatch(
        /^StartError: .*passwords\.json holds the passwords .* backup/,
      );
    }));

  whenMounting("one on a full disk", () =>
    withHome(async (home) => {
      const child = startChild(join(home, "postgres"), {
        prepare: `mount -t tmpfs -o size=8m,mode=755 none ${home}`,
      });
      expect(await child.next()).toMatch(
        /^StartError: The disk that holds .* is full\. Free some space on it/,
      );
      await child.ended;
    }),
  );

  whenMounting("one on a disk that filled up since", () =>
    made.with(async (home) => {
      const child = startChild(join(home, "postgres"), {
        prepare: `cp -a ${home}/. /mnt 2>/dev/null; mount -t tmpfs -o size=64m,mode=755 none /mnt && cp -a ${home}/. /mnt/ && dd if=/dev/zero of=/mnt/filler bs=4k 2>/dev/null; mount --bind /mnt ${home}`,
      });
      expect(await child.next()).toMatch(/^StartError: The disk that holds/);
      await child.ended;
    }),
  );

  whenMounting("one on a read-only file system", () =>
    made.with(async (home) => {
      for (const directory of ["new", "postgres"]) {
        const child = startChild(join(home, directory), {
          prepare: `mount --bind ${home} ${home} && mount -o remount,ro,bind ${home}`,
        });
        expect(await child.next()).toMatch(
          /^StartError: .* lies on a read-only file system\. /,
        );
        await child.ended;
      }
    }),
  );

  test("one that this account may not write", () =>
    withHome(async (home) => {
      await mkdir(join(home, "closed"), { mode: 0o555 });
      const child = startChild(join(home, "closed", "postgres"), {
        ...(isRoot && { uid: nobody }),
      });
      expect(await child.next()).toMatch(
        /^StartError: This account may not read and write .*TRIBUTARY_DATA/,
      );
      await child.ended;
    }));

  whenRoot("under root, one that PostgreSQL's account cannot reach", () =>
    withHome(async (home) => {
      const closed = join(home, "closed");
      await mkdir(closed, { mode: 0o700 });
      expect(await refusal(join(closed, "postgres"))).toMatch(
        /^StartError: PostgreSQL refuses to run as root, .* may not enter .*closed\. Set TRIBUTARY_DATA/,
      );
    }),
  );
});

describe("under root", () => {
  whenRoot(
    "PostgreSQL has an account of its own, which takes over a directory that came back from a backup",
    () =>
      made.with(async (home) => {
        const directory = join(home, "postgres");
        const { uid } = await stat(directory);
        expect(uid).not.toBe(0);
        spawnSync("chown", ["-R", "0:0", directory]);
        await chmod(directory, 0o755);
        expect(await refusal(directory)).toBe("started");
        expect((await stat(join(directory, "global"))).uid).toBe(uid);
      }),
  );

  whenRoot(
    "another account's installation still starts, and stays that account's",
    () =>
      withHome(async (home) => {
        await chown(home, nobody, nobody);
        const directory = join(home, "postgres");
        const child = startChild(directory, { uid: nobody });
        expect(await child.next()).toMatch(/^postgres:/);
        child.signal("SIGTERM");
        await child.ended;
        expect(await refusal(directory)).toBe("started");
        expect((await stat(join(directory, "global"))).uid).toBe(nobody);
      }),
  );
});

test("a port that is taken is left to its holder", () =>
  made.with(async (home) => {
    const directory = join(home, "postgres");
    const first = await start(directory);
    await first.stop();
    const port = Number(new URL(first.url).port);
    const holder = createServer((socket) => socket.resume());
    holder.listen(port, "127.0.0.1");
    const second = await start(directory);
    expect(new URL(second.url).port).not.toBe(String(port));
    await second.stop();
    expect(await readFile(`${directory}-port`, "utf8")).toBe(
      new URL(second.url).port,
    );
    holder.close();
  }));

test("a lock file that names a process which is about to end is waited for", () =>
  made.with(async (home) => {
    const directory = join(home, "postgres");
    const { uid, gid } = await stat(directory);
    const other = spawn("sleep", ["2"], isRoot ? { uid, gid } : {});
    const lockFile = join(directory, "postmaster.pid");
    await writeFile(lockFile, `${other.pid}\n${directory}\n0\n1\n\n\n\n`);
    expect(await refusal(directory)).toBe("started");
    expect(other.exitCode).toBe(0);
  }));

describe("the npm package's programs", () => {
  const packaged = dirname(locatePackage());
  let installed = "";
  let native = "";

  beforeAll(async () => {
    installed = await makeHome();
    native = join(installed, "native");
    await cp(packaged, installed, { recursive: true, verbatimSymlinks: true });
  });
  afterAll(() => rm(installed, { recursive: true }));

  /** As npm leaves the package when install scripts are switched off. */
  beforeEach(async () => {
    const libraries = join(native, "lib");
    for (const entry of await readdir(libraries, { withFileTypes: true }))
      if (entry.isSymbolicLink()) await rm(join(libraries, entry.name));
  });

  test("run although install scripts are switched off", async () => {
    const usable = {
      postgres: join(native, "bin", "postgres"),
      initdb: join(native, "bin", "initdb"),
      major: "17",
    };
    const unused = "/nowhere";
    expect(await prepareBinaries(native, unused, undefined)).toEqual(usable);
    expect(await prepareBinaries(native, unused, undefined)).toEqual(usable);
  });

  whenMounting("run although node_modules is read-only as well", () =>
    withHome(async (home) => {
      const child = startChild(join(home, "postgres"), {
        prepare: `mount --bind ${installed} ${packaged} && mount -o remount,ro,bind ${packaged}`,
      });
      expect(await child.next()).toMatch(/^postgres:/);
      child.signal("SIGTERM");
      await child.ended;
    }),
  );

  whenRoot("are copied out of a home that their account may not enter", () =>
    withHome(async (home) => {
      await chmod(installed, 0o700);
      const account = { name: "nobody", uid: nobody, gid: nobody };
      const copy = await prepareBinaries(native, home, account);
      expect(copy.postgres).toMatch(/\/postgresql-17[^/]*\/native\/bin\/post/);
      expect(await prepareBinaries(native, home, account)).toEqual(copy);
    }),
  );

  test("that do not run here are told with the way out", () =>
    withHome(async (home) => {
      await mkdir(join(home, "bin"));
      const loaderless = "#!/no/such/loader\n";
      await writeFile(join(home, "bin", "postgres"), loaderless, {
        mode: 0o755,
      });
      await writeFile(join(home, "pg-symlinks.json"), "[]");
      await expect(prepareBinaries(home, home, undefined)).rejects.toThrow(
        /does not run on this machine; it needs glibc .* Set DATABASE_URL/,
      );
    }));

  test.each(["win32", "sunos"])(
    "that do not exist for %s are told with the way out",
    (platform) => {
      expect(() => locatePackage(platform)).toThrow(
        /no embedded PostgreSQL for .* Set DATABASE_URL/,
      );
    },
  );
});
