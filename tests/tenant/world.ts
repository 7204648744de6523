import { afterAll, beforeAll, beforeEach } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import {
  seedTenants,
  tenantSubgraph,
  type TenantWorld,
} from "../support/tenant-world.ts";

export let database: TestDatabase;
export let subgraph: Subgraph;
export let world: TenantWorld;

/** Makes a database for this test file, and anew for each test the tenants and whoever calls. */
export function useTenants(): void {
  beforeAll(async () => {
    database = await TestDatabase.create();
    subgraph = tenantSubgraph(database);
  });
  beforeEach(async () => {
    world = await seedTenants(database);
  });
  afterAll(() => database.drop());
}
