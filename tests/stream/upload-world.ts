import { TestDatabase } from "../support/database.ts";
import { as } from "../support/run.ts";
import { Seed, type Identity, type Row, type Stream } from "../support/seed.ts";
import type { Viewer } from "../../common/viewer.ts";

/** A tenant that sends events to its streams. */
export interface UploadWorld {
  readonly database: TestDatabase;
  readonly seed: Seed;
  readonly tenant: Row;
  readonly identity: Identity;
  readonly writer: Viewer;
  /** Second and value of each event. */
  eventsOf(stream: Stream): Promise<(number | null)[][]>;
}

export async function createUploadWorld(): Promise<UploadWorld> {
  const database = await TestDatabase.create();
  const seed = new Seed(database.owner);
  const tenant = await seed.tenant();
  const identity = await seed.client(tenant, ["CONTRIBUTOR"]);
  return {
    database,
    seed,
    tenant,
    identity,
    writer: as(identity),
    async eventsOf({ tenantId, id }) {
      const { rows } = await database.owner.raw<{
        rows: { at: number; value: number | null }[];
      }>(
        `select extract(epoch from ts - '2026-01-01T00:00:00Z')::int as at, value from stream.events
         where tenant_id = ? and stream_id = ? order by ts`,
        [tenantId, id],
      );
      return rows.map(({ at, value }) => [at, value]);
    },
  };
}

/** Batches of a few rows, and limits that a test reaches. */
export const environment = {
  INGEST_BATCH_CELLS: "9",
  INGEST_BYTES: "2000000",
  INGEST_PER_TENANT: "2",
  INGEST_IDLE_MS: "1500",
};

export const second = (n: number) =>
  new Date(Date.UTC(2026, 0, 1) + n * 1000).toISOString();

/** A row a second, of one stream. */
export const csvOf = (
  { uuid }: Pick<Stream, "uuid">,
  values: readonly (number | string)[],
) =>
  `timestamp,${uuid}\n${values.map((value, i) => `${second(i)},${value}\n`).join("")}`;

/** Events of these seconds, as `csvOf` makes them of `numbers`. */
export const counted = (to: number) => numbers(to).map((i) => [i, i]);
export const numbers = (count: number) =>
  Array.from({ length: count }, (_, i) => i);

export const jsonLines = "application/x-ndjson";
