import type { GraphQLResolveInfo } from "graphql";
import { asksFor } from "../../../common/selection.ts";
import type { AccessChange } from "../generated.ts";

const ended: readonly (keyof AccessChange)[] = [
  "tenantCount",
  "identityCount",
  "shareCount",
  "streamCount",
  "stillReadableCount",
  "tenants",
  "identities",
  "streams",
  "stillReadable",
];

/** Whether the answer tells what the change ends: to find it costs more than the change. */
export const asksForEnded = (info: GraphQLResolveInfo): boolean =>
  ended.some((field) => asksFor(info, [field]));
