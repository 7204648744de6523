import type { EnvironmentReader } from "./config.ts";

/** Whether this installation signs people in itself, by e-mail and password, or leaves that to outside issuers. */
export const readBuiltInIssuer = (reader: EnvironmentReader): boolean =>
  reader.flag("BUILT_IN_ISSUER", true);
