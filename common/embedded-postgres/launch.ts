import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { StartError } from "../config.ts";
import { findHolder, untilReady, type Holder } from "./answers.ts";
import { urlOf, type Passwords } from "./passwords.ts";
import { freePort, readPort } from "./port.ts";
import { startServer, type Server, type ServerOptions } from "./server.ts";

/** How long what is left of a PostgreSQL that was killed may take to go. */
const patienceMs = 60_000;

/** Starts PostgreSQL as often as it takes for what passes: a port that is taken, remains of the last run. */
export async function launch(
  passwords: Passwords,
  options: Omit<ServerOptions, "port" | "clusterName">,
): Promise<{ server: Server; port: number }> {
  const { directory, log } = options;
  const deadline = Date.now() + patienceMs;
  let port = (await readPort(directory)) ?? (await freePort());
  for (;;) {
    const clusterName = `tributary-${process.pid}-${randomBytes(3).toString("hex")}`;
    const server = startServer({ ...options, port, clusterName });
    const url = urlOf(port, passwords);
    const lastWords = await untilReady(server, url, clusterName);
    if (lastWords === undefined) return { server, port };

    const again = Date.now() < deadline;
    if (again && /Address already in use/.test(lastWords)) {
      log.info(`Port ${port} is taken; PostgreSQL takes another one.`);
      port = await freePort();
    } else if (isInUse(lastWords)) {
      const holder = await findHolder(directory, passwords);
      if (holder) throw inUse(directory, holder);
      if (!again) throw leftBehind(directory, lastWords);
      log.info(`Waiting for the last PostgreSQL in ${directory} to be gone.`);
      await sleep(1000);
    } else throw new Error(lastWords);
  }
}

const isInUse = (words: string) =>
  /"postmaster.pid" already exists|pre-existing shared memory/.test(words);

const inUse = (directory: string, { postmaster, supervisor }: Holder) =>
  new StartError(
    `${directory} is in use by the PostgreSQL with process id ${postmaster}${supervisor ? `, of the Tributary with process id ${supervisor}` : ""}. ` +
      "Stop that one first, or set TRIBUTARY_DATA to another directory for this one.",
  );

/** The file is PostgreSQL's own guard against two servers on one directory, so it is for a person to remove. */
const leftBehind = (directory: string, lastWords: string) =>
  new StartError(
    `PostgreSQL takes ${directory} for still in use (${lastWords}). ` +
      `End that process; if it is no PostgreSQL, remove ${directory}/postmaster.pid and start again.`,
  );
