import {
  spawn,
  type ChildProcess,
  type SpawnOptions,
} from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { Account } from "./account.ts";

/**
 * What a backend frees after a large read glibc gives back to the system, and takes again for the next one: by whether the
 * top of its heap happens to be free, a fifth of the CPU of 10,000 events. So a backend keeps up to this much.
 */
const keptBytes = 16 * 1024 * 1024;

/** Nothing of our own environment: PostgreSQL would take PGPORT, TZ or a locale from it. */
const environment = {
  PATH: "/usr/bin:/bin",
  LC_ALL: "C",
  MALLOC_TRIM_THRESHOLD_: `${keptBytes}`,
  MALLOC_MMAP_THRESHOLD_: `${keptBytes}`,
};

/** `cwd` is the root, which every account may enter and nobody will want to unmount. */
export function spawnAs(
  account: Account | undefined,
  command: string,
  args: readonly string[],
  options: SpawnOptions,
): ChildProcess {
  return spawn(command, args, {
    ...options,
    ...(account && { uid: account.uid, gid: account.gid }),
    cwd: "/",
    env: environment,
  });
}

/** Runs a program to its end; `output` is what it said, on both streams. */
export async function run(
  account: Account | undefined,
  command: string,
  args: readonly string[],
  input = "",
): Promise<{ code: number | null; output: string }> {
  const child = spawnAs(account, command, args, { stdio: "pipe" });
  const ended = once(child, "close");
  // A program that ends without reading its input is told by its code, not by a broken pipe.
  child.stdin?.on("error", () => undefined).end(input);
  const spoken = Promise.all(
    [child.stdout, child.stderr].map((stream) => (stream ? text(stream) : "")),
  );
  const [code] = (await ended) as [number | null];
  return { code, output: (await spoken).join("\n").trim() };
}
