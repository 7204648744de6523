import fc from "fast-check";
import {
  inCommunity,
  operation,
  type Code,
  type Verdict,
} from "./operation.ts";
import {
  acceptance,
  community,
  identity,
  invitation,
  tenant,
  uuidOf,
} from "./pick.ts";
import { isCA, mayModerate, placeIn } from "./rules.ts";
import {
  add,
  byId,
  isAdministrator,
  isOpen,
  join,
  membershipOf,
  type Community,
  type Identity,
  type Invitation,
  type NewTenantsRead,
  type State,
} from "./state.ts";

/** What stands in the link of the latest letter. */
export const tokenOf = ({ uuid, sendings }: Invitation) =>
  `${uuid} ${sendings}`;

/** What holds the link: the letter that was sent last when the step was meant. */
const tokenAt = ({ invitations }: State, id: number) => {
  const invitation = invitations[id - 1];
  return invitation ? tokenOf(invitation) : "none";
};

/** C5. */
export const inviteTenant = operation({
  args: fc.record({ community, addressee: identity }),
  request: (state, { community, addressee }) => ({
    query: `mutation ($input: InviteTenantInput!) { inviteTenant(input: $input) { id } }`,
    variables: {
      input: {
        communityId: uuidOf(state.communities, community),
        email: byId(state.identities, addressee).email,
      },
    },
  }),
  judge: (state, actor, { community, addressee }) =>
    inCommunity(state, actor, community, (place, { id }) => {
      if (!isCA(place)) return ["FORBIDDEN"];
      return (answer) => {
        const { inviteTenant } = answer as { inviteTenant: { id: string } };
        add(state.invitations, {
          ...{ uuid: inviteTenant.id, community: id },
          email: byId(state.identities, addressee).email,
          ...{ sendings: 1, state: "CREATED", acceptance: null },
        });
      };
    }),
});

/** The verdict on what the issuing side does; whoever accepted sees the invitation too. */
function asIssuer(
  state: State,
  actor: Identity,
  id: number,
  judge: (invitation: Invitation, community: Community) => Verdict,
): Verdict {
  const invitation = state.invitations[id - 1];
  if (!invitation) return ["NOT_FOUND"];
  const community = byId(state.communities, invitation.community);
  const place = placeIn(state, actor, community);
  if (place && isCA(place)) return judge(invitation, community);
  return isAccepting(actor, invitation)
    ? ["FORBIDDEN", "NOT_FOUND"]
    : ["NOT_FOUND"];
}

const isAccepting = (actor: Identity, { acceptance }: Invitation) =>
  acceptance?.tenant === actor.tenant && isAdministrator(actor);

const byIssuer = (
  name: "resendInvitation" | "withdrawInvitation",
  judge: (invitation: Invitation) => Verdict,
) =>
  operation({
    args: fc.record({ invitation }),
    request: ({ invitations }, { invitation }) => ({
      query: `mutation ($id: ID!) { ${name}(id: $id) { id } }`,
      variables: { id: uuidOf(invitations, invitation) },
    }),
    judge: (state, actor, { invitation }) =>
      asIssuer(state, actor, invitation, judge),
  });

export const resendInvitation = byIssuer("resendInvitation", (invitation) => {
  const isUnanswered =
    invitation.state === "CREATED" ||
    (invitation.state === "EXPIRED" && invitation.acceptance === null);
  if (!isUnanswered) return ["CONFLICT"];
  return () => {
    invitation.sendings += 1;
    invitation.state = "CREATED";
  };
});

export const withdrawInvitation = byIssuer(
  "withdrawInvitation",
  (invitation) => {
    if (!isOpen(invitation)) return ["CONFLICT"];
    return () => {
      invitation.state = "WITHDRAWN";
    };
  },
);

/** The verdict on what the holder of a link does; a letter that was sent before the last one opens nothing. */
function asHolder(
  state: State,
  actor: Identity,
  { id, sendings }: { id: number; sendings: number },
  judge: (invitation: Invitation, community: Community) => Verdict,
): Verdict {
  const invitation = state.invitations[id - 1];
  if (!invitation || invitation.sendings !== sendings || actor.kind !== "USER")
    return ["NOT_FOUND"];
  return judge(invitation, byId(state.communities, invitation.community));
}

/** Which letter a step means is settled when it is meant. */
const letterOf = ({ invitations }: State, id: number) => ({
  id,
  sendings: invitations[id - 1]?.sendings ?? 0,
});

export const acceptInvitation = operation({
  args: fc.record({
    letter: invitation,
    moderators: fc.array(identity, { maxLength: 1 }),
    newTenantsRead: fc.constantFrom<NewTenantsRead>(
      "AT_ONCE",
      "AFTER_APPROVAL",
    ),
  }),
  request: (state, { letter, moderators, newTenantsRead }) => ({
    query: `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { id } }`,
    variables: {
      input: {
        token: tokenAt(state, letter),
        contactEmail: "data@example.com",
        moderatorIds: moderators.map((id) => uuidOf(state.identities, id)),
        newTenantsRead,
      },
    },
  }),
  prepare: (state, { letter }) => letterOf(state, letter),
  judge: (state, actor, { moderators, newTenantsRead }, letter) => {
    const mayAccept =
      actor.kind === "USER" &&
      isAdministrator(actor) &&
      byId(state.tenants, actor.tenant).entitled;
    const verdict = asHolder(state, actor, letter, (invitation, community) => {
      if (!mayAccept) return ["FORBIDDEN"];
      const faults: Code[] = [];
      if (invitation.state !== "CREATED" || community.hasEnded)
        faults.push("CONFLICT");
      if (obstacle(state, invitation, community, actor.tenant))
        faults.push("CONFLICT");
      for (const id of moderators) {
        const moderator = byId(state.identities, id);
        if (moderator.tenant !== actor.tenant || moderator.state === "REMOVED")
          faults.push("NOT_FOUND");
        else if (moderator.state !== "LIVE" || !mayModerate(state, moderator))
          faults.push("FORBIDDEN");
      }
      if (faults.length > 0) return faults;
      return () => {
        invitation.state = "ACCEPTED";
        invitation.acceptance = {
          tenant: actor.tenant,
          email: actor.email,
          moderators: [...new Set([actor.id, ...moderators])],
          newTenantsRead,
        };
      };
    });
    // Who may not accept is told so, whatever the link is worth.
    return mayAccept || typeof verdict === "function"
      ? verdict
      : [...verdict, "FORBIDDEN"];
  },
});

/** Rule 3: what keeps a tenant from joining by this invitation. */
const obstacle = (
  state: State,
  invitation: Invitation,
  community: Community,
  tenant: number,
): boolean =>
  membershipOf(state, community, tenant) !== undefined ||
  state.invitations.some(
    (other) =>
      other !== invitation &&
      other.community === community.id &&
      other.state === "ACCEPTED" &&
      other.acceptance?.tenant === tenant,
  );

export const declineInvitation = operation({
  args: fc.record({ letter: invitation }),
  request: (state, { letter }) => ({
    query: `mutation ($token: String!) { declineInvitation(token: $token) { id } }`,
    variables: { token: tokenAt(state, letter) },
  }),
  prepare: (state, { letter }) => letterOf(state, letter),
  judge: (state, actor, _, letter) =>
    asHolder(state, actor, letter, (invitation) => {
      if (!isAdministrator(actor) && invitation.email !== actor.email)
        return ["FORBIDDEN"];
      if (invitation.state !== "CREATED") return ["CONFLICT"];
      return () => {
        invitation.state = "DECLINED";
      };
    }),
});

export const cancelAcceptance = operation({
  args: fc.record({ invitation }),
  request: ({ invitations }, { invitation }) => ({
    query: `mutation ($id: ID!) { cancelAcceptance(id: $id) { id } }`,
    variables: { id: uuidOf(invitations, invitation) },
  }),
  judge: (state, actor, { invitation: id }) => {
    const invitation = state.invitations[id - 1];
    if (!invitation) return ["NOT_FOUND"];
    if (isAccepting(actor, invitation)) {
      if (invitation.state !== "ACCEPTED") return ["CONFLICT"];
      return () => {
        invitation.state = "CANCELLED";
      };
    }
    const community = byId(state.communities, invitation.community);
    const place = placeIn(state, actor, community);
    return place && isCA(place) ? ["FORBIDDEN"] : ["NOT_FOUND"];
  },
});

/** C7. */
export const confirmInvitation = operation({
  args: fc.record({
    invitation: acceptance,
    tenant: fc.option(tenant, { freq: 5 }),
    acceptMismatch: fc.boolean(),
  }),
  request: (state, { invitation: id, tenant, acceptMismatch }) => ({
    query: `mutation ($input: ConfirmInvitationInput!) { confirmInvitation(input: $input) { id } }`,
    variables: {
      input: {
        id: uuidOf(state.invitations, id),
        tenantId: uuidOf(state.tenants, meant(state, id, tenant)),
        acceptMismatch,
      },
    },
  }),
  prepare: (state, { invitation, tenant }) => meant(state, invitation, tenant),
  judge: (state, actor, { invitation: id, acceptMismatch }, tenant) =>
    asIssuer(state, actor, id, (invitation, community) => {
      const { acceptance } = invitation;
      if (
        invitation.state !== "ACCEPTED" ||
        acceptance?.tenant !== tenant ||
        (acceptance.email !== invitation.email && !acceptMismatch) ||
        obstacle(state, invitation, community, tenant) ||
        !byId(state.tenants, tenant).entitled
      )
        return ["CONFLICT"];
      const moderators = acceptance.moderators.filter((one) => {
        const moderator = byId(state.identities, one);
        return moderator.state === "LIVE" && mayModerate(state, moderator);
      });
      if (moderators.length === 0) return ["CONFLICT"];
      return () => {
        invitation.state = "CONFIRMED";
        join(state, {
          community: community.id,
          tenant,
          newTenantsRead: acceptance.newTenantsRead,
          roles: new Map(moderators.map((one) => [one, "MODERATOR"])),
        });
      };
    }),
});

/** Mostly the tenant that has accepted. */
const meant = ({ invitations }: State, id: number, tenant: number | null) =>
  tenant ?? invitations[id - 1]?.acceptance?.tenant ?? 1;
