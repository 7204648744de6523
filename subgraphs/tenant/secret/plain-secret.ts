import { createHash, randomBytes } from "node:crypto";
import { badInput } from "../../../common/errors.ts";

/** By which a scanner knows a secret that has got into a log or a repository. */
const prefix = "tributary_";

/** 256 random bits: the text that is shown once, and what is kept of it. */
export function createSecret() {
  const plainSecret = prefix + randomBytes(32).toString("base64url");
  return {
    plainSecret,
    hash: createHash("sha256").update(plainSecret).digest(),
    hint: plainSecret.slice(-4),
  };
}

/** When a secret is to end; null for never. */
export function expiryFrom(
  time: string | null | undefined,
  at: string,
): string | null {
  if (time != null && Date.parse(time) <= Date.now())
    throw badInput(
      "This secret would have ended already. Give a later time, or none.",
      at,
    );
  return time ?? null;
}
