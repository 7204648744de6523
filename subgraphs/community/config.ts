import { EnvironmentReader, type Environment } from "../../common/config.ts";
import { readLedgerConfig } from "../../common/ledger/keys.ts";
import { readSubgraphConfig } from "../../common/subgraph.ts";

/** What invitations are limited to, so that nobody makes a mail relay of them. */
export interface InvitationConfig {
  /** `INVITATION_DAYS`: how long an invitation can be accepted, and after that its acceptance confirmed. */
  readonly days: number;
  /** `INVITATIONS_PER_DAY`: how many mails with one a tenant sends in 24 hours. */
  readonly perDay: number;
  /** `INVITATION_RESEND_MINUTES`: what must lie between two mails of one invitation. */
  readonly resendMinutes: number;
  /** `INVITATION_MESSAGE_LENGTH`: of the message that goes with it, in characters. */
  readonly messageLength: number;
  /** `INVITE_AFTER_DECLINE`: whether a tenant may invite an address again that declined it. */
  readonly afterDecline: boolean;
}

export function readInvitationConfig(
  reader: EnvironmentReader,
): InvitationConfig {
  return {
    days: reader.integer("INVITATION_DAYS", 14, { min: 1, max: 365 }),
    perDay: reader.integer("INVITATIONS_PER_DAY", 20, { min: 1, max: 100_000 }),
    resendMinutes: reader.integer("INVITATION_RESEND_MINUTES", 10, {
      min: 0,
      max: 1440,
    }),
    messageLength: reader.integer("INVITATION_MESSAGE_LENGTH", 500, {
      min: 0,
      max: 2000,
    }),
    afterDecline: reader.flag("INVITE_AFTER_DECLINE", false),
  };
}

/** `OWNERSHIP_DELAY_HOURS`: after how long an accepted offer of ownership takes effect. */
export const readOwnershipDelayHours = (reader: EnvironmentReader): number =>
  reader.integer("OWNERSHIP_DELAY_HOURS", 72, { min: 0, max: 8760 });

export function readConfig(env: Environment) {
  const reader = new EnvironmentReader(env);
  return reader.done({
    ...readSubgraphConfig(reader, "community", 4002),
    publicUrl: reader.url("PUBLIC_URL"),
    invitations: readInvitationConfig(reader),
    ownershipDelayHours: readOwnershipDelayHours(reader),
    ledger: readLedgerConfig(reader),
  });
}
