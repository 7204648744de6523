import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import { holds } from "../community/permissions.ts";

const approvesNewTenants = holds(
  "APPROVE_NEW_TENANTS",
  ({ communityId }: { communityId: string }) => communityId,
  "communityId",
);

export const permissions = {
  Mutation: {
    approveNewTenant: approvesNewTenants, // C18
    refuseNewTenant: approvesNewTenants, // C18
  },
  TenantConnection: guardedByStore,
  TenantEdge: guardedByStore,
} satisfies PermissionMap;
