import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { StartError } from "../config.ts";
import type { Server } from "./server.ts";
import { urlOf, type Passwords } from "./passwords.ts";

/** How long an answer must last before it is believed: another PostgreSQL on our port, or one whose Tributary has just died, goes within this. */
const settleMs = 2000;

/**
 * Settles with undefined once this very server takes connections, else with its last words.
 * Recovery after a crash may take minutes; it ends, so nothing hurries it.
 */
export async function untilReady(
  server: Server,
  url: string,
  clusterName: string,
): Promise<string | undefined> {
  const gone = server.exited.then((words) => ({ words }));
  let otherSince = Infinity;
  for (;;) {
    const answer = await Promise.race([gone, ask(url)]);
    if ("words" in answer) return answer.words;
    if (answer.name === clusterName) return undefined;
    if (answer.nobody) otherSince = Infinity;
    else otherSince = Math.min(otherSince, Date.now());
    if (Date.now() - otherSince > settleMs) {
      await server.stop();
      throw new StartError(
        `The password kept beside the database does not fit it (${answer.refusal}). Put both back from the same backup.`,
      );
    }
    await sleep(25);
  }
}

/** The PostgreSQL that works in a directory, by process id, and the Tributary that it works for, if it tells. */
export interface Holder {
  readonly postmaster: number;
  readonly supervisor: string | undefined;
}

/** Undefined when nobody lives there, whatever `postmaster.pid` says. */
export async function findHolder(
  directory: string,
  passwords: Passwords,
): Promise<Holder | undefined> {
  const until = Date.now() + settleMs;
  for (;;) {
    const file = join(directory, "postmaster.pid");
    const lines = (await readFile(file, "utf8").catch(() => "")).split("\n");
    const [postmaster, port] = [Number(lines[0]), Number(lines[3])];
    if (!(postmaster > 0 && port > 0)) return undefined;
    const { name } = await ask(urlOf(port, passwords));
    if (name === undefined) return undefined;
    if (Date.now() > until)
      return { postmaster, supervisor: /^tributary-(\d+)-/.exec(name)?.[1] };
    await sleep(100);
  }
}

interface Answer {
  /** The `cluster_name` that its supervisor gave it. */
  readonly name?: string;
  readonly refusal?: string;
  readonly nobody?: true;
}

async function ask(connectionString: string): Promise<Answer> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: 5000,
  });
  // Without a listener a client that is cut off takes this process down.
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ cluster_name: string }>(
      "show cluster_name",
    );
    return { name: rows[0]?.cluster_name ?? "" };
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    // Class 28: password or role are not right. All else passes: not up yet, or about to go.
    return code?.startsWith("28") ? { refusal: message } : { nobody: true };
  } finally {
    await client.end().catch(() => undefined);
  }
}
