import { join } from "node:path";
import { connect, type Knex } from "../common/database.ts";
import { startEmbeddedPostgres } from "../common/embedded-postgres/supervisor.ts";
import type { Logger } from "../common/log.ts";
import type { OnStop } from "../common/process.ts";
import { migrate, roleUrl, type Role } from "../migrations/run.ts";
import type { InstallationConfig } from "./config.ts";

export interface Database {
  /** The pool of connections as this role, or as the owner of the database. */
  connect(role: Role | "owner"): Knex;
  readonly isEmbedded: boolean;
}

/** The database at this version: the operator's own, or the one in the data directory. */
export async function openDatabase(
  config: InstallationConfig,
  log: Logger,
  onStop: OnStop,
): Promise<Database> {
  const ownerUrl =
    config.databaseUrl ?? (await startEmbedded(config, log, onStop));
  for (const name of await migrate(ownerUrl)) log.info(`ran migration ${name}`);
  const pools = new Map<Role | "owner", Knex>();
  const open = (role: Role | "owner") => {
    const { poolSize } = config;
    const url = role === "owner" ? ownerUrl : roleUrl(ownerUrl, role);
    const pool = connect(url, { name: role, poolSize });
    onStop(() => pool.destroy());
    pools.set(role, pool);
    return pool;
  };
  return {
    isEmbedded: config.databaseUrl === undefined,
    connect: (role) => pools.get(role) ?? open(role),
  };
}

async function startEmbedded(
  { dataDirectory }: InstallationConfig,
  log: Logger,
  onStop: OnStop,
): Promise<string> {
  const postgres = await startEmbeddedPostgres({
    directory: join(dataDirectory, "postgres"),
    log: log.child({ part: "postgres" }),
  });
  onStop(() => postgres.stop());
  void postgres.exited.then((lastWords) => {
    log.fatal(`PostgreSQL has ended: ${lastWords}`);
    process.exit(1);
  });
  return postgres.url;
}
