/** Keeps so many entries, those that were set last. */
export function forgetOldest(
  entries: Map<unknown, unknown>,
  maxEntries: number,
): void {
  for (const oldest of entries.keys()) {
    if (entries.size <= maxEntries) return;
    entries.delete(oldest);
  }
}
