import type { Logger } from "../common/log.ts";
import { linksIn } from "./links.ts";
import type { ClaimedMail } from "./outbox-store.ts";

/** A way on which mails leave the outbox. */
export interface Carrier {
  /** Whether the outbox keeps what was carried. */
  readonly keepsMails: boolean;
  /** Throws if the mail has not arrived, or perhaps has not; the signal ends it. */
  carry(mail: ClaimedMail, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** A carrier's word that trying again is of no use. */
export class Undeliverable extends Error {
  override readonly name = "Undeliverable";
}

/** No mail server: the developer reads the mails at /dev/mail, and their links in the log. */
export const developmentMailbox = (publicUrl: URL, log: Logger): Carrier => ({
  keepsMails: true,
  carry({ to, subject, text }) {
    const links = linksIn(text, publicUrl).map((link) => `: ${link}`);
    log.info(`Mail for ${to}, "${subject}"${links.join("")}`);
    return Promise.resolve();
  },
  close: () => undefined,
});
