import { randomUUID } from "node:crypto";
import { makeSigningKey } from "../../common/key-file.ts";
import {
  record,
  type LedgerEntry,
  type LedgerName,
} from "../../common/ledger-store.ts";
import {
  headSigner,
  loadLedgerKeys,
  type LedgerKeys,
  type SignHead,
} from "../../common/ledger/keys.ts";
import { sealAll } from "../../common/ledger/sealer.ts";
import { anonymous } from "../../common/viewer.ts";
import type { TestDatabase } from "./database.ts";
import { run } from "./process.ts";

/** Of a row of `ledger.entries`: the tenants that are told, in the order in which they were founded, as its `tenant_ids`. */
export const toldTenants = `coalesce(tenant_ids, array(
  select s.tenant_id from ledger.stays s join tenant.tenants t on t.uuid = s.tenant_id
  where s.community_id = entries.community_id and entries.id between s.told_from and s.told_to order by t.id)) as tenant_ids`;

export type TestLedger = Awaited<ReturnType<typeof ledgerOf>>;

/** The ledger of a test's database, and a sealer with keys of its own that works when it is told to. */
export async function ledgerOf(database: TestDatabase) {
  const givenKeys = JSON.stringify({ signing: [await makeSigningKey()] });
  const keys: LedgerKeys = await loadLedgerKeys({
    givenKeys,
    dataDirectory: "",
  });
  const sign: SignHead = await headSigner(keys);
  return {
    sign,
    /** Runs an operator's command on it, with its keys. */
    command: (...args: string[]) =>
      run(["commands/ledger.ts", ...args], {
        DATABASE_URL: database.url,
        LEDGER_KEYS: givenKeys,
      }),
    /** One change after the other that concerns these tenants, or whoever is in the community. */
    write: async (
      count: number,
      tenantIds: readonly string[] | null,
      more: Partial<LedgerEntry> = {},
      names: readonly LedgerName[] = [],
    ) => {
      for (let i = 1; i <= count; i += 1)
        await database.as("tenant").transaction((transaction) =>
          record(
            transaction,
            { viewer: anonymous, requestId: "test" },
            `change ${i}`,
            [
              {
                kind: "TENANT",
                subjectType: "Tenant",
                subjectId: tenantIds?.[0] ?? randomUUID(),
                tenantIds,
                after: { count: i },
                ...more,
              },
            ],
            names,
          ),
        );
    },
    /** Answers how many links were made. */
    seal: () => sealAll(database.as("community"), sign),
    chain: async (id: string) => {
      const [chain] = (await database
        .owner("ledger.chains")
        .where({ id })
        .select("kind", "sequence")) as { kind: string; sequence: number }[];
      return chain;
    },
    head: async (id: string) => {
      const [chain] = (await database
        .owner("ledger.chains")
        .where({ id })
        .select("head")) as { head: string }[];
      return chain?.head ?? "";
    },
  };
}
