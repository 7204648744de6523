import type { GraphQLResolveInfo } from "graphql";
import { asksFor } from "../../../common/selection.ts";
import type { ReadersChange } from "../generated.ts";

const losses: readonly (keyof ReadersChange)[] = [
  "tenantCount",
  "identityCount",
  "streamCount",
  "stillReadableCount",
  "tenants",
  "streams",
  "stillReadable",
];

/** Whether the answer tells who loses what by the change: to find it costs more than the change. */
export const asksForLosses = (info: GraphQLResolveInfo): boolean =>
  losses.some((field) => asksFor(info, [field]));
