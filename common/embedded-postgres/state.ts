import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { StartError } from "../config.ts";

export interface Passwords {
  /** Of the superuser `postgres`: for the operator, never for the application. */
  readonly postgres: string;
  /** Of `tributary`, which owns the database of that name. */
  readonly tributary: string;
}

const passwordsFile = (directory: string) => `${directory}-passwords.json`;
const portFile = (directory: string) => `${directory}-port`;

/** Made once per installation, before the cluster that takes them. */
export async function makePasswords(directory: string): Promise<Passwords> {
  const secret = () => randomBytes(24).toString("base64url");
  const passwords = { postgres: secret(), tributary: secret() };
  const path = passwordsFile(directory);
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
  const path = passwordsFile(directory);
  try {
    return JSON.parse(await readFile(path, "utf8")) as Passwords;
  } catch (error) {
    throw new StartError(
      `${path} holds the passwords of the database in ${directory}, and it cannot be read (${String(error)}). Put it back from a backup, or set TRIBUTARY_DATA to another directory to start empty.`,
    );
  }
}

/** The port of the last start, so that tools which were told it stay connected. */
export async function readPort(directory: string): Promise<number | undefined> {
  const port = await readFile(portFile(directory), "utf8").then(
    Number,
    () => NaN,
  );
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

export const writePort = (directory: string, port: number) =>
  writeFile(portFile(directory), String(port));

export const urlOf = (port: number, { tributary }: Passwords) =>
  `postgres://tributary:${tributary}@127.0.0.1:${port}/tributary`;
