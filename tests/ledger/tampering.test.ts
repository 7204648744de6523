import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { makeSigningKey } from "../../common/key-file.ts";
import {
  digestOf,
  linkTo,
  type Head,
  type LedgerRecord,
} from "../../common/ledger/chain.ts";
import { headSigner, type SignHead } from "../../common/ledger/keys.ts";
import { TestDatabase } from "../support/database.ts";
import { ledgerOf, type TestLedger } from "../support/ledger.ts";
import { stopAll } from "../support/process.ts";

/** Each tampering has a tenant's chain of its own, of ten links; one walk finds them all. */
const chains = {
  untouched: randomUUID(),
  changed: randomUUID(),
  linkChanged: randomUUID(),
  nameChanged: randomUUID(),
  removed: randomUUID(),
  removedWithLink: randomUUID(),
  dropped: randomUUID(),
  droppedWithOldHead: randomUUID(),
  rewritten: randomUUID(),
  rewrittenAndSigned: randomUUID(),
  gone: randomUUID(),
};
const length = 10;

let database: TestDatabase;
let ledger: TestLedger;
let kept: string[];
let stray: string;
let output: string;

beforeAll(async () => {
  database = await TestDatabase.create();
  ledger = await ledgerOf(database);
  const oldHeads = new Map<string, string>();
  for (const tenant of Object.values(chains)) {
    const names = [{ id: tenant, name: "Pump works", email: "a@example.com" }];
    await ledger.write(length - 4, [tenant], {}, names);
    await ledger.seal();
    oldHeads.set(tenant, await ledger.head(tenant));
    await ledger.write(4, [tenant]);
  }
  await ledger.seal();
  kept = await Promise.all(
    [
      chains.untouched,
      chains.droppedWithOldHead,
      chains.rewrittenAndSigned,
      chains.gone,
    ].map((id) => ledger.head(id)),
  );

  await change(chains.changed, 4);
  await sql(
    "update ledger.links set digest = sha256('x') where chain_id = ? and sequence = 5",
    [chains.linkChanged],
  );
  await sql("update ledger.names set name = 'Valve works' where id = ?", [
    chains.nameChanged,
  ]);
  await remove(chains.removed, "sequence = 6", "KEEP LINKS");
  await remove(chains.removedWithLink, "sequence = 7");
  await remove(chains.dropped, "sequence > 8");
  await remove(chains.droppedWithOldHead, "sequence > 6");
  await sql(
    `update ledger.chains c set sequence = l.sequence, hash = l.hash, head = ?
     from ledger.links l where c.id = ? and l.chain_id = c.id and l.sequence = 6`,
    [oldHeads.get(chains.droppedWithOldHead) ?? "", chains.droppedWithOldHead],
  );
  const foreign = await headSigner([
    { ...(await makeSigningKey()), kid: "of nobody" },
  ]);
  await rewrite(chains.rewritten, foreign);
  await rewrite(chains.rewrittenAndSigned, ledger.sign);
  await remove(chains.gone, "true");
  await sql("delete from ledger.chains where id = ?", [chains.gone]);
  const { rows } = await database.owner.raw<{ rows: [{ uuid: string }] }>(
    `insert into ledger.entries (kind, action, subject_type, subject_id, tenant_ids, request_id)
     values ('TENANT', 'never done', 'Tenant', gen_random_uuid(), '{}', 'test') returning uuid`,
  );
  stray = rows[0].uuid;
  const verified = await ledger.command(
    "verify",
    ...kept.flatMap((head) => ["--head", head]),
  );
  expect(verified.code).toBe(1);
  ({ output } = verified);
}, 120_000);
afterAll(async () => {
  await stopAll();
  await database.drop();
});

const sql = (statement: string, bindings: readonly string[] = []) =>
  database.owner.raw(statement, [...bindings]);

const change = (chain: string, sequence: number) =>
  sql(
    `update ledger.entries set after = '{"count": 99}'
     where id = (select entry_id from ledger.links where chain_id = ? and sequence = ?)`,
    [chain, `${sequence}`],
  );

async function remove(chain: string, which: string, links?: "KEEP LINKS") {
  await sql(
    `delete from ledger.entries where id in (select entry_id from ledger.links where chain_id = ? and ${which})`,
    [chain],
  );
  if (!links)
    await sql(`delete from ledger.links where chain_id = ? and ${which}`, [
      chain,
    ]);
}

/** Changes an entry and makes every hash and the head anew, as somebody would who knows how. */
async function rewrite(chainId: string, sign: SignHead): Promise<void> {
  await change(chainId, 3);
  const { rows } = await database.owner.raw<{
    rows: { record: LedgerRecord; entryId: number }[];
  }>(
    `select r.record, l.entry_id as "entryId" from ledger.links l join ledger.records r on r.id = l.entry_id
     where l.chain_id = ? order by l.sequence`,
    [chainId],
  );
  let last: { chainId: string; sequence: number; hash: string | null } = {
    chainId,
    sequence: 0,
    hash: null,
  };
  for (const { record } of rows) {
    const link = linkTo(last, digestOf(record));
    await database
      .owner("ledger.links")
      .where({ chain_id: chainId, sequence: link.sequence })
      .update({
        digest: Buffer.from(link.digest, "hex"),
        previous: link.previous && Buffer.from(link.previous, "hex"),
        hash: Buffer.from(link.hash, "hex"),
      });
    last = link;
  }
  const head = { ...last, kind: "TENANT", at: "2026-01-01T00:00:00+00:00" };
  await database
    .owner("ledger.chains")
    .where({ id: chainId })
    .update({
      hash: Buffer.from(last.hash ?? "", "hex"),
      head: await sign(head as Head),
    });
}

const told = (chain: string) =>
  output.split("\n").filter((line) => line.includes(chain));

test.each<[string, string, RegExp]>([
  [
    "an entry that was changed",
    chains.changed,
    /^CHANGED .* link 4: the entry [0-9a-f-]{36} \(change 4, .*\) was changed/,
  ],
  [
    "a link that was changed",
    chains.linkChanged,
    /^CHANGED .* link 5: the entry .* was changed/,
  ],
  [
    "a name that was changed",
    chains.nameChanged,
    /^CHANGED .* link 1: a name that belongs to the entry/,
  ],
  [
    "an entry that was removed in the middle",
    chains.removed,
    /^REMOVED .* link 6: the entry was removed/,
  ],
  [
    "an entry that was removed with its link",
    chains.removedWithLink,
    /^REMOVED .* link 7: the entry was removed/,
  ],
  [
    "a tail that was dropped, by the signed head",
    chains.dropped,
    /^DROPPED_TAIL .* link 9: what was sealed from here to link 10/,
  ],
  [
    "a tail that was dropped and an old head put back, by a head that was kept",
    chains.droppedWithOldHead,
    /^DROPPED_TAIL .* link 7: what was sealed from here to link 10/,
  ],
  [
    "a chain that was rewritten with every hash, by the signature",
    chains.rewritten,
    /^REWRITTEN .* link 10: .* no known key has signed/,
  ],
  [
    "a chain that was rewritten and signed by the ledger's own key, by a head that was kept",
    chains.rewrittenAndSigned,
    /^REWRITTEN .* link 10: .* the head that was kept/,
  ],
  [
    "a chain that was taken away, by a head that was kept",
    chains.gone,
    /^DROPPED_TAIL .* is gone/,
  ],
])("verifying tells %s", (_what, chain, line) => {
  expect(told(chain)).toEqual([expect.stringMatching(line)]);
});

test("it tells an entry that nobody sealed, and nothing of a chain that nobody touched", () => {
  expect(told(stray)).toEqual([expect.stringMatching(/^UNCHAINED/)]);
  expect(told(chains.untouched)).toEqual([]);
});
