const asked = process.env["CASES"];

/** How many random cases a test tries: as many as CASES says, or few enough for every run. */
export const casesOr = (few: number): number => Number(asked ?? few);

/** Whether more is to be tried than in every run. */
export const isLong = asked !== undefined;

/** The number of the first, where each has one: FIRST_CASE and CASES together say which are tried. */
export const firstCase = Number(process.env["FIRST_CASE"] ?? 0);
