import { StartError } from "../common/config.ts";
import { isUuid } from "../common/page.ts";
import { runCommand } from "./command.ts";
import { asOwner } from "./installation.ts";
import { OperatorStore } from "./operator-store.ts";

const usage = `
Usage: npm run issuers -- links [--tenant <id>]
       npm run issuers -- unlink <id of a user>
       npm run issuers -- allow <id of a user>

Which users are accounts of outside issuers (docs/issuers.md): in the installation that runs with the data directory
TRIBUTARY_DATA (.tributary), or in the database of DATABASE_URL.

  links    every user with its tenant and e-mail, the issuer, the subject, and since when; --tenant: those of one tenant
  unlink   takes the account away from a user, in the next request, for good; another one that comes with the e-mail
           is linked
  allow    lets the accounts that were taken away from a user be linked with it again
`;

await runCommand(
  usage,
  { tenant: { type: "string" } },
  async ({ positionals: [name, id, ...rest], values: { tenant } }) => {
    if (name === "links" && id === undefined) await list(tenant);
    else if (name === "unlink" && id !== undefined && rest.length === 0)
      await unlink(id);
    else if (name === "allow" && id !== undefined && rest.length === 0)
      await allow(id);
    else throw new StartError(usage.trim());
  },
);

async function list(tenant: string | undefined): Promise<void> {
  if (tenant !== undefined) assertUuid(tenant);
  const links = await asOwner(process.env, (db) =>
    new OperatorStore(db).linkedSubjects(tenant),
  );
  if (links.length === 0) console.log("No user is linked.");
  for (const { identity, tenantName, email, issuer, subject, since } of links)
    console.log(
      [identity, tenantName, email, issuer, subject, since].join("\t"),
    );
}

async function unlink(identity: string): Promise<void> {
  assertUuid(identity);
  await asOwner(process.env, (db) => new OperatorStore(db).unlink(identity));
  console.log("Unlinked.");
}

async function allow(identity: string): Promise<void> {
  assertUuid(identity);
  await asOwner(process.env, (db) =>
    new OperatorStore(db).allowSubjects(identity),
  );
  console.log("Allowed.");
}

function assertUuid(id: string): void {
  if (!isUuid(id)) throw new StartError(`"${id}" is no id.\n\n${usage.trim()}`);
}
