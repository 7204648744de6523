interface Entry<Value> {
  readonly value: Promise<Value>;
  /** Once it is there. */
  made?: Value;
  weight: number;
}

/** What was made for the keys that were used last, as much as weighs so much together; what fails is made anew. */
export class Remembered<Value> {
  /** In the order of their last use. */
  private readonly entries = new Map<string, Entry<Value>>();
  private weight = 0;

  constructor(
    private readonly maxWeight: number,
    private readonly weightOf: (value: Value) => number = () => 1,
  ) {}

  find(key: string, make: () => Promise<Value>): Promise<Value> {
    const known = this.entries.get(key);
    if (known) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known.value;
    }
    const entry: Entry<Value> = { value: make(), weight: 0 };
    this.entries.set(key, entry);
    entry.value.then(
      (value) => this.weigh(entry, value),
      () => this.entries.delete(key),
    );
    return entry.value;
  }

  /** What is there, the last used last. */
  made(): Value[] {
    return [...this.entries.values()].flatMap(({ made }) => made ?? []);
  }

  private weigh(entry: Entry<Value>, value: Value): void {
    entry.made = value;
    entry.weight = this.weightOf(value);
    this.weight += entry.weight;
    for (const [key, { weight }] of this.entries) {
      if (this.weight <= this.maxWeight) break;
      this.entries.delete(key);
      this.weight -= weight;
    }
  }
}
