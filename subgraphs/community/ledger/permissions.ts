import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";

export const permissions = {
  LedgerEntry: guardedByStore, // T4, C17, S8
  LedgerConnection: guardedByStore,
  LedgerEdge: guardedByStore,
  LedgerHead: guardedByStore, // T4, C17
} satisfies PermissionMap;
