import { resolve } from "node:path";
import { readPasswords, superuserUrlOf, urlOf } from "./passwords.ts";
import { readPort } from "./port.ts";

/**
 * Where the PostgreSQL that lives in a directory was last started, by the URL of the database's owner or of the superuser;
 * undefined if it never was.
 */
export async function lastUrl(
  directory: string,
  of: "owner" | "superuser" = "owner",
): Promise<string | undefined> {
  const path = resolve(directory);
  const port = await readPort(path);
  if (port === undefined) return undefined;
  const toUrl = of === "owner" ? urlOf : superuserUrlOf;
  return toUrl(port, await readPasswords(path));
}
