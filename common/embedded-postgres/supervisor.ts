import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { StartError } from "../config.ts";
import type { Logger } from "../log.ts";
import { checkReachable, findAccount } from "./account.ts";
import { locatePackage, prepareBinaries } from "./binaries.ts";
import { clusterVersion, createCluster, takeCluster } from "./cluster.ts";
import { startError } from "./faults.ts";
import { launch } from "./launch.ts";
import { makePasswords, readPasswords, urlOf } from "./passwords.ts";
import { writePort } from "./port.ts";

export interface EmbeddedPostgres {
  /** Of the role `tributary`, which owns the database `tributary`. */
  readonly url: string;
  /** This start made the database. */
  readonly isNew: boolean;
  /** Settles, with PostgreSQL's last words, when it ends without `stop`. */
  readonly exited: Promise<string>;
  /** Ends every connection at once: finish the application's requests first. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Made at the first start; passwords and port are kept in files beside it. */
  readonly directory: string;
  readonly log: Logger;
  /** False for tests and benchmarks: a power cut may lose the database. */
  readonly durable?: boolean;
  readonly maxConnections?: number;
}

/**
 * Starts the PostgreSQL that lives in a directory; it ends with this process, however that ends.
 * Whatever is in the way is told by a `StartError`.
 */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  const defaults = { durable: true, maxConnections: 100 };
  try {
    return await start({ ...defaults, ...options, directory });
  } catch (error) {
    throw startError(directory, error);
  }
}

/** Of the PostgreSQL that would start in a directory: "17". */
export async function embeddedVersion(directory: string): Promise<string> {
  const account = await findAccount(directory);
  const home = dirname(directory);
  return (await prepareBinaries(locatePackage(), home, account)).major;
}

async function start(
  options: Required<EmbeddedPostgresOptions>,
): Promise<EmbeddedPostgres> {
  const { directory, durable } = options;
  const home = dirname(directory);
  await mkdir(home, { recursive: true });
  const account = await findAccount(directory);
  await checkReachable(directory, account);
  const version = await clusterVersion(directory);
  const binaries = await prepareBinaries(locatePackage(), home, account);
  if (version !== undefined && version !== binaries.major)
    throw new StartError(
      `${directory} was written by PostgreSQL ${version}, and this is PostgreSQL ${binaries.major}. ` +
        "Start the Tributary that made it, or move its data by pg_dump to a PostgreSQL of your own and set DATABASE_URL; " +
        "TRIBUTARY_DATA set to another directory starts empty.",
    );

  const isNew = version === undefined;
  const passwords = isNew
    ? await makePasswords(directory)
    : await readPasswords(directory);
  if (isNew)
    await createCluster(directory, passwords, { binaries, account, durable });
  else await takeCluster(directory, account);

  const { server, port } = await launch(passwords, {
    ...options,
    account,
    postgres: binaries.postgres,
  });
  let isStopping = false;
  const stop = async () => {
    isStopping = true;
    await server.stop();
  };
  try {
    await writePort(directory, port);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: urlOf(port, passwords),
    isNew,
    exited: new Promise((settle) => {
      void server.exited.then((lastWords) => {
        if (!isStopping) settle(lastWords);
      });
    }),
    stop,
  };
}
