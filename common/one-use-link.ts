import { createHash, randomBytes } from "node:crypto";
import type { Mail } from "./mail-store.ts";

const lifeMs = 24 * 60 * 60 * 1000;

/** A link by which somebody proves to read an e-mail, and sets a password. Only its hash is kept. */
export interface OneUseLink {
  readonly url: string;
  readonly tokenHash: Buffer;
  readonly expiresAt: Date;
}

/** 256 random bits, so one round of SHA-256 is as good as a slow hash. */
export function createOneUseLink(publicUrl: URL): OneUseLink {
  const token = randomBytes(32).toString("base64url");
  return {
    url: new URL(`/oidc/password/${token}`, publicUrl).href,
    tokenHash: hashToken(token),
    expiresAt: new Date(Date.now() + lifeMs),
  };
}

export const hashToken = (token: string) =>
  createHash("sha256").update(token).digest();

/** Brings somebody the link. */
export const passwordMail = (
  to: string,
  { url, expiresAt }: OneUseLink,
): Mail => ({
  to,
  subject: "Tributary: set your password",
  text: `Set your password by this link, once, until ${expiresAt.toISOString().slice(0, 16).replace("T", " ")} UTC:

${url}

If you did not ask for it, nothing happens unless you open it.
`,
});

/** Tells somebody who needs no password, since others sign people in. */
export const newUserMail = (to: string, publicUrl: URL): Mail => ({
  to,
  subject: "Tributary: you have a user",
  text: `You have a user in Tributary. Sign in with your company's account:

${publicUrl.href}

If you did not expect this, nothing happens unless you sign in.
`,
});
