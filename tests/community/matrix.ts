import { createContext } from "../../subgraphs/community/context.ts";
import { schema } from "../../subgraphs/community/schema.ts";
import { testMatrix } from "../support/matrix.ts";
import { Seed } from "../support/seed.ts";
import {
  callers,
  seedWorld,
  settings,
  type Caller,
  type CommunityWorld,
  type Tenant,
} from "./world.ts";

export interface Target extends CommunityWorld {
  /** The caller's own tenant; a stranger's for who has none. */
  readonly own: Tenant;
}

/** Tries these operations as every kind of caller of the community's world. */
export const testCommunityMatrix = (
  operations: Readonly<Record<string, (target: Target) => string>>,
  table: string,
  isIdle?: (operation: string, caller: Caller) => boolean,
  prepare?: (seed: Seed, world: CommunityWorld) => Promise<void>,
): void =>
  testMatrix({
    subgraph: {
      name: "community",
      schema,
      createContext: (db) => createContext(db, settings),
    },
    callers,
    seed: async (database) => {
      const world = await seedWorld(database);
      await prepare?.(new Seed(database.owner), world);
      return world;
    },
    operations: Object.fromEntries(
      Object.entries(operations).map(([name, operation]) => [
        name,
        (world: CommunityWorld, caller: Caller) =>
          operation({ ...world, own: ownTenant(world, caller) }),
      ]),
    ),
    table,
    ...(isIdle && { isIdle }),
  });

function ownTenant({ tenants }: CommunityWorld, caller: Caller): Tenant {
  const [who = ""] = caller.split(":");
  return tenants[who as keyof typeof tenants] ?? tenants.stranger;
}
