import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";

export const permissions = {
  Notice: guardedByStore,
  NoticeConnection: guardedByStore,
  NoticeEdge: guardedByStore,
} satisfies PermissionMap;
