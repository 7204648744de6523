import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";

export const permissions = {
  NextStep: guardedByStore, // by the rules of what it suggests
} satisfies PermissionMap;
