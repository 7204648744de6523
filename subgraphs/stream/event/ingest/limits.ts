/** What the ingest of events may take of the installation. */
export interface IngestLimits {
  /** Cells that are written in one transaction. */
  readonly batchCells: number;
  /** Of one upload, unpacked. */
  readonly bytes: number;
  /** Uploads of a tenant at a time, in a process. */
  readonly perTenant: number;
  /** Uploads at a time, in a process. */
  readonly atOnce: number;
  /** A client that sends nothing for so long is given up. */
  readonly idleMs: number;
  /** And one that takes longer than this for what is written in one transaction, by which it is asked who it is. */
  readonly batchMs: number;
  /** Where all places are taken, one that takes longer than this for it gives way to a tenant that has fewer uploads. */
  readonly yieldMs: number;
}

export const usualIngestLimits: IngestLimits = {
  batchCells: 100_000,
  bytes: 4 * 2 ** 30,
  perTenant: 4,
  atOnce: 16,
  idleMs: 60_000,
  batchMs: 600_000,
  yieldMs: 10_000,
};
