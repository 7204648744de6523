import { once } from "node:events";
import {
  EnvironmentReader,
  StartError,
  type Environment,
} from "../common/config.ts";
import type { Knex } from "../common/database.ts";
import { parseDateTime } from "../common/date-time.ts";
import {
  headSigner,
  loadLedgerKeys,
  publicLedgerKeys,
  readLedgerConfig,
  type LedgerConfig,
} from "../common/ledger/keys.ts";
import type { Fault } from "../common/ledger/verify.ts";
import { isUuid } from "../common/page.ts";
import { parseEmail } from "../common/text.ts";
import { runCommand } from "./command.ts";
import { asOwner } from "./installation.ts";
import { chainsIn, exported } from "./ledger/export-file.ts";
import { LedgerStore, type Chain } from "./ledger/ledger-store.ts";
import { trustFrom } from "./ledger/trust.ts";
import {
  verifyAll,
  verifyChain,
  verifyDatabase,
  walked,
  type Verified,
} from "./ledger/verify.ts";

const usage = `
Usage: npm run --silent ledger -- verify [--head <head or file>]... [--file <export>] [--keys <file>]
       npm run --silent ledger -- heads
       npm run --silent ledger -- keys
       npm run --silent ledger -- export --tenant <id> | --community <id>
       npm run --silent ledger -- retain --before <time>
       npm run --silent ledger -- erase <id or e-mail>

The ledger of the installation that runs with the data directory TRIBUTARY_DATA (.tributary), or in the database of
DATABASE_URL; its keys are in that directory or in LEDGER_KEYS. docs/ledger.md tells how it is chained.

  verify      walks every chain and tells of each the first entry that is not as it was sealed. --head: compares with
              a head that was kept, as the graph or "heads" gave it. --file: an exported file, without any database
  heads       the signed end of every chain, a JSON line each
  keys        the public keys by which heads are verified, as a JWK set
  export      a tenant's chain and those of its communities, or one community's chain, as JSON lines that verify by
              themselves; what does not concern the tenant stands there by its digest alone
  retain      removes the entries from before a time, and keeps of each chain a signed checkpoint to go on from; a
              chain that does not verify is left as it is
  erase       erases the names and e-mails of a person or identity, by its id or e-mail; the chains stay as they are
`;

const options = {
  head: { type: "string", multiple: true },
  file: { type: "string" },
  keys: { type: "string" },
  tenant: { type: "string" },
  community: { type: "string" },
  before: { type: "string" },
} as const;

interface Values {
  readonly head?: readonly string[] | undefined;
  readonly file?: string | undefined;
  readonly keys?: string | undefined;
  readonly tenant?: string | undefined;
  readonly community?: string | undefined;
  readonly before?: string | undefined;
}

await runCommand(usage, options, ({ positionals, values }) => {
  const reader = new EnvironmentReader(process.env);
  const config = reader.done(readLedgerConfig(reader));
  return operationFrom(positionals, values, config)(process.env);
});

type Operation = (env: Environment) => Promise<void>;

function operationFrom(
  positionals: readonly string[],
  values: Values,
  config: LedgerConfig,
): Operation {
  const [name = "", argument = ""] = positionals;
  switch (`${name} ${positionals.length - 1}`) {
    case "verify 0":
      return verify(values, config);
    case "heads 0":
      return (env) => asOwner(env, heads);
    case "keys 0":
      return () => keys(config);
    case "export 0":
      return exportFor(values);
    case "retain 0":
      return retain(values.before, config);
    case "erase 1":
      return erase(argument);
    default:
      throw new StartError(usage.trim());
  }
}

function verify({ head, file, keys }: Values, config: LedgerConfig): Operation {
  return async (env) => {
    const trust = await trustFrom(config, head ?? [], keys);
    const verified = file
      ? await verifyAll(chainsIn(file), trust)
      : await asOwner(env, (db) => verifyDatabase(db, trust));
    tell(verified);
  };
}

function tell({ chains, links, faults, waiting, strays }: Verified): void {
  for (const { tampering, chainId, sequence, message } of faults)
    console.log(`${tampering}  chain ${chainId}, link ${sequence}: ${message}`);
  for (const id of strays)
    console.log(`UNCHAINED  entry ${id} is in no chain: nobody sealed it`);
  const sum = `${chains} chains, ${links.toLocaleString("en")} links`;
  if (faults.length + strays.length > 0) {
    console.log(`${sum}; the ledger was tampered with.`);
    process.exitCode = 1;
    return;
  }
  console.log(
    `${sum}: all as it was sealed.${waiting > 0 ? ` ${waiting} entries wait for the sealer.` : ""}`,
  );
}

async function heads(db: Knex): Promise<void> {
  for (const chain of await new LedgerStore(db).chains()) {
    const { id, kind, sequence, hash, sealedAt: at, head } = chain;
    console.log(JSON.stringify({ kind, chain: id, sequence, hash, at, head }));
  }
}

async function keys(config: LedgerConfig): Promise<void> {
  const own = publicLedgerKeys(await loadLedgerKeys(config));
  console.log(JSON.stringify({ keys: own }, null, 2));
}

function exportFor({ tenant, community }: Values): Operation {
  const id = tenant ?? community;
  if (id === undefined || (tenant !== undefined && community !== undefined))
    throw new StartError("Name the one to export by --tenant or --community.");
  if (!isUuid(id)) throw new StartError(`${id} is no id.`);
  return (env) =>
    asOwner(env, (db) =>
      db.transaction(
        async (snapshot) => {
          const store = new LedgerStore(snapshot);
          const chains = tenant
            ? await store.chainsOf(id)
            : (await store.chains()).filter((chain) => chain.id === id);
          if (chains.length === 0)
            throw new StartError(`Nothing is sealed of ${id}.`);
          for await (const line of exported(chains, store, tenant ?? null))
            if (!process.stdout.write(line))
              await once(process.stdout, "drain");
        },
        { isolationLevel: "repeatable read", readOnly: true },
      ),
    );
}

function retain(before: string | undefined, config: LedgerConfig): Operation {
  const time = parseDateTime(before ?? "");
  if (time === null)
    throw new StartError(
      `--before must be a time such as 2026-01-31T00:00:00Z, not "${before ?? ""}".`,
    );
  return async (env) => {
    const trust = await trustFrom(config, [], undefined);
    const sign = await headSigner(await loadLedgerKeys(config));
    await asOwner(env, async (db) => {
      const faults: Fault[] = [];
      let links = 0;
      for (const chain of await new LedgerStore(db).chains())
        await db.transaction(async (transaction) => {
          const store = new LedgerStore(transaction);
          await store.lock();
          const last = await store.lastBefore(chain.id, time);
          if (last === null) return;
          const fault = await verifyChain(
            walked(await current(store, chain), store),
            trust,
            () => undefined,
          );
          if (fault) {
            faults.push(fault);
            return;
          }
          const { id: chainId, kind } = chain;
          const at = new Date().toISOString().replace("Z", "+00:00");
          const checkpoint = await sign({ chainId, kind, ...last, at });
          links += await store.dropLinks(chainId, last.sequence, checkpoint);
        });
      const entries = await new LedgerStore(db).dropEntries(time);
      console.log(`Removed ${entries} entries and ${links} links.`);
      if (faults.length > 0)
        tell({ chains: 0, links: 0, faults, waiting: 0, strays: [] });
    });
  };
}

/** As it is now that it is locked. */
async function current(store: LedgerStore, { id }: Chain): Promise<Chain> {
  const chain = (await store.chains()).find((found) => found.id === id);
  if (chain === undefined) throw new Error(`Chain ${id} is gone.`);
  return chain;
}

function erase(idOrEmail: string): Operation {
  const it = isUuid(idOrEmail) ? idOrEmail : parseEmail(idOrEmail);
  if (it === null)
    throw new StartError(`"${idOrEmail}" is neither an id nor an e-mail.`);
  return (env) =>
    asOwner(env, async (db) => {
      const count = await new LedgerStore(db).eraseNames(it);
      console.log(`Erased ${count} names and e-mails.`);
    });
}
