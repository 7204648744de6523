import { createHash, randomBytes } from "node:crypto";
import type { Logger } from "./log.ts";

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

/** Call it after the commit. Nothing sends mail yet: the operator passes the link on. */
export const deliverLink = (log: Logger, email: string, link: OneUseLink) =>
  log.info(
    `One-use link for ${email} to set a password, good until ${link.expiresAt.toISOString()}: ${link.url}`,
  );
