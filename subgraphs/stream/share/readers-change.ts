/** Who can read own streams no longer, and which; of each list the first 100. */
export interface Losses {
  readonly tenantCount: number;
  readonly identityCount: number;
  readonly streamCount: number;
  readonly stillReadableCount: number;
  readonly tenantIds: readonly string[];
  readonly streamIds: readonly string[];
  readonly stillReadableIds: readonly string[];
}

/** A change that was made of who can read own streams. */
export interface ReadersChange extends Losses {
  readonly endedShareIds: readonly string[];
}
