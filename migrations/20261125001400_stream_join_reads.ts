import type { Knex } from "knex";

/** A join is a kind of read of its own: some of what it answers may be computed. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(
    `alter table stream.reads drop constraint reads_kind_known, add constraint reads_kind_known
       check (kind in ('FIRST', 'LAST', 'AT', 'EVENTS', 'JOIN', 'INTERPOLATED', 'SUMMARIES', 'PLOT', 'LTTB', 'TREND'))`,
  );
}
