import type { QueryPlan } from "@apollo/query-planner";
import { print } from "graphql";
import { Worker } from "node:worker_threads";
import { DomainError } from "../../common/errors.ts";
import { Gone } from "../../common/turns.ts";
import type { PlannedOperation, Planner } from "../execution/planner.ts";

/** What the thread is asked. */
export interface Question {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly hash: string;
}

/** What it says: that it can be asked, and then one answer to each question. */
export type Answer =
  | { readonly ready: true }
  | { readonly plan: QueryPlan }
  | { readonly fault: string };

interface Waiting {
  readonly operation: PlannedOperation;
  readonly since: number;
  readonly resolve: (plan: QueryPlan) => void;
  readonly reject: (error: Error) => void;
}

/** Front ends' queries take some ten; the largest that the limits let through, a second. */
export const usualPlanMs = 2_000;

/** What its thread may keep: 30 MB are the graph itself, an operation takes a few more. */
const maxMegabytes = 256;

/** So long an operation waits for others to be planned, and so many of one sender wait. */
const maxWaitMs = 30_000;
const maxWaiting = 50;

/** As many refusals are remembered, and for so long: what made planning slow may have been the machine. */
const rememberedRefusals = 10_000;
const refusedMs = 600_000;

/**
 * Plans in a thread of its own, one operation after the other, and gives up one that takes too long: a planner never
 * waits, so that nothing but the end of its thread stops it. Such a refusal is remembered. Senders take turns.
 */
export class ThreadPlanner implements Planner {
  private thread: Worker | undefined;
  private isReady = false;
  /** By sender; the one whose turn it is comes first. */
  private readonly waiting = new Map<string, Waiting[]>();
  private planned: Waiting | undefined;
  private deadline: NodeJS.Timeout | undefined;
  private readonly refusals = new Map<string, { error: Error; end: number }>();

  constructor(
    private readonly supergraphSdl: string,
    private readonly planMs: number,
  ) {
    this.start();
  }

  async plan(operation: PlannedOperation): Promise<QueryPlan> {
    const refusal = this.refusals.get(operation.hash);
    if (refusal && refusal.end > Date.now()) throw refusal.error;
    const { whose } = operation;
    const others = this.waiting.get(whose) ?? [];
    if (others.length >= maxWaiting && whose !== "") throw tooManyNew();
    return new Promise((resolve, reject) => {
      others.push({ operation, since: Date.now(), resolve, reject });
      this.waiting.set(whose, others);
      this.start();
      this.askNext();
    });
  }

  async stop(): Promise<void> {
    clearTimeout(this.deadline);
    const { thread } = this;
    this.thread = undefined;
    await thread?.terminate();
  }

  private start(): void {
    if (this.thread) return;
    const thread = new Worker(new URL("./thread.js", import.meta.url), {
      workerData: this.supergraphSdl,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: maxMegabytes },
    });
    this.thread = thread;
    this.isReady = false;
    // Whoever waits for a plan has a connection, which keeps the process alive.
    thread.unref();
    thread.on("message", (answer: Answer) => {
      if (thread === this.thread) this.take(answer);
    });
    thread.once("error", (error) => {
      if (thread === this.thread) this.takeEnd(error);
    });
  }

  private askNext(): void {
    if (!this.isReady || this.planned) return;
    const next = this.takeNext();
    if (!next) return;
    const { isGone } = next.operation;
    if (isGone() || Date.now() - next.since > maxWaitMs) {
      next.reject(isGone() ? new Gone() : busy());
      this.askNext();
      return;
    }
    this.planned = next;
    const { document, operationName, hash } = next.operation;
    const question: Question = { query: print(document), operationName, hash };
    this.thread?.postMessage(question);
    this.deadline = setTimeout(() => {
      // An answer may be there that this thread was too busy to take.
      setImmediate(() => {
        if (this.planned === next) this.replace(tooSlow(this.planMs));
      });
    }, this.planMs);
  }

  /** Of the sender whose turn it is, which is the last to have another. */
  private takeNext(): Waiting | undefined {
    for (const [whose, waiting] of this.waiting) {
      this.waiting.delete(whose);
      const next = waiting.shift();
      if (waiting.length > 0) this.waiting.set(whose, waiting);
      if (next) return next;
    }
    return undefined;
  }

  private take(answer: Answer): void {
    if ("ready" in answer) this.isReady = true;
    else {
      clearTimeout(this.deadline);
      const { planned } = this;
      this.planned = undefined;
      if ("plan" in answer) planned?.resolve(answer.plan);
      else if (planned) planned.reject(this.refusalOf(planned, answer.fault));
    }
    this.askNext();
  }

  /** The thread has ended by itself: for want of memory, or because it could not start. */
  private takeEnd(error: Error): void {
    clearTimeout(this.deadline);
    if (this.planned) {
      this.replace(tooLarge());
      return;
    }
    this.thread = undefined;
    const all = [...this.waiting.values()].flat();
    this.waiting.clear();
    for (const { reject } of all) reject(error);
  }

  private replace(refusal: DomainError): void {
    const { planned, thread } = this;
    this.planned = undefined;
    this.thread = undefined;
    void thread?.terminate();
    if (planned) planned.reject(this.remember(planned, refusal));
    this.start();
  }

  private refusalOf(planned: Waiting, fault: string): Error {
    const limit = limitsOfPlanner.find(({ says }) => fault.includes(says));
    return limit
      ? this.remember(planned, tooManyWays(limit.selections))
      : new Error(`An operation could not be planned: ${fault}`);
  }

  private remember({ operation }: Waiting, error: DomainError): DomainError {
    if (this.refusals.size === rememberedRefusals) this.refusals.clear();
    const end = Date.now() + refusedMs;
    this.refusals.set(operation.hash, { error, end });
    return error;
  }
}

/** How Apollo's planner says that it has met its own limits. */
const limitsOfPlanner = [
  { says: "non-local selections exceeds limit", selections: 100_000 },
  { says: "maximum recursive selections", selections: 10_000_000 },
];

const refused = (limit: number, message: string) =>
  new DomainError(
    "LIMIT_EXCEEDED",
    `${message} Ask for less in several places, or in several requests.`,
    { limit, value: limit + 1 },
  );

const tooSlow = (planMs: number) =>
  refused(
    planMs,
    `A query is planned within ${planMs} milliseconds; this one takes longer.`,
  );

const tooLarge = () =>
  refused(
    maxMegabytes,
    `A query is planned in ${maxMegabytes} megabytes; this one takes more.`,
  );

const tooManyWays = (selections: number) =>
  refused(
    selections,
    `A query is planned in at most ${selections} selections, written out for every type; this one has more.`,
  );

const tooManyNew = () =>
  new DomainError(
    "LIMIT_EXCEEDED",
    `At most ${maxWaiting} new queries of one sender wait to be planned. Send this one again in a moment, and values as variables.`,
    { limit: maxWaiting, value: maxWaiting + 1 },
    429,
  );

const busy = () =>
  new DomainError(
    "UNAVAILABLE",
    "Too many new queries wait to be planned. Try again in a moment.",
  );
