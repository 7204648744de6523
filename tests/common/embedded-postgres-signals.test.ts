import { afterAll, expect, test } from "@jest/globals";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";
import {
  gone,
  MadeHomes,
  postmasterOf,
  query,
  startChild,
  withHome,
} from "../support/embedded-postgres.ts";

const log = createLogger("test", "silent");
const start = (directory: string) => startEmbeddedPostgres({ directory, log });

const made = new MadeHomes();
afterAll(() => made.remove());

test.each(["SIGINT", "SIGTERM"] as const)(
  "after %s to the whole process group the application still has its database until it has finished",
  (signal) =>
    made.with(async (home) => {
      const directory = join(home, "postgres");
      const child = startChild(directory);
      expect(await child.next()).toMatch(/^postgres:/);
      const postmaster = await postmasterOf(directory);
      child.signal(signal);
      expect(await child.next()).toBe("drained");
      expect(await child.next()).toBe("stopped");
      expect(await child.ended).toEqual([0, null]);
      await gone(postmaster);
    }),
);

test("a process that is killed leaves no PostgreSQL, and what was committed is there at the next start", () =>
  made.with(async (home) => {
    const directory = join(home, "postgres");
    const child = startChild(directory);
    await query(await child.next(), "create table kept as select 42 as answer");
    const postmaster = await postmasterOf(directory);
    child.signal("SIGKILL");
    await child.ended;

    const next = await start(directory);
    await gone(postmaster);
    expect(await query(next.url, "table kept")).toEqual([{ answer: 42 }]);
    await next.stop();
  }));

test("a process that is killed early in its first start leaves nothing that hinders the next one", () =>
  withHome(async (home) => {
    const directory = join(home, "postgres");
    await mkdir(join(home, "postgres.new-a1b2c3"));
    for (const delayMs of [600, 900, 1200]) {
      const child = startChild(directory);
      await sleep(delayMs);
      child.signal("SIGKILL");
      await child.ended;
    }
    const postgres = await start(directory);
    expect(await query(postgres.url, "select 1 as one")).toEqual([{ one: 1 }]);
    await postgres.stop();
    expect((await readdir(home)).sort()).toEqual([
      "postgres",
      "postgres-passwords.json",
      "postgres-port",
    ]);
  }));

test("a PostgreSQL that dies by itself is told, and the next start recovers its data", () =>
  made.with(async (home) => {
    const directory = join(home, "postgres");
    const first = await start(directory);
    await query(first.url, "create table kept as select 42 as answer");
    const busy = new Client(first.url);
    busy.on("error", () => undefined);
    await busy.connect();
    process.kill(await postmasterOf(directory), "SIGKILL");
    await first.exited;

    const second = await start(directory);
    expect(await query(second.url, "table kept")).toEqual([{ answer: 42 }]);
    await second.stop();
  }));

test("stopping is quick with clients connected, is no death, and may be asked twice", () =>
  made.with(async (home) => {
    const postgres = await start(join(home, "postgres"));
    const idle = new Client(postgres.url);
    const cutOff = new Promise((settle) => idle.on("error", settle));
    await idle.connect();
    await Promise.all([postgres.stop(), postgres.stop()]);
    await cutOff;
    const outcome = await Promise.race([postgres.exited, sleep(100, "silent")]);
    expect(outcome).toBe("silent");
  }));

test("a second start on a directory in use names the processes that hold it", () =>
  made.with(async (home) => {
    const directory = join(home, "postgres");
    const child = startChild(directory);
    const url = await child.next();
    const postmaster = await postmasterOf(directory);
    await expect(start(directory)).rejects.toMatchObject({
      name: "StartError",
      message: expect.stringContaining(
        `is in use by the PostgreSQL with process id ${postmaster}, of the Tributary with process id ${child.pid}.`,
      ),
    });
    expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
    child.signal("SIGTERM");
    await child.ended;
  }));
