import { existsSync, readdirSync, readFileSync } from "node:fs";
import { StartError } from "../common/config.ts";

interface ProcessTimes {
  readonly parent: number;
  /** Of its children that have ended. */
  readonly endedMs: number;
}

/** What these processes, PostgreSQL's, and those that started and ended below this one have used so far. */
export function cpuMs(
  postmaster: number,
  processes: readonly number[],
): number {
  const own = [...processes, ...childrenOf(postmaster), postmaster].map(ownMs);
  // Read last: what has ended in between is found here.
  return own.reduce(
    (sum, ms) => sum + ms,
    timesOf(postmaster).endedMs + timesOf(process.pid).endedMs,
  );
}

/** Of all its threads, by the scheduler's clock: a slice of a few operations is short for one that counts in ticks. */
function ownMs(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((thread) =>
        readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "latin1"),
      )
      .reduce((sum, times) => sum + Number(times.split(" ")[0]) / 1e6, 0);
  } catch {
    return 0;
  }
}

/** The process that started a process. */
export const parentOf = (pid: number): number => timesOf(pid).parent;

/** Tells early where CPU times cannot be read. */
export function assertCpuIsTold(): void {
  const files = ["children", "schedstat"];
  if (
    !files.every((file) =>
      existsSync(`/proc/${process.pid}/task/${process.pid}/${file}`),
    )
  )
    throw new StartError(
      "The benchmarks read CPU times from /proc, as Linux has it.",
    );
}

export const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1")
    .split(" ")
    .filter((child) => child !== "")
    .map(Number);

/** Of a clock tick in /proc, on every Linux that Node runs on. */
const tickMs = 10;

function timesOf(pid: number): ProcessTimes {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is the program's name in brackets, which may hold anything; the third comes first here.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3]);
  return {
    parent: field(4),
    endedMs: (field(16) + field(17)) * tickMs,
  };
}
