import { readBuiltInIssuer } from "../../common/built-in-issuer.ts";
import { EnvironmentReader, type Environment } from "../../common/config.ts";
import { readSubgraphConfig } from "../../common/subgraph.ts";
import type { Entitlement } from "./generated.ts";
import { entitlements } from "./tenant/entitlements.ts";

/** What a tenant is founded with when its founder signs up (T5). */
export interface SignUpConfig {
  /**
   * `SIGN_UP`: `open` lets any verified person found a tenant, `invitation` one who has the link of an invitation that
   * can be accepted; with `off` only the operator does.
   */
  readonly mode: (typeof signUpModes)[number];
  /** `SIGN_UP_ENTITLEMENTS`: the entitlements of a tenant founded that way, by commas; `none` for none. */
  readonly entitlements: readonly Entitlement[];
}

const signUpModes = ["open", "invitation", "off"] as const;

export function readSignUpConfig(reader: EnvironmentReader): SignUpConfig {
  return {
    mode: reader.choice("SIGN_UP", signUpModes, "open"),
    entitlements: readEntitlements(reader),
  };
}

function readEntitlements(reader: EnvironmentReader): Entitlement[] {
  const list = reader.text("SIGN_UP_ENTITLEMENTS", "COMMUNITIES");
  if (list === "none") return [];
  return list.split(",").flatMap((name) => {
    const found = entitlements.find((known) => known === name.trim());
    if (found) return [found];
    reader.fault(
      `SIGN_UP_ENTITLEMENTS must be "none" or some of ${entitlements.join(", ")}, not "${list}".`,
    );
    return [];
  });
}

/** `USER_MAILS_PER_DAY`: how many users' addresses a tenant has mails sent to in 24 hours. */
export const readUserMailsPerDay = (reader: EnvironmentReader): number =>
  reader.integer("USER_MAILS_PER_DAY", 200, { min: 1, max: 100_000 });

export function readConfig(env: Environment) {
  const reader = new EnvironmentReader(env);
  return reader.done({
    ...readSubgraphConfig(reader, "tenant", 4001),
    publicUrl: reader.url("PUBLIC_URL"),
    isBuiltInOn: readBuiltInIssuer(reader),
    signUp: readSignUpConfig(reader),
    userMailsPerDay: readUserMailsPerDay(reader),
  });
}
