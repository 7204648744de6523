import { pino } from "pino";
import type { Logger } from "../../common/log.ts";

/** A logger whose lines a test can read. */
export function logTo<Line extends Record<string, unknown>>(
  lines: Line[],
  level = "warn",
): { log: Logger; lines: Line[] } {
  const log = pino(
    { level },
    { write: (line) => lines.push(JSON.parse(line) as Line) },
  );
  return { log, lines };
}
