import {
  Oracle,
  type AccessEntry,
  type CommunityRole,
  type Decision,
  type Right,
} from "../oracle/rules.ts";
import {
  byId,
  isAdministrator,
  membershipOf,
  worldOf,
  type Community,
  type Identity,
  type Membership,
  type State,
  type Stream,
} from "./state.ts";

/** DOMAIN's rules about who may do what in a community, once more and without the product. */

/** Where somebody stands in a community that it sees; C2. */
export interface Place {
  readonly membership: Membership;
  readonly role: CommunityRole | null;
  readonly isAdministrator: boolean;
  readonly isOwn: boolean;
}

/** Null where the community does not exist for the identity. */
export function placeIn(
  state: State,
  actor: Identity,
  community: Community | undefined,
): Place | null {
  if (!community || community.hasEnded) return null;
  const membership = membershipOf(state, community, actor.tenant);
  if (!membership) return null;
  const role = membership.roles.get(actor.id) ?? null;
  if (role === null && !isAdministrator(actor)) return null;
  return {
    membership,
    role,
    isAdministrator: isAdministrator(actor),
    isOwn: community.owner === actor.tenant,
  };
}

export const isCA = ({ role }: Place) => role === "ADMINISTRATOR";
export const isCM = (place: Place) => place.role === "MODERATOR" || isCA(place);
/** C9, C10. */
export const isCMOrAA = (place: Place) => isCM(place) || place.isAdministrator;

const ascending = [null, "MEMBER", "MODERATOR", "ADMINISTRATOR"] as const;

/** C11, C13, C14, C16. */
const mayGiveOrTake: Record<CommunityRole, (place: Place) => boolean> = {
  MEMBER: isCM,
  MODERATOR: (place) => isCM(place) || (place.isAdministrator && !place.isOwn),
  ADMINISTRATOR: (place) =>
    isCA(place) || (place.isAdministrator && place.isOwn),
};

export const mayChangeRoles = (place: Place) =>
  Object.values(mayGiveOrTake).some((may) => may(place));

/** Whether the caller may turn an identity's role into another; null is none. */
export function mayTurn(
  state: State,
  place: Place,
  identity: Identity,
  from: CommunityRole | null,
  to: CommunityRole | null,
): boolean {
  const isLowered = ascending.indexOf(to) < ascending.indexOf(from);
  if (to !== null && !mayGiveOrTake[to](place)) return false;
  if (isLowered && from !== null && !mayGiveOrTake[from](place)) return false;
  if (to === from) return true;
  if (to === "ADMINISTRATOR") return identity.kind === "USER";
  return to !== "MODERATOR" || mayModerate(state, identity);
}

/** What the tenant asks of moderators. */
export const mayModerate = ({ tenants }: State, identity: Identity): boolean =>
  isAdministrator(identity) ||
  !byId(tenants, identity.tenant).moderatorsAreAdministrators;

/** C15, of whoever accepts or has accepted: AA who is CM of an entitled tenant. */
export const mayAcceptOwnership = (
  { identities, tenants }: State,
  { tenant, roles }: Membership,
  id: number,
): boolean => {
  const identity = byId(identities, id);
  return (
    identity.state === "LIVE" &&
    isAdministrator(identity) &&
    roles.get(id) === "MODERATOR" &&
    byId(tenants, tenant).entitled
  );
};

/** Rule 5: the effective CAs of the owner tenant, the effective CMs of another. */
export const keepers = (
  state: State,
  { owner }: Community,
  { tenant, roles }: Membership,
): number =>
  [...roles].filter(([id, role]) => {
    const identity = byId(state.identities, id);
    if (identity.state !== "LIVE") return false;
    return tenant === owner
      ? role === "ADMINISTRATOR"
      : role === "MODERATOR" && mayModerate(state, identity);
  }).length;

export const decisionOn = (
  state: State,
  identity: Identity,
  stream: Stream,
): Decision =>
  stream.isDeleted
    ? { sees: false, rights: new Set() }
    : new Oracle(worldOf(state)).decide(identity, stream);

/** The default list of DOMAIN's S1 to S4. */
export const defaultList: readonly AccessEntry[] = [
  {
    effect: "ALLOW",
    rights: ["READ", "WRITE", "DELETE", "MANAGE_ACCESS_CONTROL"],
    subject: { role: "ACCOUNT_ADMINISTRATOR" },
  },
  {
    effect: "ALLOW",
    rights: ["READ", "SHARE"],
    subject: { role: "DATA_STEWARD" },
  },
  {
    effect: "ALLOW",
    rights: ["READ", "WRITE", "DELETE"],
    subject: { role: "CONTRIBUTOR" },
  },
  { effect: "ALLOW", rights: ["READ"], subject: { role: "VIEWER" } },
];

/** Rule 12, by an access list alone. */
export const rightsBy = (
  access: readonly AccessEntry[],
  actor: Identity,
): ReadonlySet<Right> => {
  const of = (effect: AccessEntry["effect"]) =>
    access.flatMap((entry) =>
      entry.effect === effect &&
      "role" in entry.subject &&
      (entry.subject.role === "MEMBER" ||
        actor.roles.includes(entry.subject.role))
        ? entry.rights
        : [],
    );
  const denied = of("DENY");
  return new Set(of("ALLOW").filter((right) => !denied.includes(right)));
};
