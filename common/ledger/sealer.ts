import type { Knex } from "../database.ts";
import type { Logger } from "../log.ts";
import { digestOf, linkTo, type Head, type Link } from "./chain.ts";
import type { SignHead } from "./keys.ts";
import { SealerStore } from "./sealer-store.ts";

const everyMs = 500;
const batchSize = 1_000;

/**
 * Seals what was written, twice a second; answers how to stop, after a last time. Several processes may run one: an
 * advisory lock lets one work at a time.
 */
export function startSealer(
  db: Knex,
  sign: SignHead,
  log: Logger,
): () => Promise<void> {
  const attempt = () =>
    sealAll(db, sign).catch((error: unknown) => {
      log.warn({ err: error }, "The ledger could not be sealed yet.");
    });
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<unknown> = Promise.resolve();
  const turn = () => {
    running = attempt().finally(() => {
      if (!isStopped) timer = setTimeout(turn, everyMs);
    });
  };
  turn();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await running;
    await attempt();
  };
}

/** Answers how many links were made. */
export async function sealAll(db: Knex, sign: SignHead): Promise<number> {
  let count = 0;
  for (;;) {
    const sealed = await db.transaction((transaction) =>
      sealBatch(new SealerStore(transaction), sign),
    );
    count += sealed;
    if (sealed < batchSize) return count;
  }
}

async function sealBatch(store: SealerStore, sign: SignHead): Promise<number> {
  const unsealed = await store.take(batchSize);
  if (unsealed.length === 0) return 0;
  const links: (Link & { entryId: number })[] = [];
  const heads = new Map<string, Head>();
  const at = new Date().toISOString().replace("Z", "+00:00");
  for (const waiting of unsealed) {
    const { chainId, chainKind: kind, entryId, record } = waiting;
    const link = linkTo(heads.get(chainId) ?? waiting, digestOf(record));
    links.push({ ...link, entryId });
    const { sequence, hash } = link;
    heads.set(chainId, { chainId, kind, sequence, hash, at });
  }
  await store.seal(
    links,
    await Promise.all(
      [...heads.values()].map(async (head) => ({
        ...head,
        token: await sign(head),
      })),
    ),
  );
  return unsealed.length;
}
