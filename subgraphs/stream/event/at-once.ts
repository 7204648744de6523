/** Counts what is under way, by whose it is, and refuses what would be too much of it. */
export class AtOnce<Whose> {
  private readonly counts = new Map<Whose, number>();

  constructor(
    private readonly most: number,
    private readonly refusal: () => Error,
  ) {}

  async run<T>(whose: Whose, work: () => Promise<T>): Promise<T> {
    const count = this.counts.get(whose) ?? 0;
    if (count >= this.most) throw this.refusal();
    this.counts.set(whose, count + 1);
    try {
      return await work();
    } finally {
      const left = (this.counts.get(whose) ?? 1) - 1;
      if (left > 0) this.counts.set(whose, left);
      else this.counts.delete(whose);
    }
  }
}
