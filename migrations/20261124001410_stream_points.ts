import type { Knex } from "knex";

/** Ends a read that goes through more events than it may, wherever in its statement it does; the detail is the limit. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function stream.refuse_points(max_points int) returns boolean
    language plpgsql as $$
      begin
        raise exception 'too many events' using errcode = 'TP001', detail = max_points;
      end
    $$`);
}
