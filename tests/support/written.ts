import { expect } from "@jest/globals";
import type { TestDatabase } from "./database.ts";
import { outcome, type Answer } from "./run.ts";

/** A digest of every table, by which a test shows that a refusal wrote nothing, in ledger and outbox neither. */
export async function everythingWritten(
  database: TestDatabase,
): Promise<Record<string, string>> {
  const { rows } = await database.owner.raw<{
    rows: { name: string; digest: string }[];
  }>(`
    select format('%I.%I', n.nspname, c.relname) as name, md5(query_to_xml(
      format('select * from %I.%I t order by t::text', n.nspname, c.relname), false, true, '')::text) as digest
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition
      and n.nspname in ('tenant', 'community', 'stream', 'issuer', 'ledger', 'mail')
    order by 1`);
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}

/** Shows that an operation wrote an entry of the ledger if it was answered, and nothing at all if it was refused. */
export async function attempt(
  database: TestDatabase,
  operation: () => Promise<Answer>,
): Promise<Answer> {
  const before = await everythingWritten(database);
  const answer = await operation();
  const after = await everythingWritten(database);
  if (outcome(answer) === "ok")
    expect(after["ledger.entries"]).not.toBe(before["ledger.entries"]);
  else expect(after).toEqual(before);
  return answer;
}
