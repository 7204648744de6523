import { resolve } from "node:path";
import { readPasswords, urlOf } from "./passwords.ts";
import { readPort } from "./port.ts";

/** Where the PostgreSQL that lives in a directory was last started, by its owner's URL; undefined if it never was. */
export async function lastUrl(directory: string): Promise<string | undefined> {
  const path = resolve(directory);
  const port = await readPort(path);
  return port === undefined
    ? undefined
    : urlOf(port, await readPasswords(path));
}
