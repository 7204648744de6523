import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";

export const permissions = {
  ReadRecord: guardedByStore, // S8, T4
  ReadRecordConnection: guardedByStore,
  ReadRecordEdge: guardedByStore,
  TenantUsage: guardedByStore, // T4
  Usage: guardedByStore,
  UsageConnection: guardedByStore,
  UsageEdge: guardedByStore,
} satisfies PermissionMap;
