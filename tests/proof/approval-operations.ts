import fc from "fast-check";
import { inCommunity, operation } from "./operation.ts";
import { community, tenant, uuidOf } from "./pick.ts";
import { isCM, isCMOrAA } from "./rules.ts";
import { membershipOf, type NewTenantsRead } from "./state.ts";

/** C12. */
export const updateMembership = operation({
  args: fc.record({
    community,
    newTenantsRead: fc.constantFrom<NewTenantsRead>(
      "AT_ONCE",
      "AFTER_APPROVAL",
    ),
  }),
  request: ({ communities }, { community, newTenantsRead }) => ({
    query: `mutation ($input: UpdateMembershipInput!) { updateMembership(input: $input) { id } }`,
    variables: {
      input: { communityId: uuidOf(communities, community), newTenantsRead },
    },
  }),
  judge: (state, actor, { community, newTenantsRead }) =>
    inCommunity(state, actor, community, (place) => {
      if (!isCM(place)) return ["FORBIDDEN"];
      return () => {
        place.membership.newTenantsRead = newTenantsRead;
      };
    }),
});

/** C18. */
const decision = (name: "approveNewTenant" | "refuseNewTenant") =>
  operation({
    args: fc.record({ community, tenant }),
    request: ({ communities, tenants }, { community, tenant }) => ({
      query: `mutation ($id: ID!, $tenantId: ID!) { ${name}(communityId: $id, tenantId: $tenantId) { id } }`,
      variables: {
        id: uuidOf(communities, community),
        tenantId: uuidOf(tenants, tenant),
      },
    }),
    judge: (state, actor, { community: id, tenant }) =>
      inCommunity(state, actor, id, (place, community) => {
        if (!isCMOrAA(place)) return ["FORBIDDEN"];
        const newcomer = membershipOf(state, community, tenant);
        if (!newcomer) return ["NOT_FOUND"];
        const approval = state.approvals.find(
          (one) =>
            one.sharing === place.membership.id && one.newcomer === newcomer.id,
        );
        const isApproval = name === "approveNewTenant";
        if (!isApproval && (!approval || approval.answer === "APPROVED"))
          return ["CONFLICT"];
        return () => {
          if (approval) approval.answer = isApproval ? "APPROVED" : "REFUSED";
        };
      }),
  });

export const approveNewTenant = decision("approveNewTenant");
export const refuseNewTenant = decision("refuseNewTenant");
