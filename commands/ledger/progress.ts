const barEveryMs = 100;
const lineEveryMs = 5_000;

/** Tells how far a long walk is: on one line of a terminal, by a line now and then elsewhere. */
export class Progress {
  private toldAt = performance.now();
  private count = 0;

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly total: number | undefined,
  ) {}

  /** One more link. */
  step(): void {
    this.count += 1;
    const now = performance.now();
    if (now - this.toldAt < (this.out.isTTY ? barEveryMs : lineEveryMs)) return;
    this.toldAt = now;
    const percent = this.total && Math.floor((100 * this.count) / this.total);
    const told = `${percent === undefined ? "" : `${percent} %  `}${this.count.toLocaleString("en")} links`;
    this.out.write(this.out.isTTY ? `\r\x1b[K${told}` : `${told}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write("\r\x1b[K");
  }
}
