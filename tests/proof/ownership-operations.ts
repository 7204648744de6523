import fc from "fast-check";
import { inCommunity, operation, type Verdict } from "./operation.ts";
import { community, tenant, uuidOf } from "./pick.ts";
import { isCA, isCM, type Place } from "./rules.ts";
import {
  byId,
  endOffer,
  membershipOf,
  offerOf,
  type Community,
  type Identity,
  type Offer,
  type State,
} from "./state.ts";

/** C15, by the owner. */
export const offerOwnership = operation({
  args: fc.record({ community, tenant }),
  request: ({ communities, tenants }, { community, tenant }) => ({
    query: `mutation ($id: ID!, $tenantId: ID!) { offerOwnership(communityId: $id, tenantId: $tenantId) { id } }`,
    variables: {
      id: uuidOf(communities, community),
      tenantId: uuidOf(tenants, tenant),
    },
  }),
  judge: (state, actor, { community: id, tenant }) =>
    inCommunity(state, actor, id, (place, community) => {
      if (!isCA(place)) return ["FORBIDDEN"];
      const membership = membershipOf(state, community, tenant);
      if (!membership) return ["NOT_FOUND"];
      if (tenant === community.owner || offerOf(state, community))
        return ["CONFLICT"];
      return () => {
        state.offers.push({ membership: membership.id, acceptedBy: null });
      };
    }),
});

const about = (
  name: "withdrawOwnershipOffer" | "acceptOwnership" | "declineOwnership",
  judge: (
    state: State,
    place: Place,
    community: Community,
    actor: Identity,
  ) => Verdict,
) =>
  operation({
    args: fc.record({ community }),
    request: ({ communities }, { community }) => ({
      query: `mutation ($id: ID!) { ${name}(communityId: $id) { id } }`,
      variables: { id: uuidOf(communities, community) },
    }),
    judge: (state, actor, { community: id }) =>
      inCommunity(state, actor, id, (place, community) =>
        judge(state, place, community, actor),
      ),
  });

export const withdrawOwnershipOffer = about(
  "withdrawOwnershipOffer",
  (state, place, community) => {
    if (!isCA(place)) return ["FORBIDDEN"];
    const offer = offerOf(state, community);
    // An offer that is not there is a thing that does not exist, or a state in the way.
    return offer ? () => endOffer(state, offer) : ["NOT_FOUND", "CONFLICT"];
  },
);

/** C15, by the tenant that it is offered to. */
const answer = (
  name: "acceptOwnership" | "declineOwnership",
  judge: (state: State, offer: Offer, actor: Identity) => Verdict,
) =>
  about(name, (state, place, community, actor) => {
    const isTheirs =
      isCM(place) &&
      place.isAdministrator &&
      actor.kind === "USER" &&
      !place.isOwn;
    if (!isTheirs) return ["FORBIDDEN"];
    const offer = offerOf(state, community);
    return offer?.membership === place.membership.id
      ? judge(state, offer, actor)
      : ["CONFLICT"];
  });

export const acceptOwnership = answer(
  "acceptOwnership",
  (state, offer, { id, tenant }) => {
    if (offer.acceptedBy !== null || !byId(state.tenants, tenant).entitled)
      return ["CONFLICT"];
    return () => {
      offer.acceptedBy = id;
    };
  },
);

export const declineOwnership = answer(
  "declineOwnership",
  (state, offer) => () => endOffer(state, offer),
);
