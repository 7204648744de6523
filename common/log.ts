import { pino, type Logger } from "pino";

export type { Logger } from "pino";

/** One JSON object a line on standard output; `LOG_LEVEL` decides what is kept. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, base: { name }, redact: ["req.headers"] });
}
