import { existsSync, readFileSync } from "node:fs";
import { StartError } from "../common/config.ts";

interface ProcessTimes {
  readonly parent: number;
  readonly ownMs: number;
  /** Of its children that have ended. */
  readonly endedMs: number;
}

/** What these processes, PostgreSQL's, and those that started and ended below this one have used so far. */
export function cpuMs(
  postmaster: number,
  processes: readonly number[],
): number {
  const own = [...processes, ...childrenOf(postmaster)].map(ownMs);
  // Read last: what has ended in between is found here.
  const { ownMs: serverMs, endedMs } = timesOf(postmaster);
  return own.reduce(
    (sum, ms) => sum + ms,
    serverMs + endedMs + timesOf(process.pid).endedMs,
  );
}

function ownMs(pid: number): number {
  try {
    return timesOf(pid).ownMs;
  } catch {
    return 0;
  }
}

/** The process that started a process. */
export const parentOf = (pid: number): number => timesOf(pid).parent;

/** Tells early where CPU times cannot be read. */
export function assertCpuIsTold(): void {
  if (!existsSync(`/proc/${process.pid}/task/${process.pid}/children`))
    throw new StartError(
      "The benchmarks read CPU times from /proc, as Linux has it.",
    );
}

const childrenOf = (pid: number) =>
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
    ownMs: (field(14) + field(15)) * tickMs,
    endedMs: (field(16) + field(17)) * tickMs,
  };
}
