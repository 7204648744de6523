import type { CommunityRight, CommunityRole } from "../generated.ts";

/** Where a caller stands in a community. */
export interface Place {
  /** Null for an account administrator who has no role here. */
  readonly myRole: CommunityRole | null;
  readonly isAccountAdministrator: boolean;
  /** Whether the caller's tenant owns the community. */
  readonly isOwn: boolean;
  /** Whether the caller's tenant may use communities. */
  readonly isEntitled: boolean;
  /** Whether the caller is a person. */
  readonly isUser: boolean;
  /** Whether ownership is on its way to the caller's tenant. */
  readonly isOfferedOwnership: boolean;
}

interface Right {
  /** Completes the sentence "You may not ..." and says whom to ask. */
  readonly action: string;
  readonly isHeldBy: (place: Place) => boolean;
  /** What keeps those from using it who have it, and what to do about that. */
  readonly obstacle?: (place: Place) => string | null;
}

const isAdministrator = ({ myRole }: Place) => myRole === "ADMINISTRATOR";
const isModerator = (place: Place) =>
  place.myRole === "MODERATOR" || isAdministrator(place);

/** What a caller may do in a community. The rules ask here early; the actions ask again on rows that they locked. */
export const rights = {
  // C3
  EDIT: {
    action: "edit this community; ask one of its administrators",
    isHeldBy: isAdministrator,
  },
  // C4
  DELETE: {
    action: "delete this community; ask one of its administrators",
    isHeldBy: isAdministrator,
  },
  // C5
  INVITE: {
    action:
      "invite tenants here, nor change invitations; ask an administrator of the community",
    isHeldBy: isAdministrator,
  },
  // C7
  CONFIRM: {
    action: "confirm an invitation here; ask an administrator of the community",
    isHeldBy: isAdministrator,
  },
  // C8
  REMOVE_TENANT: {
    action: "remove a tenant here; ask an administrator of the community",
    isHeldBy: isAdministrator,
  },
  // C9
  LEAVE: {
    action:
      "leave with your tenant; ask its moderator here or its account administrator",
    isHeldBy: (place) => isModerator(place) || place.isAccountAdministrator,
    obstacle: ({ isOwn }) =>
      isOwn
        ? "Your tenant owns this community and cannot leave it. Transfer its ownership first, or delete it."
        : null,
  },
  // C10
  PAUSE_SHARING: {
    action:
      "pause or resume what your tenant shares here; ask its moderator here or its account administrator",
    isHeldBy: (place) => isModerator(place) || place.isAccountAdministrator,
  },
  // C11
  MANAGE_MEMBERS: {
    action: "add or remove members here; ask your tenant's moderator here",
    isHeldBy: isModerator,
  },
  // C13, and C16 for the account administrators of a member tenant
  APPOINT_MODERATORS: {
    action:
      "give or take the role MODERATOR here; ask your tenant's moderator here",
    isHeldBy: (place) =>
      isModerator(place) || (place.isAccountAdministrator && !place.isOwn),
  },
  // C14, and C16 for the account administrators of the owner tenant
  APPOINT_ADMINISTRATORS: {
    action:
      "give or take the role ADMINISTRATOR here; ask an administrator of the community",
    isHeldBy: (place) =>
      isAdministrator(place) || (place.isAccountAdministrator && place.isOwn),
  },
  // C12
  EDIT_MEMBERSHIP: {
    action: "edit your tenant's membership; ask your tenant's moderator here",
    isHeldBy: isModerator,
  },
  // C15
  OFFER_OWNERSHIP: {
    action: "offer this community's ownership; ask one of its administrators",
    isHeldBy: isAdministrator,
  },
  // C15
  ACCEPT_OWNERSHIP: {
    action:
      "accept or decline this community's ownership; that is for users of the tenant it is offered to who are account administrators and moderators here",
    isHeldBy: (place) =>
      isModerator(place) &&
      place.isAccountAdministrator &&
      place.isUser &&
      !place.isOwn,
    obstacle: ({ isOfferedOwnership }) =>
      isOfferedOwnership
        ? null
        : "Ownership of this community is not offered to your tenant. Ask an administrator of the community.",
  },
  // C18
  APPROVE_NEW_TENANTS: {
    action:
      "say whether a new tenant reads what your tenant shares here; ask its moderator here or its account administrator",
    isHeldBy: (place) => isModerator(place) || place.isAccountAdministrator,
  },
} satisfies Partial<Record<CommunityRight, Right>>;

export type RightName = keyof typeof rights;

const takesPart = ({ myRole, isEntitled }: Place) =>
  myRole !== null && isEntitled;

/**
 * What stores guard, the ledger's and those of the stream subgraph, as far as a place in the community goes: each
 * stream's access list comes on top.
 */
const rightsGuardedByStores = {
  READ_STREAMS: takesPart, // S6
  SHARE_STREAMS: takesPart, // S4
  END_SHARES: ({ myRole, isAccountAdministrator }) =>
    myRole !== null || isAccountAdministrator, // S4, S5
  READ_LEDGER: isModerator, // C17
} satisfies Partial<Record<CommunityRight, (place: Place) => boolean>>;

/** Why a caller may not use a right that it has; null if it may. */
export const obstacleTo = (right: RightName, place: Place): string | null =>
  (rights[right] as Right).obstacle?.(place) ?? null;

/** All that a caller may do, as `Community.myRights` tells it. */
export const rightsOf = (place: Place): CommunityRight[] => [
  ...(Object.keys(rights) as RightName[]).filter(
    (right) => rights[right].isHeldBy(place) && !obstacleTo(right, place),
  ),
  ...(
    Object.keys(rightsGuardedByStores) as (keyof typeof rightsGuardedByStores)[]
  ).filter((right) => rightsGuardedByStores[right](place)),
];
