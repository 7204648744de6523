import type { TimeWindow } from "../../generated.ts";
import type { Kind } from "./question.ts";

/** Longer ones no server takes for certain. */
const maxLength = 4_000;

/** Arguments of a read that a file has no use for: it is whole. */
const ofPages = new Set(["first", "after"]);

/** Where a read of the graph is a file, below the gateway's own address and without its format; null if too long. */
export function addressOf(
  streamId: string,
  kind: Kind,
  { window, ...args }: { readonly window?: TimeWindow | null },
): string | null {
  const query = new URLSearchParams({ kind, ...window });
  for (const [name, value] of Object.entries(args) as [string, unknown][])
    if (value != null && !ofPages.has(name)) query.set(name, String(value));
  const address = `/data/streams/${streamId}?${query.toString()}`;
  return address.length > maxLength ? null : address;
}
