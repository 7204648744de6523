import type { NewNotice } from "../../../notices/store.ts";

/** Tells the administrators of a tenant that what they accepted will not come about. */
export const withdrawalNotice = (
  community: { readonly id: string; readonly ownerTenantId: string },
  acceptingTenantId: string,
): NewNotice => ({
  kind: "INVITATION_WITHDRAWN",
  communityId: community.id,
  tenantId: community.ownerTenantId,
  audience: [{ role: "ACCOUNT_ADMINISTRATOR", tenantId: acceptingTenantId }],
});
