import type { Knex } from "knex";

/** What each tenant has had sent to addresses that it chose, as long as it counts against the limit of 24 hours. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create table mail.sendings (
      id bigint generated always as identity constraint sendings_pkey primary key,
      tenant uuid not null,
      kind text not null constraint sendings_kind_known check (kind in ('INVITATION', 'NEW_USER')),
      at timestamptz not null default clock_timestamp()
    )`);
  await knex.raw(
    `create index sendings_by_tenant on mail.sendings (tenant, kind, at)`,
  );
  // Whether a tenant may send one more, which then counts; until the transaction ends it sends no other of that kind.
  await knex.raw(`
    create function mail.count_sending(tenant uuid, kind text, per_day int) returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
    declare
      since timestamptz;
    begin
      perform pg_advisory_xact_lock(
        hashtextextended('mail.sendings/' || count_sending.kind || '/' || count_sending.tenant, 0));
      since := clock_timestamp() - interval '24 hours';
      delete from mail.sendings s
      where s.tenant = count_sending.tenant and s.kind = count_sending.kind and s.at <= since;
      if (select count(*) from mail.sendings s
          where s.tenant = count_sending.tenant and s.kind = count_sending.kind) >= count_sending.per_day then
        return false;
      end if;
      insert into mail.sendings (tenant, kind) values (count_sending.tenant, count_sending.kind);
      return true;
    end $$`);
  for (const role of ["tenant", "community"])
    await knex.raw(
      `grant execute on function mail.count_sending(uuid, text, int) to tributary_${role}`,
    );
}
