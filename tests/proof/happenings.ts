import fc from "fast-check";
import { createLogger } from "../../common/log.ts";
import { OperatorStore } from "../../commands/operator-store.ts";
import { keepOwnership } from "../../subgraphs/community/ownership/transfer-store.ts";
import { happening } from "./operation.ts";
import { community, invitation, tenant, uuidOf } from "./pick.ts";
import { mayAcceptOwnership } from "./rules.ts";
import {
  byId,
  endOffer,
  isOpen,
  membershipOf,
  offerOf,
  type Offer,
  type State,
} from "./state.ts";

/** Two weeks pass for one invitation; its community is held, as by whoever changes the invitation. */
export const invitationExpires = happening({
  args: fc.record({ invitation }),
  happen: async ({ database }, { invitations }, { invitation }) => {
    const id = uuidOf(invitations, invitation);
    await database.owner.transaction(async (transaction) => {
      await transaction.raw(
        `select from community.communities c
         where c.id = (select i.community_id from community.invitations i where i.uuid = ?) for no key update`,
        [id],
      );
      await transaction.raw(
        `update community.invitations set expires_at = now() where uuid = ? and state in ('CREATED', 'ACCEPTED')`,
        [id],
      );
    });
  },
  change: ({ invitations }, { invitation: id }) => {
    const invitation = invitations[id - 1];
    if (invitation && isOpen(invitation)) invitation.state = "EXPIRED";
  },
});

const log = createLogger("proof", "silent");

/** Rule 17's 72 hours pass for what is offered of one community; then the clock of a process strikes. */
export const ownershipTakesEffect = happening({
  args: fc.record({ community }),
  happen: async ({ database }, { communities }, { community }) => {
    await database.owner.raw(
      `update community.ownership_offers o set effective_at = now()
       from community.communities c
       where c.id = o.community_id and c.uuid = ? and o.accepted_at is not null`,
      [uuidOf(communities, community)],
    );
    await keepOwnership(database.as("community"), log)();
  },
  change: (state, { community }) => {
    const offer = state.communities[community - 1]
      ? offerOf(state, byId(state.communities, community))
      : undefined;
    if (offer?.acceptedBy != null) transfer(state, offer, offer.acceptedBy);
  },
});

/** Rule 5; if whoever accepted could not accept any more, the offer ends without effect. */
function transfer(state: State, offer: Offer, acceptedBy: number): void {
  const heir = byId(state.memberships, offer.membership);
  const community = byId(state.communities, heir.community);
  const owner = membershipOf(state, community, community.owner);
  endOffer(state, offer);
  if (!owner || !mayAcceptOwnership(state, heir, acceptedBy)) return;
  community.owner = heir.tenant;
  for (const [identity, role] of owner.roles)
    if (role === "ADMINISTRATOR") owner.roles.set(identity, "MODERATOR");
  heir.roles.set(acceptedBy, "ADMINISTRATOR");
}

/** The operator grants COMMUNITIES to a tenant, or takes it back. */
export const entitlementChanges = happening({
  args: fc.record({ tenant, isGranted: fc.boolean() }),
  happen: async ({ database }, { tenants }, { tenant, isGranted }) => {
    await new OperatorStore(database.owner).setEntitlement(
      uuidOf(tenants, tenant),
      "COMMUNITIES",
      isGranted,
    );
  },
  change: ({ tenants }, { tenant, isGranted }) => {
    byId(tenants, tenant).entitled = isGranted;
  },
});
