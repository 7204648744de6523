import { DomainError } from "./errors.ts";
import type { Viewer } from "./viewer.ts";

/** How much runs at a time; what is not told has no bound. A task that is heavier than that runs alone. */
export interface Widths {
  readonly inAll?: number;
  readonly ofTenant?: number;
  readonly ofIdentity?: number;
}

export interface Task<T> {
  readonly work: () => PromiseLike<T>;
  /** What it takes of a width; 1 by default. */
  readonly weight?: number;
  /** Whether nobody waits for it any more: then its turn is another's. */
  readonly isGone?: () => boolean;
}

/** Where the tasks of one caller wait for their turns. */
export interface OwnTurns {
  run<T>(work: () => PromiseLike<T>): Promise<T>;
}

interface Place {
  readonly tenant: string;
  readonly identity: string;
  readonly weight: number;
}

interface Waiting extends Place {
  readonly isGone: () => boolean;
  readonly begin: () => void;
  readonly giveUp: (error: Error) => void;
}

/** Nobody waits for what was asked. */
export class Gone extends DomainError {
  constructor() {
    super("UNAVAILABLE", "The client has gone.");
  }
}

/**
 * Lets few tasks run at a time. Tenants take turns, and so do the identities of each: who has many waiting waits for
 * them, and nobody else does.
 */
export class Turns {
  private readonly inAll = new Amounts();
  private readonly ofTenant = new Amounts();
  private readonly ofIdentity = new Amounts();
  /** By tenant and identity; those whose turn is next come first. */
  private readonly waiting = new Map<string, Map<string, Waiting[]>>();
  /** How many wait, by tenant. */
  private readonly counts = new Amounts();

  constructor(private readonly widths: Widths) {}

  of(viewer: Viewer): OwnTurns {
    return { run: (work) => this.run(viewer, { work }) };
  }

  waitingOf(viewer: Viewer): number {
    return this.counts.of(tenantOf(viewer));
  }

  async run<T>(
    viewer: Viewer,
    { work, weight = 1, isGone = () => false }: Task<T>,
  ): Promise<T> {
    const place = placeOf(viewer, weight);
    if (!this.waiting.has(place.tenant) && this.hasRoom(place))
      this.add(place, weight);
    else
      await new Promise<void>((begin, giveUp) => {
        this.enqueue({ ...place, isGone, begin, giveUp });
        this.beginNext();
      });
    try {
      return await work();
    } finally {
      this.add(place, -weight);
      this.beginNext();
    }
  }

  private enqueue(one: Waiting): void {
    const identities =
      this.waiting.get(one.tenant) ?? new Map<string, Waiting[]>();
    this.waiting.set(one.tenant, identities);
    const queue = identities.get(one.identity) ?? [];
    identities.set(one.identity, queue);
    queue.push(one);
    this.counts.add(one.tenant, 1);
  }

  private beginNext(): void {
    for (let next = this.takeNext(); next; next = this.takeNext()) {
      if (next.isGone()) {
        next.giveUp(new Gone());
        continue;
      }
      this.add(next, next.weight);
      next.begin();
    }
  }

  /** The next that has room or has gone; its tenant and identity are the last then to have another turn. */
  private takeNext(): Waiting | undefined {
    for (const [tenant, identities] of this.waiting)
      for (const [identity, queue] of identities) {
        const [next] = queue;
        if (!next) continue;
        if (!next.isGone() && !this.hasRoom(next)) {
          if (this.isFull("ofIdentity", identity, next.weight)) continue;
          // What is heavy keeps its turn, or light ones would pass it by for ever.
          break;
        }
        queue.shift();
        this.counts.add(tenant, -1);
        identities.delete(identity);
        if (queue.length > 0) identities.set(identity, queue);
        this.waiting.delete(tenant);
        if (identities.size > 0) this.waiting.set(tenant, identities);
        return next;
      }
    return undefined;
  }

  private hasRoom({ tenant, identity, weight }: Place): boolean {
    return (
      !this.isFull("inAll", "", weight) &&
      !this.isFull("ofTenant", tenant, weight) &&
      !this.isFull("ofIdentity", identity, weight)
    );
  }

  private isFull(width: keyof Widths, key: string, weight: number): boolean {
    const running = this[width].of(key);
    return running > 0 && running + weight > (this.widths[width] ?? Infinity);
  }

  private add({ tenant, identity }: Place, weight: number): void {
    this.inAll.add("", weight);
    this.ofTenant.add(tenant, weight);
    this.ofIdentity.add(identity, weight);
  }
}

function placeOf(viewer: Viewer, weight: number): Place {
  const identity = viewer.identityId ?? viewer.person?.id ?? "";
  return { tenant: tenantOf(viewer), identity, weight };
}

/** Whose turn it is; who has no tenant that is known is one. */
export const tenantOf = ({ tenantId, identityId, person }: Viewer): string =>
  tenantId ?? identityId ?? person?.id ?? "";

/** A sum for each key that has one. */
class Amounts {
  private readonly amounts = new Map<string, number>();

  of(key: string): number {
    return this.amounts.get(key) ?? 0;
  }

  add(key: string, amount: number): void {
    const sum = this.of(key) + amount;
    if (sum > 0) this.amounts.set(key, sum);
    else this.amounts.delete(key);
  }
}
