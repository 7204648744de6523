import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";

const script = fileURLToPath(
  new URL("./embedded-postgres-child.ts", import.meta.url),
);

/** An empty directory that PostgreSQL's account may enter when the tests run as root. */
export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "tributary-embedded-"));
  await chmod(home, 0o755);
  return home;
}

export async function withHome(
  test: (home: string) => Promise<void>,
): Promise<void> {
  const home = await makeHome();
  try {
    await test(home);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Homes whose PostgreSQL has been started and stopped once; making one anew takes as long as most tests. */
export class MadeHomes {
  private readonly first = this.make();

  /** A copy of one, in which the database is `postgres`. */
  async with(test: (home: string) => Promise<void>): Promise<void> {
    const first = await this.first;
    await withHome(async (home) => {
      execFileSync("cp", ["-a", `${first}/.`, home]);
      await test(home);
    });
  }

  async remove(): Promise<void> {
    await rm(await this.first, { recursive: true });
  }

  private async make(): Promise<string> {
    const home = await makeHome();
    const postgres = await startEmbeddedPostgres({
      directory: join(home, "postgres"),
      log: createLogger("test", "silent"),
      durable: false,
    });
    await postgres.stop();
    return home;
  }
}

/**
 * Another process with an embedded PostgreSQL, in a process group of its own as a terminal would give it. `prepare` is what a shell does
 * first, in mounts of its own; `uid` is the account that it runs as.
 */
export function startChild(
  directory: string,
  { prepare, uid }: { prepare?: string; uid?: number } = {},
) {
  const node = [
    process.execPath,
    "--import",
    "./common/typescript/register.js",
    script,
    directory,
  ];
  const [command = "", ...args] = prepare
    ? ["unshare", "-m", "sh", "-c", `${prepare} && exec "$@"`, "sh", ...node]
    : node;
  const child = spawn(command, args, {
    detached: true,
    env: { ...process.env, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "inherit"],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  const lines = createInterface({ input: child.stdout })[
    Symbol.asyncIterator
  ]();
  const ended = once(child, "close");
  return {
    /** The next line that it prints: a URL, an error, or how far it has stopped. */
    next: async () => (await lines.next()).value as string,
    pid: child.pid ?? 0,
    /** To its whole group, as the terminal's Ctrl-C. */
    signal: (signal: NodeJS.Signals) => process.kill(-(child.pid ?? 0), signal),
    ended,
  };
}

export async function query(
  url: string,
  ...statements: string[]
): Promise<Record<string, unknown>[]> {
  const client = new Client(url);
  client.on("error", () => undefined);
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements)
      rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

export async function postmasterOf(directory: string): Promise<number> {
  return parseInt(await readFile(join(directory, "postmaster.pid"), "utf8"));
}

/** Settles when no process has the id any more. */
export async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(50);
  }
}
