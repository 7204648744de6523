import type { Knex } from "knex";

/** A trend is a kind of read of its own: of each stream that it draws. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `alter table stream.reads drop constraint reads_kind_known, add constraint reads_kind_known
       check (kind in ('FIRST', 'LAST', 'AT', 'EVENTS', 'INTERPOLATED', 'SUMMARIES', 'PLOT', 'LTTB', 'TREND'))`,
  );
}
