import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { StreamContext } from "../context.ts";
import type { MutationSetNamespaceAccessArgs } from "../generated.ts";
import { createNamespaces, mayCreateNamespaces } from "./rules.ts";

const createsNamespaces = can<unknown, StreamContext>(
  createNamespaces,
  async (_viewer, _args, { callers }) =>
    mayCreateNamespaces(await callers.find()),
);

const managesNamespace = can<MutationSetNamespaceAccessArgs, StreamContext>(
  "change the access list of this namespace",
  async (_viewer, { input: { namespaceId } }, { namespaces }) =>
    Boolean(await namespaces.getManaged(namespaceId, "input.namespaceId")),
);

export const permissions = {
  Query: {
    namespace: signedIn, // T2
  },
  Mutation: {
    createNamespace: createsNamespaces, // S1
    setNamespaceAccess: managesNamespace, // S3
  },
  Tenant: guardedByStore, // T2
  Namespace: guardedByStore, // T2
  NamespaceConnection: guardedByStore,
  NamespaceEdge: guardedByStore,
} satisfies PermissionMap;
