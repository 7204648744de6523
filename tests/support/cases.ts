/** How many random cases a test tries: as many as CASES says, or few enough for every run. */
export const casesOr = (few: number): number =>
  Number(process.env["CASES"] ?? few);
