/** What of an entry decides what it gives or takes. */
interface Entry {
  readonly effect: "ALLOW" | "DENY";
  readonly rights: number;
  readonly role: string | null;
  readonly identityRowId: number | null;
}

/**
 * The rights, as a sum, that a new list grants somebody whom the old one did not give them: allowed now and not
 * before, or denied before and not now.
 */
export function granted(
  before: readonly Entry[],
  after: readonly Entry[],
): number {
  const sumLike = (list: readonly Entry[], entry: Entry) =>
    list.reduce(
      (sum, other) =>
        other.effect === entry.effect &&
        other.role === entry.role &&
        other.identityRowId === entry.identityRowId
          ? sum | other.rights
          : sum,
      0,
    );
  let sum = 0;
  for (const entry of after)
    if (entry.effect === "ALLOW") sum |= entry.rights & ~sumLike(before, entry);
  for (const entry of before)
    if (entry.effect === "DENY") sum |= entry.rights & ~sumLike(after, entry);
  return sum;
}
