import { randomBytes } from "node:crypto";
import { hashToken } from "../../../common/one-use-link.ts";

/** A link that shows an invitation to whoever has it. Only the hash of its token is kept. */
export interface InvitationLink {
  readonly url: string;
  readonly tokenHash: Buffer;
}

export function createInvitationLink(publicUrl: URL): InvitationLink {
  const token = randomBytes(32).toString("base64url");
  return {
    url: new URL(`/invitation/${token}`, publicUrl).href,
    tokenHash: hashToken(token),
  };
}
