import { createHash } from "node:crypto";

/**
 * A value as RFC 8785 (JCS) writes it: keys in the order of their UTF-16 code units, no white space, numbers and texts
 * as JSON.stringify has them. What JSON does not know is left out of objects, as JSON.stringify does.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join()}}`;
}

/** SHA-256 of the canonical form, in hexadecimal. */
export const hashOf = (value: unknown): string =>
  createHash("sha256").update(canonicalJson(value)).digest("hex");
