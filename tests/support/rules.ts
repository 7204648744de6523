const numbered = (letter: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);

/** The rows of DOMAIN's "who may do what". */
export const rows: readonly string[] = [
  ...numbered("T", 5),
  ...numbered("C", 18),
  ...numbered("S", 8),
];

/** What nobody may do, for which there is no field. */
export const nobodys = "S7";

/** A row of "who may do what", or one of the rules that always hold. */
export const rowOrRule = new RegExp(
  `\\b(${rows.join("|")}|[Rr]ule (1[0-8]|[1-9]))\\b`,
);
