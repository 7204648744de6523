import type { Viewer } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/community/context.ts";
import { schema } from "../../subgraphs/community/schema.ts";
import { testMatrix } from "../support/matrix.ts";
import {
  pendingCallers,
  seedPending,
  type PendingCaller,
} from "../support/pending.ts";
import type { TestDatabase } from "../support/database.ts";
import { Seed } from "../support/seed.ts";
import {
  callers,
  seedWorld,
  settings,
  type Caller,
  type CommunityWorld,
  type Tenant,
} from "./world.ts";

export type MatrixCaller = Caller | PendingCaller;

export const inCommunity: readonly MatrixCaller[] = [
  ...callers,
  ...pendingCallers,
];

export interface World extends CommunityWorld {
  readonly viewers: CommunityWorld["viewers"] & Record<PendingCaller, Viewer>;
}

export interface Target extends CommunityWorld {
  /** The caller's own tenant; a stranger's for who has none. */
  readonly own: Tenant;
}

/** Tries these operations as every kind of caller of the community's world. */
export const testCommunityMatrix = (
  operations: Readonly<Record<string, (target: Target) => string>>,
  table: string,
  isIdle?: (operation: string, caller: MatrixCaller) => boolean,
  prepare?: (seed: Seed, world: CommunityWorld) => Promise<void>,
): void =>
  testMatrix<MatrixCaller, World>({
    subgraph: {
      name: "community",
      schema,
      createContext: (db) => createContext(db, settings),
    },
    callers: inCommunity,
    seed: async (database) => {
      const world = await seedMatrixWorld(database);
      await prepare?.(new Seed(database.owner), world);
      return world;
    },
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [
        name,
        (world: World, caller: MatrixCaller) =>
          operation({ ...world, own: ownTenant(world, caller) }),
      ]),
    ),
    table,
    ...(isIdle && { isIdle }),
  });

export async function seedMatrixWorld(database: TestDatabase): Promise<World> {
  const world = await seedWorld(database);
  const pending = await seedPending(database, world.community);
  return { ...world, viewers: { ...world.viewers, ...pending } };
}

export function ownTenant(
  { tenants }: CommunityWorld,
  caller: MatrixCaller,
): Tenant {
  const [who = ""] = caller.split(":");
  return tenants[who as keyof typeof tenants] ?? tenants.stranger;
}
