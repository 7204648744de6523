const barWidth = 30;
const barEveryMs = 100;
const lineEveryMs = 5_000;

/** Tells how far an import is: by a bar that moves on a terminal, by a line now and then elsewhere. */
export class Progress {
  private readonly startedAt = performance.now();
  private toldAt = this.startedAt;
  private rowCount = 0;
  private fractionRead = 0;
  private fractionStored = 0;

  constructor(private readonly out: NodeJS.WriteStream) {}

  /** So many more rows were read, and so much of the file with them. */
  read(rowCount: number, fraction: number): void {
    this.rowCount += rowCount;
    this.fractionRead = fraction;
    this.tell();
  }

  /** So much of the file was stored. */
  stored(fraction: number): void {
    this.fractionStored = fraction;
    this.tell();
  }

  end(): void {
    if (this.out.isTTY) this.out.write("\r\x1b[K");
  }

  private tell(): void {
    const now = performance.now();
    const everyMs = this.out.isTTY ? barEveryMs : lineEveryMs;
    if (now - this.toldAt < everyMs) return;
    this.toldAt = now;
    // Reading and storing take about as long as each other.
    const done = (this.fractionRead + this.fractionStored) / 2;
    const seconds = (now - this.startedAt) / 1000;
    const rate = Math.round(this.rowCount / seconds).toLocaleString("en");
    const left = Math.ceil((seconds / done) * (1 - done));
    const told = `${Math.floor(done * 100)} %  ${this.rowCount.toLocaleString("en")} rows  ${rate}/s  ${left} s left`;
    if (!this.out.isTTY) {
      this.out.write(`${told}\n`);
      return;
    }
    const full = Math.round(done * barWidth);
    const bar = "█".repeat(full) + "░".repeat(barWidth - full);
    this.out.write(`\r\x1b[K${bar}  ${told}`);
  }
}
