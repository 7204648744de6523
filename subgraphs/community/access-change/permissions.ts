import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";

export const permissions = {
  AccessChange: guardedByStore,
} satisfies PermissionMap;
