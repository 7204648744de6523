import type { Knex } from "knex";

/** What the operator lets a tenant's readers ask of one read, where it is not what the installation lets everybody. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table stream.read_limits (
      tenant_id int not null,
      rows int,
      points int,
      streams int,
      milliseconds int,
      constraint read_limits_pkey primary key (tenant_id),
      constraint read_limits_positive check (least(rows, points, streams, milliseconds) > 0)
    )`);
}
