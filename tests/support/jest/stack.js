import { findSourceMap } from "node:module";
import { fileURLToPath } from "node:url";

const place = /file:\/\/[^\s()]+/;

/**
 * A stack by the lines of the TypeScript, as Node itself makes it, but for functions without a name: Jest takes a line
 * with `<anonymous>` for one of its own, and would not show where a test of a table fails.
 */
export function stackAsWritten(error, frames) {
  const lines = frames.map((frame) => {
    const text = String(frame).replace(place, () => placeOf(frame));
    return `    at ${text}`;
  });
  return [Error.prototype.toString.call(error), ...lines].join("\n");
}

function placeOf(frame) {
  const file = frame.getFileName();
  const line = frame.getLineNumber();
  const column = frame.getColumnNumber();
  const { originalSource, originalLine, originalColumn } =
    findSourceMap(file)?.findEntry(line - 1, column - 1) ?? {};
  return originalSource
    ? `${fileURLToPath(originalSource)}:${originalLine + 1}:${originalColumn + 1}`
    : `${fileURLToPath(file)}:${line}:${column}`;
}
