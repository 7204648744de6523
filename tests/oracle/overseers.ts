import type { Identity, World } from "./rules.ts";

/** The same world with an account administrator in each tenant, so that every list has somebody who may see it. */
export function withOverseers(world: World) {
  const next = world.identities.length + 1;
  const overseers = world.tenants.map(({ id }, i): Identity => ({
    id: next + i,
    tenant: id,
    state: "LIVE",
    roles: ["ACCOUNT_ADMINISTRATOR"],
  }));
  return {
    world: { ...world, identities: [...world.identities, ...overseers] },
    overseers,
  };
}
