import { StartError } from "../common/config.ts";
import { connect } from "../common/database.ts";
import { roleUrl } from "../migrations/run.ts";
import { runCommand } from "./command.ts";
import { readDescriptions } from "./import/descriptions.ts";
import { IdentityStore } from "./import/identity-store.ts";
import { importFile, type ImportOptions } from "./import/import-file.ts";
import { duplicateRules } from "./import/rows.ts";
import { Progress } from "./import/progress.ts";
import { asOwner } from "./installation.ts";

const usage = `
Usage: npm run import -- --as <identity> [options] <file.csv>

Writes a CSV file's events, all of them or none, into the installation that runs with the data directory
TRIBUTARY_DATA (.tributary), or into the database of DATABASE_URL. The file is in UTF-8 and may be gzipped. Its first
row names the columns. The first column holds the timestamps; every other is a stream, found by its external id. An
empty cell is no event; an event that is there already is replaced, so an import can be repeated.

  --as <identity>     who imports, by e-mail, client id or identity id; needs WRITE on the streams
  --tenant <id>       for an e-mail with users in several tenants: which one
  --namespace <name>  where the streams are; needed where an external id is in several namespaces
  --create            makes the namespace and the streams that are missing, of one number each
  --names <file.csv>  what new streams are called and measured in: a file with the columns tag, name and unit
  --columns <a,b>     imports these columns alone
  --ignore <a,b>      leaves these columns out
  --zone <zone>       of timestamps without an offset, e.g. Europe/Berlin; of a time shown twice the first is meant
  --duplicates <rule> of rows with the same timestamp: error (without the option), first or last counts
`;

const options = {
  as: { type: "string" },
  tenant: { type: "string" },
  namespace: { type: "string" },
  create: { type: "boolean", default: false },
  names: { type: "string" },
  columns: { type: "string" },
  ignore: { type: "string" },
  zone: { type: "string" },
  duplicates: { type: "string", default: "error" },
} as const;

type Values = Readonly<
  Partial<Record<Exclude<keyof typeof options, "create">, string>>
> & { readonly create: boolean };

await runCommand(usage, options, async ({ positionals, values }) => {
  const [path, ...rest] = positionals;
  const { as, tenant } = values;
  if (!path || rest.length > 0 || !as) throw new StartError(usage.trim());
  const importOptions = await optionsFrom(path, values);
  await asOwner(process.env, async (owner, url) => {
    const identityId = await new IdentityStore(owner).idOf(as, tenant);
    await run(roleUrl(url, "stream"), identityId, importOptions);
  });
});

async function run(
  url: string,
  identityId: string,
  importOptions: ImportOptions,
): Promise<void> {
  const db = connect(url, { name: "import", poolSize: 1 });
  const progress = new Progress(process.stderr);
  const { eventCount, streamCount } = await importFile(
    db,
    identityId,
    importOptions,
    progress,
  ).finally(async () => {
    progress.end();
    await db.destroy();
  });
  console.log(
    `Imported ${counted(eventCount, "event")} into ${counted(streamCount, "stream")}.`,
  );
}

async function optionsFrom(
  path: string,
  { columns, ignore, duplicates, names, namespace, create, zone }: Values,
): Promise<ImportOptions> {
  const rule = duplicateRules.find((rule) => rule === duplicates);
  if (rule === undefined)
    throw new StartError(
      `--duplicates must be one of ${duplicateRules.join(", ")}, not "${duplicates}".`,
    );
  return {
    path,
    namespace,
    create,
    descriptions: names ? await readDescriptions(names) : new Map(),
    columns: columns === undefined ? undefined : listed(columns),
    ignored: ignore === undefined ? [] : listed(ignore),
    zone,
    duplicates: rule,
  };
}

function listed(names: string): string[] {
  return names.split(",").map((name) => name.trim());
}

function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}
