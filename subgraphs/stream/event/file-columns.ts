/** The columns of a file that say where an event belongs. */
export const ofTimestamps = "timestamp";
export const ofStreams = "stream";

/** What a property's column is called in a file: another name where one of these is taken, or such a name itself. */
export const columnOf = (property: string): string =>
  /^(property )*(timestamp|stream)$/.test(property)
    ? `property ${property}`
    : property;
