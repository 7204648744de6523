import type { Knex } from "../common/database.ts";

/** A mail that a worker has taken to send. */
export interface ClaimedMail {
  readonly rowId: number;
  /** What the Message-ID is made of, the same in every attempt. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly createdAt: string;
  /** With this one. */
  readonly attempts: number;
}

/** A mail that waits or was given up, as the operator's list shows it: without its text, which may hold a link. */
export interface ListedMail {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly createdAt: string;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly dueAt: string;
  readonly deadAt: string | null;
}

/** A mail of the development mailbox. */
export interface KeptMail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** The mails to be sent, as the worker and the operator handle them. */
export class OutboxStore {
  constructor(private readonly db: Knex) {}

  /**
   * The mail that has waited longest, if one is due; for as long as the lease lasts no other worker takes it. One that
   * would tell of a notice somebody whom it concerns no more is dropped.
   */
  async claim(leaseSeconds: number): Promise<ClaimedMail | null> {
    const { rows } = await this.db.raw<{
      rows: (ClaimedMail & { isObsolete: boolean })[];
    }>(
      `with due as (
         select o.id,
                o.notice_id is not null and not exists (
                  select from mail.addresses a
                  where a.notice_id = o.notice_id and a.identity_id = o.identity_id and a.email = o.recipient
                ) as is_obsolete
         from mail.outbox o
         where o.sent_at is null and o.dead_at is null and o.due_at <= clock_timestamp()
         order by o.notice_id is not null, o.due_at
         limit 1 for update of o skip locked
       ), dropped as (
         delete from mail.outbox o using due where o.id = due.id and due.is_obsolete
       )
       update mail.outbox o
       set attempts = o.attempts + 1, due_at = clock_timestamp() + make_interval(secs => ?)
       from due where o.id = due.id and not due.is_obsolete
       returning o.id as "rowId", o.uuid as id, o.recipient as "to", o.subject, o.text,
                 o.created_at as "createdAt", o.attempts`,
      [leaseSeconds],
    );
    return rows[0] ?? null;
  }

  /** It has been handed over to a mail server; nothing of it needs to be kept. */
  async remove({ rowId }: ClaimedMail): Promise<void> {
    await this.db("mail.outbox").where({ id: rowId }).delete();
  }

  /** It stays as a mail of the development mailbox. */
  async keep({ rowId }: ClaimedMail): Promise<void> {
    await this.db("mail.outbox")
      .where({ id: rowId })
      .update({ sent_at: this.db.fn.now(), last_error: null });
  }

  /** To be tried again after so long, or never: a dead letter. Not if another worker has taken it meanwhile. */
  async postpone(
    { rowId, attempts }: ClaimedMail,
    reason: string,
    retrySeconds: number | null,
  ): Promise<void> {
    await this.db.raw(
      `update mail.outbox
       set last_error = :reason,
           due_at = clock_timestamp() + make_interval(secs => coalesce(:retrySeconds::float8, 0)),
           dead_at = case when :retrySeconds::float8 is null then clock_timestamp() end
       where id = :rowId and attempts = :attempts`,
      { rowId, attempts, reason, retrySeconds },
    );
  }

  /** The newest mails of the development mailbox, those first that came last. */
  async kept(limit: number): Promise<KeptMail[]> {
    return this.db("mail.outbox")
      .select({ to: "recipient" }, "subject", "text")
      .orderBy("id", "desc")
      .limit(limit) as Promise<KeptMail[]>;
  }

  /** Mails that wait and dead letters, the oldest first. */
  async unsent(): Promise<ListedMail[]> {
    const { rows } = await this.db.raw<{ rows: ListedMail[] }>(
      `select uuid as id, recipient as "to", subject, created_at as "createdAt", attempts, last_error as "lastError",
              due_at as "dueAt", dead_at as "deadAt"
       from mail.outbox o where sent_at is null order by o.id limit 1000`,
    );
    return rows;
  }

  /** Has dead letters tried again as if they were new: one, or all. Answers how many. */
  async retry(id: string | null): Promise<number> {
    const { rowCount } = await this.db.raw<{ rowCount: number }>(
      `update mail.outbox set attempts = 0, dead_at = null, due_at = clock_timestamp()
       where dead_at is not null and (?::uuid is null or uuid = ?::uuid)`,
      [id, id],
    );
    await this.db.raw("select pg_notify('tributary_mail', '')");
    return rowCount;
  }

  /** Forgets a dead letter. Answers how many there were. */
  async forget(id: string): Promise<number> {
    return this.db("mail.outbox")
      .where({ uuid: id })
      .whereNotNull("dead_at")
      .delete();
  }

  /** Old mails of the development mailbox. */
  async deleteKept(olderThanDays: number): Promise<void> {
    await this.db.raw(
      "delete from mail.outbox where sent_at < clock_timestamp() - make_interval(days => ?)",
      [olderThanDays],
    );
  }
}
