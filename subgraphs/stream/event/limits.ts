/** What one read may ask for: of the installation, or of a tenant whose operator decided otherwise. */
export interface ReadLimits {
  /** Rows that a table has. */
  readonly rows: number;
  /** Events that a summary, or a choice of the largest triangles, goes through. */
  readonly points: number;
  /** Streams that a read names. */
  readonly streams: number;
  /** For how long PostgreSQL works on it. */
  readonly milliseconds: number;
}

/** No statement runs longer, whoever asks for it. */
export const longestMilliseconds = 60_000;

export const usualLimits: ReadLimits = {
  rows: 100_000,
  points: 10_000_000,
  streams: 100,
  milliseconds: longestMilliseconds,
};
