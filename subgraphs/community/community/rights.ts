import type { CommunityRole } from "../generated.ts";

/** Where a caller stands in a community. */
export interface Place {
  /** Null for an account administrator who has no role here. */
  readonly myRole: CommunityRole | null;
  readonly isAccountAdministrator: boolean;
  /** Whether the caller's tenant owns the community. */
  readonly isOwn: boolean;
}

interface Right {
  /** Completes the sentence "You may not ..." and says whom to ask. */
  readonly action: string;
  readonly isHeldBy: (place: Place) => boolean;
}

const isAdministrator = ({ myRole }: Place) => myRole === "ADMINISTRATOR";
const isModerator = (place: Place) =>
  place.myRole === "MODERATOR" || isAdministrator(place);

/** What a caller may do in a community. The rules ask here early; the actions ask again on rows that they locked. */
export const rights = {
  // C4
  DELETE: {
    action: "delete this community; ask one of its administrators",
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
} satisfies Record<string, Right>;

export type RightName = keyof typeof rights;
