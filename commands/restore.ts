import { resolve } from "node:path";
import { EnvironmentReader, StartError } from "../common/config.ts";
import { restore } from "./backup/restore.ts";
import { runCommand } from "./command.ts";

const usage = `
Usage: npm run restore -- <file>

Brings what "npm run backup" wrote back into the data directory TRIBUTARY_DATA (.tributary), which must be empty or
absent: all of it, or nothing. It is ready for "npm start" when its database has come up once.
`;

await runCommand(usage, {}, async ({ positionals: [file, ...rest] }) => {
  if (!file || rest.length > 0) throw new StartError(usage.trim());
  const reader = new EnvironmentReader(process.env);
  const home = resolve(reader.text("TRIBUTARY_DATA", ".tributary"));
  const { madeAt } = await restore(resolve(file), home, (step) =>
    console.error(step),
  );
  console.log(
    `${home} holds what was backed up at ${madeAt}. Start it with "npm start".`,
  );
});
