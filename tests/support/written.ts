import { expect } from "@jest/globals";
import { prepared } from "../../common/database.ts";
import type { TestDatabase } from "./database.ts";
import { outcome, type Answer } from "./run.ts";

/** Its owner sees every table. */
type Database = Pick<TestDatabase, "owner">;

/** A digest of every table, by which a test shows that a refusal wrote nothing, in ledger and outbox neither. */
export async function everythingWritten(
  database: Database,
): Promise<Record<string, string>> {
  const { owner } = database;
  const rows = await prepared<{ name: string; digest: string }>(
    owner,
    owner.raw(await digestOfAll(database)),
  );
  return Object.fromEntries(rows.map(({ name, digest }) => [name, digest]));
}

const statements = new WeakMap<Database, Promise<string>>();

/** One statement for all tables, which are the same in all of a test: it is asked often, and prepared. */
function digestOfAll(database: Database): Promise<string> {
  const statement = statements.get(database) ?? makeDigestOfAll(database);
  statements.set(database, statement);
  return statement;
}

async function makeDigestOfAll({ owner }: Database): Promise<string> {
  const { rows } = await owner.raw<{ rows: { digest: string }[] }>(`
    select format(
      'select %L as name, concat(count(*), '' '', sum(hashtextextended((t.*)::text, 0))) as digest from %s t',
      c.oid::regclass, c.oid::regclass) as digest
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and not c.relispartition
      and n.nspname in ('tenant', 'community', 'stream', 'issuer', 'ledger', 'mail')
    order by 1`);
  return rows.map(({ digest }) => digest).join(" union all ");
}

/** Shows that an operation wrote an entry of the ledger if it was answered, and nothing at all if it was refused. */
export async function attempt(
  database: Database,
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
