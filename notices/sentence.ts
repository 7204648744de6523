import type { NoticeKind } from "./store.ts";

/** What a notice tells, as one of those whom it concerns is told. */
export interface Notice {
  readonly kind: NoticeKind;
  /** The names that community and tenant had then. */
  readonly communityName: string | null;
  readonly tenantName: string | null;
  readonly role: string | null;
  /** Whether the reader itself is given a role or loses it. */
  readonly isAboutMe: boolean;
  readonly identityCount: number;
  readonly streamCount: number | null;
  readonly dueAt: string | null;
}

/** A notice as a sentence for people. */
export function sentence(notice: Notice): string {
  const { kind, role, streamCount } = notice;
  const community = `community "${notice.communityName ?? "unknown"}"`;
  const tenant = notice.tenantName ?? "A company";
  const who = notice.isAboutMe
    ? "You are"
    : count(
        notice.identityCount,
        "identity of your tenant is",
        "identities of your tenant are",
      );
  const streams = count(streamCount ?? 0, "stream", "streams");
  const due = notice.dueAt
    ?.replace(/:\d\d(\.\d+)?\+00:00$/, " UTC")
    .replace("T", " ");
  switch (kind) {
    case "INVITED":
      return `${tenant} invites you to the ${community}. The link to accept or decline is in your e-mail.`;
    case "INVITATION_ACCEPTED":
      return `${tenant} has accepted the invitation to the ${community}. See who it is, and confirm it.`;
    case "INVITATION_CONFIRMED":
      return `Your invitation to the ${community} is confirmed: your tenant is a member now.`;
    case "INVITATION_DECLINED":
      return `An invitation to the ${community} has been declined.`;
    case "INVITATION_WITHDRAWN":
      return `${tenant} has withdrawn the invitation to the ${community} that your tenant had accepted.`;
    case "INVITATION_CANCELLED":
      return `${tenant} has taken back its acceptance of the invitation to the ${community}.`;
    case "INVITATION_EXPIRING":
      return notice.tenantName === null
        ? `An invitation to the ${community} that nobody has answered yet ends on ${due}.`
        : `${tenant} has accepted an invitation to the ${community} that ends on ${due} unless it is confirmed.`;
    case "TENANT_JOINED":
      return `${tenant} has joined the ${community}.`;
    case "TENANT_LEFT":
      return `${tenant} has left the ${community}. What it shared there can no longer be read.`;
    case "TENANT_REMOVED":
      return `${tenant} was removed from the ${community}. What it shared there can no longer be read.`;
    case "ROLE_GIVEN":
      return `${who} now ${role} in the ${community}.`;
    case "ROLE_TAKEN":
      return `${who} no longer ${role} in the ${community}.`;
    case "APPOINTMENT_WANTED":
      return `Your tenant has nobody left who acts as ${role} in the ${community}. Appoint somebody.`;
    case "STREAMS_SHARED":
      return `${tenant} shares ${streams} in the ${community}.`;
    case "STREAMS_UNSHARED":
      return `${tenant} no longer shares ${streams} in the ${community}.`;
    case "SHARING_PAUSED":
      return `${tenant} has paused what it shares in the ${community}.`;
    case "SHARING_RESUMED":
      return `${tenant} has resumed what it shares in the ${community}.`;
    case "APPROVAL_WANTED":
      return `${tenant} is new in the ${community} and reads what your tenant shares there only once you approve it.`;
    case "APPROVAL_GIVEN":
      return `${tenant} has approved that your tenant reads what it shares in the ${community}.`;
    case "OWNERSHIP_OFFERED":
      return `${tenant} is offered the ownership of the ${community}.`;
    case "OWNERSHIP_ANNOUNCED":
      return `${tenant} will own the ${community} from ${due} on.`;
    case "OWNERSHIP_TRANSFERRED":
      return `${tenant} owns the ${community} now.`;
    case "OWNERSHIP_OFFER_ENDED":
      return `The offer to ${tenant} of the ownership of the ${community} has ended without effect.`;
    case "COMMUNITY_DELETED":
      return `The ${community} was deleted. What was shared there can no longer be read.`;
  }
}

const count = (n: number, one: string, many: string) =>
  `${n} ${n === 1 ? one : many}`;
