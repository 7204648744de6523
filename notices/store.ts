import type { Knex } from "../common/database.ts";
import type { Call } from "../common/viewer.ts";

/** What a notice tells; the graph's enumeration `NoticeKind`. */
export type NoticeKind =
  | "INVITED"
  | "INVITATION_ACCEPTED"
  | "INVITATION_CONFIRMED"
  | "INVITATION_DECLINED"
  | "INVITATION_WITHDRAWN"
  | "INVITATION_CANCELLED"
  | "INVITATION_EXPIRING"
  | "TENANT_JOINED"
  | "TENANT_LEFT"
  | "TENANT_REMOVED"
  | "ROLE_GIVEN"
  | "ROLE_TAKEN"
  | "APPOINTMENT_WANTED"
  | "STREAMS_SHARED"
  | "STREAMS_UNSHARED"
  | "SHARING_PAUSED"
  | "SHARING_RESUMED"
  | "APPROVAL_WANTED"
  | "APPROVAL_GIVEN"
  | "OWNERSHIP_OFFERED"
  | "OWNERSHIP_ANNOUNCED"
  | "OWNERSHIP_TRANSFERRED"
  | "OWNERSHIP_OFFER_ENDED"
  | "COMMUNITY_DELETED";

/**
 * Some of those whom a notice concerns. Whoever has the role when the notice is read or mailed is told, or, with
 * `asOfNow`, who has it when it is written: for a change that takes it from them.
 */
export type Audience =
  | { readonly identityId: string }
  /** Every user of that e-mail; it is told in the graph alone, for who is invited has had a mail with the link. */
  | { readonly email: string }
  | {
      /**
       * MODERATOR and ADMINISTRATOR are roles in the notice's community, the first including the second;
       * ACCOUNT_ADMINISTRATOR is a role of the tenant.
       */
      readonly role: "ACCOUNT_ADMINISTRATOR" | "MODERATOR" | "ADMINISTRATOR";
      /** Without it, those of each tenant that is in the notice's community, and was when the notice was written. */
      readonly tenantId?: string;
      readonly asOfNow?: boolean;
    };

/** Something that happened; ids are public ones. */
export interface NewNotice {
  readonly kind: NoticeKind;
  readonly communityId?: string;
  /** The tenant of whom it tells. */
  readonly tenantId?: string;
  /** The identities of whom it tells: of one tenant, in a notice whose audience is of that tenant too. */
  readonly identityIds?: readonly string[];
  /** The role that they are given, that was taken from them, or that nobody fills. */
  readonly role?: string;
  readonly streamCount?: number;
  /** When what it announces happens. */
  readonly dueAt?: string;
  readonly audience: readonly Audience[];
}

/**
 * Writes notices in the transaction of what they tell. Names are kept as they are at this moment, so that it comes
 * before the statement that removes community, membership or roles.
 */
export async function notify(
  transaction: Knex.Transaction,
  { viewer }: Call,
  notices: readonly NewNotice[],
): Promise<void> {
  if (notices.length === 0) return;
  await transaction.raw("select mail.notify(?, ?::jsonb)", [
    viewer.identityId,
    JSON.stringify(notices),
  ]);
}
