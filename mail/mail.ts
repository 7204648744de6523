import type { Knex } from "../common/database.ts";
import type { Handler } from "../common/http-server.ts";
import type { Logger } from "../common/log.ts";
import { developmentMailbox } from "./carrier.ts";
import type { MailConfig } from "./config.ts";
import { mailbox } from "./mailbox.ts";
import { smtpCarrier } from "./smtp.ts";
import { startMailWorker } from "./worker.ts";

export interface MailParts {
  /** As the mail's own role. */
  readonly db: Knex;
  readonly config: MailConfig;
  readonly log: Logger;
}

/** Sends e-mails from now on; `mailbox` shows them where a developer is to read them. */
export function startMail({ db, config, log }: MailParts): {
  readonly mailbox: Handler | undefined;
  stop(): Promise<void>;
} {
  const { publicUrl, smtp, hasMailbox, maxAttempts } = config;
  const carrier =
    smtp === null ? developmentMailbox(publicUrl, log) : smtpCarrier(smtp);
  return {
    mailbox: hasMailbox ? mailbox(db, publicUrl) : undefined,
    stop: startMailWorker({ db, carrier, publicUrl, maxAttempts, log }),
  };
}
