import { join } from "node:path";
import {
  EnvironmentReader,
  StartError,
  type Environment,
} from "../common/config.ts";
import {
  assertSupportedVersion,
  connect,
  isReachable,
  type Knex,
} from "../common/database.ts";
import { lastUrl } from "../common/embedded-postgres/running.ts";
import { isMigrated } from "./operator-store.ts";

/**
 * Lets an operator's command work as the owner of the installation's database, whose URL it is told too: the one of
 * `DATABASE_URL`, or the embedded one, which must be running.
 */
export async function asOwner<T>(
  env: Environment,
  work: (db: Knex, url: string) => Promise<T>,
): Promise<T> {
  const { db, url } = await connectAsOwner(env);
  try {
    await assertSupportedVersion(db);
    if (!(await isMigrated(db)))
      throw new StartError(
        'This database holds no Tributary yet. Run "npm run migrate" first.',
      );
    return await work(db, url);
  } finally {
    await db.destroy();
  }
}

async function connectAsOwner(
  env: Environment,
): Promise<{ db: Knex; url: string }> {
  const reader = new EnvironmentReader(env);
  const pool = { name: "command", poolSize: 2 };
  const outside = reader.optional("DATABASE_URL");
  if (outside !== undefined)
    return { db: connect(outside, pool), url: outside };
  const directory = reader.text("TRIBUTARY_DATA", ".tributary");
  const url = await lastUrl(join(directory, "postgres"));
  if (url !== undefined) {
    const db = connect(url, pool);
    if (await isReachable(db)) return { db, url };
    await db.destroy();
  }
  throw new StartError(
    `No installation runs in ${directory}. Start it with "npm start", name another directory by TRIBUTARY_DATA, or set DATABASE_URL to the database of one that runs elsewhere.`,
  );
}
