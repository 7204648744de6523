import { createHmac } from "node:crypto";
import { readdir } from "node:fs/promises";
import pg from "pg";
import {
  assertSupportedVersion,
  connect,
  connectionSettings,
  type Knex,
} from "../common/database.ts";
import { StartError } from "../common/config.ts";

/** The roles that subgraphs, issuer and the mail's worker connect as; the owner's URL is for migrations alone. */
export const roles = [
  "tenant",
  "community",
  "stream",
  "issuer",
  "mail",
] as const;
export type Role = (typeof roles)[number];

type Migration = Pick<Knex.Migration, "up">;

/** Migrations by file name. There is no way down: a landed change is mended by the next one. */
const source: Knex.MigrationSource<string> = {
  getMigrations: async () =>
    (await readdir(new URL(".", import.meta.url)))
      .filter((name) => /^\d{14}_.+\.ts$/.test(name))
      .sort(),
  getMigrationName: (name) => name,
  getMigration: async (name) => {
    const { up } = (await import(
      new URL(name, import.meta.url).href
    )) as Migration;
    return {
      up,
      down: () => Promise.reject(new Error("Migrations go forward only.")),
    };
  },
};

const settings: Knex.MigratorConfig = {
  migrationSource: source,
  tableName: "migrations",
  schemaName: "public",
};

/**
 * Brings the database to this version and lets the roles sign in. Answers the names of the migrations that ran.
 * Several processes may call it at once: an advisory lock lets one work while the others wait.
 */
export async function migrate(ownerUrl: string): Promise<string[]> {
  // Waiting for another process may take long, and so may changing a large table.
  const statementTimeoutMs = 0;
  const gatekeeper = new pg.Client(
    connectionSettings(ownerUrl, "tributary-migrate", statementTimeoutMs),
  );
  // Losing it fails the statements that follow.
  gatekeeper.on("error", () => undefined);
  const knex = connect(ownerUrl, {
    name: "migrate",
    poolSize: 1,
    statementTimeoutMs,
  });
  try {
    await assertSupportedVersion(knex);
    await gatekeeper.connect();
    await gatekeeper.query(
      "select pg_advisory_lock(hashtext('tributary.migrate'))",
    );
    // Under the advisory lock, knex's own lock can only be left over from a process that was killed.
    await knex.migrate.forceFreeMigrationsLock(settings);
    const [, ran] = (await knex.migrate.latest(settings)) as [number, string[]];
    await letRolesSignIn(knex, ownerUrl);
    return ran;
  } finally {
    await knex.destroy();
    await gatekeeper.end();
  }
}

async function letRolesSignIn(knex: Knex, ownerUrl: string): Promise<void> {
  for (const role of roles) {
    const { password } = new URL(roleUrl(ownerUrl, role));
    await knex.raw(`alter role tributary_${role} login password '${password}'`);
  }
}

/**
 * The URL by which a role reaches the owner's database. Its password follows from the owner's, so that one setting
 * configures an installation, and from the role's name, so that no role can work out another's.
 */
export function roleUrl(ownerUrl: string, role: Role): string {
  const url = new URL(ownerUrl);
  if (!url.password)
    throw new StartError(
      "DATABASE_URL must carry the owner role's password: the other roles' passwords are derived from it.",
    );
  url.password = createHmac("sha256", decodeURIComponent(url.password))
    .update(role)
    .digest("hex");
  url.username = `tributary_${role}`;
  return url.href;
}
