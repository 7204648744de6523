const barWidth = 30;
const linesEveryMs = 5_000;

/** Tells how far a long work is: a bar that moves on a terminal, now and then a line elsewhere. */
export class Progress {
  private readonly startedAt = performance.now();
  private toldAt = this.startedAt;
  private count = 0;

  constructor(private readonly out: NodeJS.WriteStream) {}

  /** `done` from 0 to 1; \`count\` more events were written. */
  add(count: number, done: number): void {
    this.count += count;
    const now = performance.now();
    if (!this.out.isTTY && now - this.toldAt < linesEveryMs) return;
    this.toldAt = now;
    const seconds = (now - this.startedAt) / 1000;
    const rate = Math.round(this.count / seconds).toLocaleString("en");
    const left = Math.ceil((seconds / done) * (1 - done));
    const told = `${Math.floor(done * 100)} %  ${this.count.toLocaleString("en")} events  ${rate}/s  ${left} s left`;
    if (!this.out.isTTY) {
      this.out.write(`${told}\n`);
      return;
    }
    const full = Math.round(done * barWidth);
    const bar = "█".repeat(full) + "░".repeat(barWidth - full);
    this.out.write(`\r\x1b[K${bar} ${told}`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write("\r\x1b[K");
  }
}
