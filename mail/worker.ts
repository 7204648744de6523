import { setTimeout as sleep } from "node:timers/promises";
import { listen, type Knex, type Listening } from "../common/database.ts";
import type { Logger } from "../common/log.ts";
import { Undeliverable, type Carrier } from "./carrier.ts";
import { NoticeMailStore } from "./notice-mail-store.ts";
import { OutboxStore, type ClaimedMail } from "./outbox-store.ts";
import { lanes } from "./smtp.ts";

export interface WorkerOptions {
  /** As the mail's own role. */
  readonly db: Knex;
  readonly carrier: Carrier;
  readonly publicUrl: URL;
  readonly maxAttempts: number;
  readonly log: Logger;
  /** Notifications are hints: what they miss is found by looking this often. */
  readonly pollMs?: number;
}

/** A mail is handed over within this time or taken for lost; the lease outlasts it, so that no two workers send it. */
const carryMs = 90_000;
const leaseSeconds = 300;

/** A mail server that is slow has this long to take what is under way when the process stops. */
const stopMs = 10_000;

const tidyEveryMs = 60 * 60 * 1000;

/**
 * Sends what the outbox holds, until it is stopped. Any number of workers may run at once. A mail leaves the outbox
 * when a server has taken it; a worker that dies in between sends it again under the same Message-ID.
 */
export function startMailWorker(options: WorkerOptions): () => Promise<void> {
  const worker = new MailWorker(options);
  const ended = worker.run();
  return async () => {
    worker.stop();
    await ended;
  };
}

class MailWorker {
  private readonly outbox: OutboxStore;
  private readonly notices: NoticeMailStore;
  private readonly stopping = new AbortController();
  private readonly giveUp = new AbortController();
  private idle = new AbortController();
  private listening: Listening | undefined;
  private tidiedAt = 0;

  constructor(private readonly options: WorkerOptions) {
    this.outbox = new OutboxStore(options.db);
    this.notices = new NoticeMailStore(options.db, options.publicUrl);
  }

  async run(): Promise<void> {
    const { log, pollMs = 5_000 } = this.options;
    while (!this.isStopping) {
      this.idle = new AbortController();
      await this.work().catch((err: unknown) =>
        log.warn({ err }, "e-mails wait, for the outbox cannot be read"),
      );
      const signal = AbortSignal.any([this.idle.signal, this.stopping.signal]);
      await sleep(pollMs, undefined, { signal }).catch(() => undefined);
    }
    await this.listening?.stop();
    this.options.carrier.close();
  }

  stop(): void {
    this.stopping.abort();
    setTimeout(() => this.giveUp.abort(), stopMs).unref();
  }

  private get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  private async work(): Promise<void> {
    const { db } = this.options;
    if (this.listening === undefined || this.listening.isLost) {
      await this.listening?.stop();
      this.listening = await listen(db, "tributary_mail", () =>
        this.idle.abort(),
      );
    }
    await this.notices.tellOfEnds();
    while (!this.isStopping && (await this.notices.writeMails()) > 0);
    await Promise.all(Array.from({ length: lanes }, () => this.sendAll()));
    if (Date.now() - this.tidiedAt > tidyEveryMs) {
      await this.outbox.deleteKept(7);
      await this.notices.deleteOld(90);
      this.tidiedAt = Date.now();
    }
  }

  private async sendAll(): Promise<void> {
    while (!this.isStopping) {
      const mail = await this.outbox.claim(leaseSeconds);
      if (mail === null) return;
      await this.send(mail);
    }
  }

  private async send(mail: ClaimedMail): Promise<void> {
    const { carrier, log } = this.options;
    const signal = AbortSignal.any([
      this.giveUp.signal,
      AbortSignal.timeout(carryMs),
    ]);
    try {
      await carrier.carry(mail, signal);
    } catch (error) {
      await this.postpone(mail, error);
      return;
    }
    if (carrier.keepsMails) await this.outbox.keep(mail);
    else await this.outbox.remove(mail);
    log.debug({ mail: mail.id }, "an e-mail is sent");
  }

  private async postpone(mail: ClaimedMail, error: unknown): Promise<void> {
    const { maxAttempts, log } = this.options;
    const reason = error instanceof Error ? error.message : String(error);
    const isDead =
      error instanceof Undeliverable || mail.attempts >= maxAttempts;
    await this.outbox.postpone(
      mail,
      reason.slice(0, 1000),
      isDead ? null : retrySeconds(mail.attempts),
    );
    const facts = { mail: mail.id, attempts: mail.attempts, reason };
    if (isDead)
      log.error(facts, "an e-mail is a dead letter: see npm run mail -- list");
    else log.warn(facts, "an e-mail could not be sent and is tried again");
  }
}

/** 15 s, twice as long each time, at most an hour; somewhat scattered, so that mails do not come in waves. */
const retrySeconds = (attempts: number): number =>
  Math.min(15 * 2 ** (attempts - 1), 3600) * (0.9 + Math.random() * 0.2);
