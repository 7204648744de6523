import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { StartError } from "../config.ts";

export interface Passwords {
  /** Of the superuser `postgres`: for the operator, never for the application. */
  readonly postgres: string;
  /** Of `tributary`, which owns the database of that name. */
  readonly tributary: string;
}

const fileOf = (directory: string) => `${directory}-passwords.json`;

/** Made once per installation, before the cluster that takes them. */
export async function makePasswords(directory: string): Promise<Passwords> {
  const secret = () => randomBytes(24).toString("base64url");
  const passwords = { postgres: secret(), tributary: secret() };
  const path = fileOf(directory);
  const draft = `${path}.${secret()}`;
  try {
    await writeFile(draft, JSON.stringify(passwords), { mode: 0o600 });
    // Linked, not renamed: of two first starts at once, the later one takes the passwords of the earlier.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { force: true });
  }
  return readPasswords(directory);
}

export async function readPasswords(directory: string): Promise<Passwords> {
  const path = fileOf(directory);
  try {
    return JSON.parse(await readFile(path, "utf8")) as Passwords;
  } catch (error) {
    throw new StartError(
      `${path} holds the passwords of the database in ${directory}, and it cannot be read (${String(error)}). Put it back from a backup, or set TRIBUTARY_DATA to another directory to start empty.`,
    );
  }
}

/** To any of its databases, as the superuser. */
export const superuserUrlOf = (port: number, { postgres }: Passwords) =>
  `postgres://postgres:${postgres}@127.0.0.1:${port}/postgres`;

export const urlOf = (port: number, { tributary }: Passwords) =>
  `postgres://tributary:${tributary}@127.0.0.1:${port}/tributary`;
