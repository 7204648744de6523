import type { Entitlement } from "../generated.ts";

/** All that there are. */
export const entitlements: readonly Entitlement[] = ["COMMUNITIES"];
