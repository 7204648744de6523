import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { StartError } from "../config.ts";
import { run } from "./process.ts";

/** The account that runs PostgreSQL in place of root, which PostgreSQL refuses. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Undefined: PostgreSQL runs as the account that this process runs as. */
export async function findAccount(
  directory: string,
): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = await readAccounts();
  const owner = await ownerOf(directory);
  const account =
    accounts.find(({ uid }) => uid !== 0 && uid === owner) ??
    accounts.find(({ name }) => name === "postgres") ??
    accounts.find(({ name }) => name === "nobody");
  if (account === undefined)
    throw new StartError(
      "PostgreSQL refuses to run as root, and there is no account postgres or nobody to run it. Start as another account, or set DATABASE_URL to a PostgreSQL of your own.",
    );
  return account;
}

/** PostgreSQL reaches its data only if its account may enter every directory above it. */
export async function checkReachable(
  directory: string,
  account: Account | undefined,
): Promise<void> {
  if (account === undefined) return;
  const script = 'for d; do cd "$d" 2>&- || { printf %s "$d"; exit 1; }; done';
  const { code, output } = await run(account, "/bin/sh", [
    "-c",
    script,
    "sh",
    ...parentsOf(directory),
  ]);
  if (code !== 0)
    throw new StartError(
      `PostgreSQL refuses to run as root, so it runs as ${account.name}, and that account may not enter ${output}. Set TRIBUTARY_DATA to a directory that it may enter, such as /var/lib/tributary, or start as another account than root.`,
    );
}

async function readAccounts(): Promise<Account[]> {
  const lines = (await readFile("/etc/passwd", "utf8")).split("\n");
  return lines.map((line) => {
    const [name = "", , uid, gid] = line.split(":");
    return { name, uid: Number(uid), gid: Number(gid) };
  });
}

async function ownerOf(directory: string): Promise<number | undefined> {
  return stat(directory).then(
    ({ uid }) => uid,
    () => undefined,
  );
}

/** From the root down. */
function parentsOf(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [] : [...parentsOf(parent), parent];
}
