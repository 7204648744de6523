import { StartError } from "../common/config.ts";
import { migrate, roles, roleUrl } from "../migrations/run.ts";
import { runCommand } from "./command.ts";

const usage = `
Usage: DATABASE_URL=postgres://owner:password@host/database npm run migrate [-- --urls]

Brings a PostgreSQL of your own to this version; the embedded one is migrated by "npm start".

  --urls   migrates nothing; prints the URL of each role as a line for the environment of its process
`;

await runCommand(
  usage,
  { urls: { type: "boolean", default: false } },
  async ({ values: { urls } }) => {
    const url = process.env["DATABASE_URL"];
    if (!url) throw new StartError("DATABASE_URL is missing.");
    if (urls) return printUrls(url);
    const ran = await migrate(url);
    for (const name of ran) console.log(`ran ${name}`);
    console.log(
      ran.length === 0
        ? "The database is up to date."
        : "The database is ready.",
    );
  },
);

function printUrls(ownerUrl: string): void {
  for (const role of roles)
    console.log(
      `${role.toUpperCase()}_DATABASE_URL=${roleUrl(ownerUrl, role)}`,
    );
}
