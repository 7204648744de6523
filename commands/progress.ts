const barEveryMs = 100;
const lineEveryMs = 5_000;

/** Tells how far a long walk is: on one line of a terminal, by a line now and then elsewhere. */
export class Progress {
  private toldAt = performance.now();
  private count = 0;

  constructor(
    private readonly out: NodeJS.WriteStream,
    /** How so many are said, "3 links". */
    private readonly say: (count: number) => string,
    private readonly total?: number,
  ) {}

  /** So many more. */
  step(count = 1): void {
    this.count += count;
    const now = performance.now();
    if (now - this.toldAt < (this.out.isTTY ? barEveryMs : lineEveryMs)) return;
    this.toldAt = now;
    // What grows meanwhile is never more than whole.
    const percent =
      this.total && Math.min(100, Math.floor((100 * this.count) / this.total));
    const told = `${percent === undefined ? "" : `${percent} %  `}${this.say(this.count)}`;
    this.out.write(this.out.isTTY ? `\r\x1b[K${told}` : `${told}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write("\r\x1b[K");
  }
}
