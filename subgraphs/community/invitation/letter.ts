import { badInput, limitExceeded } from "../../../common/errors.ts";
import type { DailyLimit, Mail } from "../../../common/mail-store.ts";
import { withoutLinks } from "../../../common/text.ts";
import type { InvitationLink } from "./link.ts";

export const joiningMeans =
  "Joining shares nothing by itself. Your tenant sees the community, its tenants and their contacts; those whom you add see the streams that the tenants share there. Your tenant alone decides which of its streams it shares, stream by stream, and which of its users and programs take part. The other tenants see your tenant's name, alias and contact e-mail, and how many users and programs take part. Your tenant can stop sharing or leave at any time, and what it shared ends at once. It is in when an administrator of the community has confirmed it.";

/** A message as it is stored: lines of plain text, or null for none. */
export function messageFrom(
  text: string | null | undefined,
  maxLength: number,
  at: string,
): string | null {
  const message = text?.trim() || null;
  if (message === null) return null;
  if (/[^\P{Cc}\t\r\n]|\p{Cs}/u.test(message))
    throw badInput(
      "A message has no control characters besides line breaks. Remove them.",
      at,
    );
  const { length } = [...message];
  if (length > maxLength)
    throw limitExceeded(
      "characters in a message",
      maxLength,
      length,
      "Shorten it.",
      at,
    );
  return message;
}

/** What the letter tells of an invitation. */
export interface Told {
  readonly email: string;
  readonly message: string | null;
  readonly communityName: string;
  readonly issuingTenantName: string;
  readonly issuedByName: string;
  readonly expiresAt: string;
}

/** The e-mail with the secret link, which stays the only link in it whatever people wrote. */
export function letter(invitation: Told, { url }: InvitationLink): Mail {
  const { email, message, expiresAt } = invitation;
  const tenant = withoutLinks(invitation.issuingTenantName);
  const community = withoutLinks(invitation.communityName);
  return {
    to: email,
    subject: `${tenant} invites you to ${community}`,
    text: `${withoutLinks(invitation.issuedByName)} of ${tenant} invites your company to the community "${community}".
${message === null ? "" : `\nThis message came with it:\n\n${quoted(message)}\n`}
To see the invitation, and to accept or decline it, open

${url}

until ${expiresAt.slice(0, 16).replace("T", " ")} UTC. Whoever has this link can see the invitation: pass it on inside your company only.

${joiningMeans}

If you expected no invitation, you need not do anything.
`,
  };
}

/** Sent anew or not, each counts: it arrives at an address that the tenant chose. */
export const letterLimit = (tenantId: string, perDay: number): DailyLimit => ({
  tenantId,
  kind: "INVITATION",
  what: "e-mails with invitations",
  perDay,
});

const quoted = (message: string) =>
  withoutLinks(message)
    .split(/\r\n|[\r\n\u2028\u2029]/)
    .map((line) => `> ${line}`)
    .join("\n");
