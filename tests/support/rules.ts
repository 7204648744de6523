/** A row of "who may do what", or one of the rules that always hold. */
export const rowOrRule =
  /\b(T[1-5]|C1[0-8]|C[1-9]|S[1-8]|[Rr]ule (1[0-8]|[1-9]))\b/;
