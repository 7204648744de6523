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
    /** What a value weighs beside what its making weighs. */
    private readonly weightOf: (value: Value) => number,
  ) {}

  /** `weight`: of what is there as soon as the making begins. */
  find(
    key: string,
    weight: number,
    make: () => Promise<Value>,
  ): Promise<Value> {
    const known = this.entries.get(key);
    if (known) {
      this.entries.delete(key);
      this.entries.set(key, known);
      return known.value;
    }
    const entry: Entry<Value> = { value: make(), weight: 0 };
    this.entries.set(key, entry);
    this.weigh(key, entry, weight);
    entry.value.then(
      (value) => {
        entry.made = value;
        this.weigh(key, entry, this.weightOf(value));
      },
      () => this.forget(key, entry),
    );
    return entry.value;
  }

  /** What is there, the last used first. */
  made(): Value[] {
    return [...this.entries.values()]
      .reverse()
      .flatMap(({ made }) => (made === undefined ? [] : [made]));
  }

  private weigh(key: string, entry: Entry<Value>, weight: number): void {
    // It may have had to make room for others meanwhile.
    if (this.entries.get(key) !== entry) return;
    entry.weight += weight;
    this.weight += weight;
    for (const [first, oldest] of this.entries) {
      if (this.weight <= this.maxWeight) break;
      this.forget(first, oldest);
    }
  }

  private forget(key: string, entry: Entry<Value>): void {
    if (this.entries.get(key) !== entry) return;
    this.entries.delete(key);
    this.weight -= entry.weight;
  }
}
