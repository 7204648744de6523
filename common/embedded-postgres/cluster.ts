import {
  chmod,
  chown,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { StartError } from "../config.ts";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { run } from "./process.ts";
import type { Passwords } from "./passwords.ts";

/** The major version that wrote the directory; undefined for one that is absent or empty. */
export async function clusterVersion(
  directory: string,
): Promise<string | undefined> {
  const entries = await readdir(directory).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return [] as string[];
    },
  );
  if (entries.length === 0) return undefined;
  if (!entries.includes("PG_VERSION"))
    throw new StartError(
      `${directory} is not empty, and what lies in it is no PostgreSQL database. Move it away, or set TRIBUTARY_DATA to another directory.`,
    );
  return (await readFile(join(directory, "PG_VERSION"), "utf8")).trim();
}

/** Made beside its place and moved there when it is whole, so that a start that was cut short leaves no half of one. */
export async function createCluster(
  directory: string,
  passwords: Passwords,
  {
    binaries,
    account,
    durable,
  }: { binaries: Binaries; account: Account | undefined; durable: boolean },
): Promise<void> {
  const staging = await mkdtemp(`${directory}.new-`);
  try {
    if (account) await chown(staging, account.uid, account.gid);
    const sync = durable ? [] : ["--no-sync"];
    await expectSuccess(
      run(account, binaries.initdb, [...layout, ...sync, "-D", staging]),
    );
    await expectSuccess(
      run(
        account,
        binaries.postgres,
        [...singleUser, "-D", staging, "postgres"],
        statements(passwords),
      ),
    );
    await writeFile(
      join(staging, "pg_hba.conf"),
      "host all all 127.0.0.1/32 scram-sha-256\n",
    );
    await rename(staging, directory);
  } catch (error) {
    // Another first start was quicker: its cluster is as good, and the one who loses learns that it is in use.
    if ((await clusterVersion(directory)) === undefined) throw error;
  } finally {
    await removeStagings(directory);
  }
}

/** A locale that no library's version can change, and no way in until the passwords are set. */
const layout = [
  "--username=postgres",
  "--auth=reject",
  "--encoding=UTF8",
  "--locale=C",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
];

/** Works without a port, and does not repeat a failed statement, with its password, in its complaint. */
const singleUser = ["--single", "-c", "log_min_error_statement=panic"];

/** One a line, as single-user mode takes them. The owner is no superuser, as in a PostgreSQL that somebody else runs. */
const statements = (passwords: Passwords) =>
  [
    `alter role postgres password '${passwords.postgres}'`,
    `create role tributary login createdb createrole password '${passwords.tributary}'`,
    "create database tributary owner tributary",
    "",
  ].join(";\n");

/** Single-user mode ends well after a statement that failed, so its words count too. */
async function expectSuccess(running: ReturnType<typeof run>): Promise<void> {
  const { code, output } = await running;
  const lines = output.split("\n");
  const complaints = lines.filter((line) =>
    /\b(error|fatal|panic): /i.test(line),
  );
  if (code !== 0 || complaints.length > 0)
    throw new Error(complaints.join(" ") || output);
}

/** Those of cut-short starts too; retried, as another first start may still be writing to its own. */
async function removeStagings(directory: string): Promise<void> {
  const home = dirname(directory);
  const prefix = `${basename(directory)}.new-`;
  const forcefully = { recursive: true, force: true, maxRetries: 10 };
  for (const name of await readdir(home))
    if (name.startsWith(prefix)) await rm(join(home, name), forcefully);
}

/** A directory that came back from a backup may belong to root or be open to others, and PostgreSQL refuses both. */
export async function takeCluster(
  directory: string,
  account: Account | undefined,
): Promise<void> {
  const { uid } = await stat(directory);
  if (account && uid !== account.uid)
    await expectSuccess(
      run(undefined, "chown", [
        "-R",
        `${account.uid}:${account.gid}`,
        directory,
      ]),
    );
  await chmod(directory, 0o700);
}
