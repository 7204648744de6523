/** Lets few tasks run at a time; the others follow in the order in which they came. */
export class Queue {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly width: number) {}

  get isIdle(): boolean {
    return this.running === 0;
  }

  async run<T>(task: () => PromiseLike<T>): Promise<T> {
    if (this.running < this.width) this.running += 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await task();
    } finally {
      // Who waits takes the place over.
      const next = this.waiting.shift();
      if (next) next();
      else this.running -= 1;
    }
  }
}

/** Where a task waits for its turn. */
export type Turns = Pick<Queue, "run">;

/** Of each kind of task few run at a time, so that none takes the place of all others; and so many altogether. */
export class Queues {
  private readonly kinds = new Map<string, Queue>();
  private readonly all: Queue;

  constructor(
    private readonly widthOfEach: number,
    widthOfAll: number,
  ) {
    this.all = new Queue(widthOfAll);
  }

  of(kind: string): Turns {
    return { run: (task) => this.run(kind, task) };
  }

  private async run<T>(kind: string, task: () => PromiseLike<T>): Promise<T> {
    const queue = this.kinds.get(kind) ?? new Queue(this.widthOfEach);
    this.kinds.set(kind, queue);
    try {
      return await queue.run(() => this.all.run(task));
    } finally {
      if (queue.isIdle) this.kinds.delete(kind);
    }
  }
}
