import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../config.ts";
import type { Logger } from "../log.ts";
import { findHolder, untilReady } from "./answers.ts";
import { checkReachable, findAccount } from "./account.ts";
import { findBinaries } from "./binaries.ts";
import { clusterVersion, createCluster, closeToOthers } from "./cluster.ts";
import { startError } from "./faults.ts";
import { launch, type Server, type ServerOptions } from "./server.ts";
import {
  makePasswords,
  readPasswords,
  readPort,
  urlOf,
  writePort,
  type Passwords,
} from "./state.ts";

export interface EmbeddedPostgres {
  /** Of the role `tributary`, which owns the database `tributary`. */
  readonly url: string;
  /** This start made the database. */
  readonly isNew: boolean;
  /** Settles with PostgreSQL's last words when it ends without `stop`. */
  readonly exited: Promise<string>;
  /** Ends every connection at once: finish the application's requests first. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Created on first use; passwords and port are kept in files beside it. */
  readonly directory: string;
  readonly log: Logger;
  /** False for tests and benchmarks: a power cut may lose the database. */
  readonly durable?: boolean;
  readonly maxConnections?: number;
}

/** Starts the PostgreSQL that lives in a directory. It ends with this process, however that ends. Throws a `StartError`. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const directory = resolve(options.directory);
  try {
    return await start({
      durable: true,
      maxConnections: 100,
      ...options,
      directory,
    });
  } catch (error) {
    throw startError(directory, error);
  }
}

async function start(
  options: Required<EmbeddedPostgresOptions>,
): Promise<EmbeddedPostgres> {
  const { directory, durable } = options;
  const home = dirname(directory);
  await mkdir(home, { recursive: true });
  const account = await findAccount(directory);
  await checkReachable(directory, account);
  const binaries = await findBinaries(home, account);

  const version = await clusterVersion(directory);
  const isNew = version === undefined;
  const passwords = isNew
    ? await makePasswords(directory)
    : await readPasswords(directory);
  if (isNew)
    await createCluster(directory, passwords, { binaries, account, durable });
  else if (version !== binaries.major)
    throw new StartError(
      `${directory} was written by PostgreSQL ${version}, and this is PostgreSQL ${binaries.major}. Move its data with the pg_dump and psql of a PostgreSQL of your own, and set DATABASE_URL to that, or set TRIBUTARY_DATA to another directory to start empty.`,
    );
  await closeToOthers(directory);

  const { server, port } = await launchUntilReady(passwords, {
    ...options,
    account,
    postgres: binaries.postgres,
  });
  await writePort(directory, port);
  let stopping = false;
  return {
    url: urlOf(port, passwords),
    isNew,
    exited: new Promise((settle) => {
      void server.exited.then((words) => stopping || settle(words));
    }),
    async stop() {
      stopping = true;
      await server.stop();
    },
  };
}

const patienceMs = 60_000;

async function launchUntilReady(
  passwords: Passwords,
  options: Omit<ServerOptions, "port" | "clusterName">,
): Promise<{ server: Server; port: number }> {
  const { directory, log } = options;
  const deadline = Date.now() + patienceMs;
  let port = (await readPort(directory)) ?? (await freePort());
  for (;;) {
    const clusterName = `tributary-${process.pid}-${randomBytes(3).toString("hex")}`;
    const server = launch({ ...options, port, clusterName });
    const words = await untilReady(server, urlOf(port, passwords), clusterName);
    if (words === undefined) return { server, port };

    if (/could not bind/i.test(words)) {
      port = await freePort();
      log.info(
        `The port of the last start is taken; PostgreSQL now listens on ${port}.`,
      );
    } else if (
      /lock file "postmaster.pid" already exists|pre-existing shared memory/.test(
        words,
      )
    ) {
      const holder = await findHolder(directory, passwords);
      if (holder)
        throw new StartError(
          `${directory} is in use by the PostgreSQL with process id ${holder.postmaster}${holder.supervisor ? `, of the Tributary with process id ${holder.supervisor}` : ""}. Stop that one first, or set TRIBUTARY_DATA to another directory for this one.`,
        );
      if (Date.now() > deadline)
        throw new StartError(
          `PostgreSQL takes ${directory} for still in use: ${words} If no PostgreSQL works there any more, restart the machine, or remove ${directory}/postmaster.pid.`,
        );
      log.info(
        "PostgreSQL did not end cleanly last time; waiting until what is left of it has gone.",
      );
      await sleep(1000);
    } else throw new Error(words);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening, failed) =>
    server.once("error", failed).listen(0, "127.0.0.1", listening),
  );
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
