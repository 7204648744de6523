import type { EnvironmentReader } from "../config.ts";
import type { Knex } from "../database.ts";
import type { Logger } from "../log.ts";
import type { Call } from "../viewer.ts";
import { RefusalStore, type RefusalDetails } from "./refusal-store.ts";

/** A mutation that was refused, told when its transaction has ended. */
export interface Refusal {
  readonly call: Call;
  readonly action: string;
  readonly code: string;
  /** Those that the arguments named, by their place. */
  readonly ids: Readonly<Record<string, string>>;
}

export type OnRefusal = (refusal: Refusal) => void;

/** How many refusals of one identity the ledger keeps one by one in a minute. */
export const readRefusalsPerMinute = (reader: EnvironmentReader): number =>
  reader.integer("LEDGER_REFUSALS_PER_MINUTE", 20, { min: 0, max: 10_000 });

/**
 * Keeps refusals in the ledger of the actor's tenant, beside the answer, which neither waits nor fails for it. Beyond so
 * many a minute an identity's are counted, and the minute's end writes the count as one entry: nobody fills the disk.
 */
export class Refusals {
  private readonly store: RefusalStore;
  private readonly minute = new Map<
    string,
    { kept: number; more: number; requestId: string }
  >();
  private readonly writing = new Set<Promise<void>>();
  private readonly timer = setInterval(() => this.endMinute(), 60_000).unref();

  constructor(
    db: Knex,
    private readonly perMinute: number,
    private readonly log: Logger,
  ) {
    this.store = new RefusalStore(db);
  }

  readonly note: OnRefusal = ({ call, action, code, ids }) => {
    const { viewer, requestId } = call;
    if (viewer.identityId === null) {
      this.log.info({ requestId, action, code }, "refused");
      return;
    }
    const counts = this.minute.get(viewer.identityId) ?? {
      kept: 0,
      more: 0,
      requestId,
    };
    this.minute.set(viewer.identityId, counts);
    if (counts.kept >= this.perMinute) {
      counts.more += 1;
      counts.requestId = requestId;
      return;
    }
    counts.kept += 1;
    this.write(viewer.identityId, requestId, action, { code, ids });
  };

  /** Writes what was only counted so far, under the last request's id, and begins anew. */
  endMinute(): void {
    for (const [identityId, { more: count, requestId }] of this.minute)
      if (count > 0)
        this.write(identityId, requestId, "refusedMutations", { count });
    this.minute.clear();
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.endMinute();
    await Promise.all(this.writing);
  }

  private write(
    identityId: string,
    requestId: string,
    action: string,
    details: RefusalDetails,
  ): void {
    const written = this.store
      .add(identityId, requestId, action, details)
      .catch((error: unknown) => {
        this.log.error({ requestId, err: error }, "a refusal is not kept");
      })
      .finally(() => this.writing.delete(written));
    this.writing.add(written);
  }
}
