/** Tells on standard error how far something has come: on a terminal in one line, else in a line now and then. */
export class Progress {
  private readonly begun = Date.now();
  private toldAt = 0;

  constructor(
    private readonly what: string,
    private readonly all: number,
  ) {}

  tell(done: number): void {
    const now = Date.now();
    if (now - this.toldAt < (process.stderr.isTTY ? 200 : 30_000)) return;
    this.toldAt = now;
    const perSecond = done / ((now - this.begun) / 1000);
    const left = Math.max(0, this.all - done) / perSecond;
    const line = [
      `${this.what}: ${done} of ${this.all} steps`,
      `${perSecond.toFixed(1)} a second`,
      `${duration(left)} left`,
      `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`,
    ].join(", ");
    process.stderr.write(
      process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`,
    );
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  const rest = String(Math.floor(seconds % 60)).padStart(2, "0");
  return minutes < 60
    ? `${minutes}:${rest} minutes`
    : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} hours`;
}
