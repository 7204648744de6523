import {
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import {
  administers,
  administersInputClient,
} from "../identity/permissions.ts";

const administersSecret = administers<{ id: string }>(
  ({ id }, { secrets }) => secrets.findClientId(id),
  "id",
);

export const permissions = {
  Mutation: {
    rotateClientSecret: administersInputClient, // T1
    removeClientSecret: administersSecret, // T1
  },
  ClientSecret: guardedByStore, // T2
  CreatedSecret: guardedByStore,
} satisfies PermissionMap;
