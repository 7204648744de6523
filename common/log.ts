import { pino, type Logger } from "pino";
import type { EnvironmentReader } from "./config.ts";

export type { Logger } from "pino";

const levels = ["fatal", "error", "warn", "info", "debug", "silent"] as const;

/** The least level that is kept. */
export const readLogLevel = (reader: EnvironmentReader) =>
  reader.choice("LOG_LEVEL", levels, "info");

/** One JSON object a line on standard output. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, base: { name }, redact: ["req.headers"] });
}
