import { readFileSync } from "node:fs";

/** How much memory a process has, as Linux tells it. */
export function residentBytes(pid: number): number {
  const [, kibibytes] =
    /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ??
    [];
  return Number(kibibytes) * 1024;
}

/** The most that it has over what it had before, while some work is done. */
export async function mostWhile(
  pid: number,
  work: () => Promise<unknown>,
): Promise<{ readonly beforeBytes: number; readonly overBytes: number }> {
  const beforeBytes = residentBytes(pid);
  let overBytes = 0;
  const watch = setInterval(() => {
    overBytes = Math.max(overBytes, residentBytes(pid) - beforeBytes);
  }, 20);
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  return { beforeBytes, overBytes };
}
