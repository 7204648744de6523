import { resolve } from "node:path";
import { EnvironmentReader, StartError } from "../common/config.ts";
import { backUp } from "./backup/back-up.ts";
import { megabytes } from "./backup/megabytes.ts";
import { runCommand } from "./command.ts";

const usage = `
Usage: npm run backup [-- <file>]

Writes what is in the data directory TRIBUTARY_DATA (.tributary) into one file, which "npm run restore" brings back: the
embedded database as it is when the backup ends, the keys and the passwords. Tributary may run meanwhile.

The file, tributary-<time>.tar.gz if none is named, holds every secret of the installation: keep it like one.

A PostgreSQL of your own (DATABASE_URL) is backed up by its own tools; docs/backup.md tells how.
`;

await runCommand(usage, {}, async ({ positionals: [name, ...rest] }) => {
  if (rest.length > 0) throw new StartError(usage.trim());
  const reader = new EnvironmentReader(process.env);
  if (reader.optional("DATABASE_URL") !== undefined)
    throw new StartError(
      "DATABASE_URL names a PostgreSQL of your own: back it up by its own tools, such as pg_basebackup or pg_dump. docs/backup.md tells what belongs to it.",
    );
  const home = resolve(reader.text("TRIBUTARY_DATA", ".tributary"));
  const path = resolve(name ?? usualName());
  const bytes = await backUp(home, path, process.stderr);
  console.log(
    `Wrote ${path}, ${megabytes(bytes)}. It holds every secret of the installation: keep it like one.`,
  );
});

function usualName(): string {
  const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  return `tributary-${time}Z.tar.gz`;
}
