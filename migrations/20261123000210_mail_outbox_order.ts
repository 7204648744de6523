import type { Knex } from "knex";

/** Mails that somebody waits for, such as links, go before those that tell of notices, of which there may be many. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`drop index mail.outbox_due`);
  await knex.raw(`
    create index outbox_due on mail.outbox ((notice_id is not null), due_at)
      where sent_at is null and dead_at is null`);
}
