import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import createKnex, { type Knex } from "knex";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { StartError } from "./config.ts";
import { PreparedQuery, type Statement } from "./prepared-query.ts";
import { Sql } from "./sql.ts";

export type { Knex } from "knex";

/**
 * How PostgreSQL's text becomes a JavaScript value, decided once:
 * `timestamptz` stays text, in the form of the graph's DateTime (a Date would lose the microseconds);
 * `int8` becomes a number, because counts and ids here stay far below 2^53.
 */
const types = {
  getTypeParser: (oid: number, format?: string) => {
    if (oid === pg.types.builtins.TIMESTAMPTZ) return toDateTime;
    if (oid === pg.types.builtins.INT8) return Number;
    if (oid === textArray) return toTexts;
    return pg.types.getTypeParser(oid, format as "text") as (
      value: string,
    ) => unknown;
  },
};

/** Of `text[]`, which the driver does not name. */
const textArray = 1009;
const element = /"([^"\\]*(?:\\[^][^"\\]*)*)"|([^,{}"]+)/g;

/** Every row of a list brings one, and the driver reads it letter by letter. */
function toTexts(text: string): (string | null)[] {
  const texts: (string | null)[] = [];
  element.lastIndex = 0;
  for (let found; (found = element.exec(text)) !== null;) {
    const [, quoted, bare = null] = found;
    if (quoted === undefined) texts.push(bare === "NULL" ? null : bare);
    else
      texts.push(
        quoted.includes("\\") ? quoted.replace(/\\([^])/g, "$1") : quoted,
      );
  }
  return texts;
}

/** `2026-01-31 08:00:00.5+00` as `2026-01-31T08:00:00.5+00:00`; the session's zone is always UTC. */
const toDateTime = (text: string) => `${text.replace(" ", "T")}:00`;

/** What every session agrees on. */
const session = {
  timezone: "UTC",
  datestyle: "ISO",
  intervalstyle: "iso_8601",
  jit: "off",
  // Planning the gate costs ten times what executing it does. PostgreSQL thinks little of planning, and would plan a
  // prepared statement anew for every value that it is given.
  plan_cache_mode: "force_generic_plan",
  idle_in_transaction_session_timeout: 60_000,
};

/** What every connection agrees on, pooled or not. A time-out of 0 is none. */
export const connectionSettings = (
  url: string,
  applicationName: string,
  statementTimeoutMs = 60_000,
) => ({
  connectionString: url,
  application_name: applicationName,
  options: Object.entries({ ...session, statement_timeout: statementTimeoutMs })
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" "),
  types,
});

/** A pool of connections as the role that the URL names. */
export function connect(
  url: string,
  {
    name,
    poolSize,
    statementTimeoutMs,
  }: { name: string; poolSize: number; statementTimeoutMs?: number },
): Knex {
  return createKnex({
    client: "pg",
    connection: connectionSettings(
      url,
      `tributary-${name}`,
      statementTimeoutMs,
    ),
    pool: { min: 0, max: poolSize },
    acquireConnectionTimeout: 10_000,
    // What it warns of is thrown too, and told by who catches it.
    log: { warn: () => undefined },
  });
}

/** How many connections a pool has at most. */
export const sizeOfPool = (db: Knex): number =>
  (db.client as Knex.Client).config.pool?.max ?? 1;

/** For a statement that is built by knex. */
export const rawOf = (db: Knex, { text, bindings }: Sql): Knex.Raw =>
  db.raw(text, bindings as Knex.RawBinding[]);

/**
 * Runs a statement that each connection plans once, for hot reads that cost more to plan than to execute. Its text
 * must vary with no value: what a connection has prepared it keeps. The hottest are written as SQL, which
 * spares what knex takes to build it.
 */
export async function prepared<Row>(
  db: Knex,
  query: Sql | Knex.QueryBuilder | Knex.Raw,
): Promise<Row[]> {
  const { text: source, bindings } =
    query instanceof Sql ? query : built(query);
  const { name, text } = statementOf(db, source);
  const values = [...bindings];
  const client = db.client as Knex.Client;
  const connection = (await client.acquireConnection()) as pg.Client;
  try {
    // Its connection may serve another transaction by now.
    if (hasEnded(db))
      throw new Error(
        `The transaction has ended that this was to be in: ${text}`,
      );
    // As knex tells of its own.
    client.emit("query", { sql: text, bindings: values, options: { name } });
    // By the driver itself: what knex does around a statement takes longer than what the driver does.
    return await connection.query(
      new PreparedQuery<Row>({ name, text }, values, types),
    ).rows;
  } catch (error) {
    // The way that leads here, instead of the one from the socket.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  } finally {
    await client.releaseConnection(connection);
  }
}

function built(query: Knex.QueryBuilder | Knex.Raw): Sql {
  const { sql, bindings } = query.toSQL();
  return new Sql(sql, bindings);
}

const hasEnded = (db: Knex): boolean =>
  db.isTransaction === true && (db as Knex.Transaction).isCompleted();

const statements = new Map<string, Statement>();

/** By its text, which must vary with no value. */
export function statementOf(db: Knex, sql: string): Statement {
  let statement = statements.get(sql);
  if (!statement) {
    const { positionBindings } = db.client as {
      positionBindings: (sql: string) => string;
    };
    statement = {
      name: createHash("sha256").update(sql).digest("base64url"),
      text: positionBindings(sql),
    };
    statements.set(sql, statement);
  }
  return statement;
}

/**
 * Runs work in a transaction. A dry run does the same work to its end, answers, and takes all of it back: what it
 * foretells and refuses cannot differ from what is done.
 */
export async function inTransaction<T>(
  db: Knex,
  work: (transaction: Knex.Transaction) => Promise<T>,
  { dryRun = false } = {},
): Promise<T> {
  try {
    return await db.transaction(async (transaction) => {
      const answer = await work(transaction);
      if (dryRun) throw new TakenBack(answer);
      return answer;
    });
  } catch (error) {
    if (error instanceof TakenBack) return error.answer as T;
    throw error;
  }
}

/** How the driver is told to roll back what went well. */
class TakenBack extends Error {
  constructor(readonly answer: unknown) {
    super("This was a dry run.");
  }
}

/** Runs a `COPY ... FROM STDIN` on the transaction's own connection, of which knex knows no such statement. */
export async function copyIn(
  transaction: Knex.Transaction,
  statement: string,
  data: readonly Buffer[],
): Promise<number> {
  const client = transaction.client as Knex.Client;
  const connection = (await client.acquireConnection()) as pg.Client;
  const copy = connection.query(copyFrom(statement));
  await pipeline(Readable.from(data), copy);
  return copy.rowCount;
}

/** A connection of its own that hears a channel. */
export interface Listening {
  /** Whether the connection has ended, so that nothing is heard any more. */
  readonly isLost: boolean;
  stop(): Promise<void>;
}

/** Calls `hear` for each notification on a channel: a hint that there is something to do, and no more than that. */
export async function listen(
  db: Knex,
  channel: string,
  hear: () => void,
): Promise<Listening> {
  const client = db.client as Knex.Client;
  const connection = (await client.acquireConnection()) as pg.Client;
  let isLost = false;
  const onEnd = () => (isLost = true);
  connection.on("notification", hear).on("end", onEnd);
  await connection.query(`listen ${pg.escapeIdentifier(channel)}`);
  return {
    get isLost() {
      return isLost;
    },
    async stop() {
      connection.off("notification", hear).off("end", onEnd);
      if (!isLost) await connection.query("unlisten *");
      await client.releaseConnection(connection);
    },
  };
}

/** The named constraint that a statement broke, if that is why it failed. */
export const brokenConstraint = (error: unknown): string | undefined =>
  error instanceof pg.DatabaseError && error.code?.startsWith("23")
    ? error.constraint
    : undefined;

/** Whether the database is away or has no connection left, as opposed to a statement that it refused. */
export const isOutage = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === "KnexTimeoutError" ||
    // knex writes the statement in front of it.
    /(^| - )Connection terminated/.test(error.message) ||
    /^(ECONN|ETIMEDOUT|EPIPE|08|53|57P0)/.test(codeOf(error)));

/**
 * Whether a statement failed by what others did at the same time, or took too long: nothing is wrong with what it says,
 * and it may succeed when it is tried again.
 */
export const isPassing = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && /^(40|55P03|57014)/.test(codeOf(error));

/** Whether a statement was ended because it took too long. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === "57014";

/** Whether a statement computed a number that no column can hold: too large, or too near to nothing. */
export const isOutOfRange = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === "22003";

/** Whether PostgreSQL does not take what a function of its own was given, such as the name of a time zone. */
export const isNotTaken = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === "22023";

/** The detail of an exception that a function of the database raised by a code of its own; null of any other. */
export const raisedAs = (code: string, error: unknown): string | null =>
  error instanceof pg.DatabaseError && error.code === code
    ? (error.detail ?? "")
    : null;

const codeOf = (error: Error) => ("code" in error ? String(error.code) : "");

export const isReachable = (db: Knex): Promise<boolean> =>
  db.raw("select 1").then(
    () => true,
    () => false,
  );

/** Fails early, with a sentence, on a database that cannot serve: unreachable, or of a version never tried. */
export async function assertSupportedVersion(db: Knex): Promise<void> {
  const answer = await db
    .raw<{ rows: [{ version: number }] }>(
      "select current_setting('server_version_num')::int as version",
    )
    .catch((cause: unknown) => {
      throw new StartError(
        `The database cannot be reached: ${String(cause)}. Check DATABASE_URL.`,
        { cause },
      );
    });
  const major = Math.floor(answer.rows[0].version / 10_000);
  if (major < 15 || major > 17)
    throw new StartError(
      `PostgreSQL ${major} is not supported; use 15, 16 or 17, or unset DATABASE_URL for the embedded one.`,
    );
}
