/** A text that is made so many times, as for a query that is large. */
export const times = (
  count: number,
  text: (i: number) => string,
  between = " ",
): string => Array.from({ length: count }, (_, i) => text(i)).join(between);
