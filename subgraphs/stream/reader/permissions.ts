import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";

export const permissions = {
  Reader: guardedByStore, // S8
  ReaderConnection: guardedByStore,
  ReaderEdge: guardedByStore,
  TenantAccess: guardedByStore, // T4, S6
  Access: guardedByStore,
  AccessConnection: guardedByStore,
  AccessEdge: guardedByStore,
} satisfies PermissionMap;
