import type { Viewer } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { schema } from "../../subgraphs/stream/schema.ts";
import type { TestDatabase } from "../support/database.ts";
import { testMatrix } from "../support/matrix.ts";
import {
  pendingCallers,
  seedPending,
  type PendingCaller,
} from "../support/pending.ts";
import { as } from "../support/run.ts";
import { Seed, type Row } from "../support/seed.ts";
import { callers, seedWorld, type Caller, type StreamWorld } from "./world.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

const ownClient = "plant: client VIEWER, no role";
/** Sees the community, may share the stream, and takes no part. */
const ownSharer = "plant: AA and DS, no role";

export type MatrixCaller =
  Caller | PendingCaller | typeof ownClient | typeof ownSharer;

export interface World extends StreamWorld {
  readonly viewers: Readonly<Record<MatrixCaller, Viewer>>;
}

export const matrixCallers: readonly MatrixCaller[] = [
  ...callers,
  ...pendingCallers,
  ownClient,
  ownSharer,
];

export async function seedMatrixWorld(database: TestDatabase): Promise<World> {
  const world = await seedWorld(database);
  const pending = await seedPending(database, world.community);
  const seed = new Seed(database.owner);
  const plant = world.tenants["plant"] as Row;
  const client = await seed.client(plant, ["VIEWER"]);
  const sharer = await seed.user(plant, [
    "ACCOUNT_ADMINISTRATOR",
    "DATA_STEWARD",
  ]);
  return {
    ...world,
    viewers: {
      ...world.viewers,
      ...pending,
      [ownClient]: as(client),
      [ownSharer]: as(sharer),
    },
  };
}

/** Tries these operations as every kind of caller of the stream's world. */
export const testStreamMatrix = (
  operations: Readonly<
    Record<string, (world: World, caller: MatrixCaller) => string>
  >,
  table: string,
): void =>
  testMatrix<MatrixCaller, World>({
    subgraph: {
      name: "stream",
      schema,
      createContext: (db) => createContext(db, unrecorded),
    },
    callers: matrixCallers,
    seed: seedMatrixWorld,
    operations,
    table,
  });
