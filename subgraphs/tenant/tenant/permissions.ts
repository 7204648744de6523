import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { TenantContext } from "../context.ts";
import { administersTenant } from "../identity/permissions.ts";

const foundsTenant = can<unknown, TenantContext>(
  "found a tenant: that is for a person with a verified e-mail and without a tenant",
  ({ person }) => person !== null, // an identity has a tenant
);

export const permissions = {
  Query: {
    tenant: signedIn, // T2, T3
  },
  Mutation: {
    signUpTenant: foundsTenant, // T5
    updateTenant: administersTenant, // T1
  },
  Tenant: guardedByStore, // T2, T3
} satisfies PermissionMap;
