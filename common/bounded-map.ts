interface Entry<Value> {
  readonly value: Value;
  readonly weight: number;
}

/** What belongs to the keys that were used last, as much as weighs so much together. */
export class BoundedMap<Value, Key = string> {
  /** In the order of their last use. */
  private readonly entries = new Map<Key, Entry<Value>>();
  private weight = 0;

  constructor(private readonly maxWeight: number) {}

  get(key: Key): Value | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  set(key: Key, value: Value, weight: number): void {
    this.delete(key);
    // It would throw out all others, and then itself.
    if (weight > this.maxWeight) return;
    this.entries.set(key, { value, weight });
    this.weight += weight;
    for (const [oldest] of this.entries) {
      if (this.weight <= this.maxWeight) break;
      this.delete(oldest);
    }
  }

  delete(key: Key): void {
    this.weight -= this.entries.get(key)?.weight ?? 0;
    this.entries.delete(key);
  }

  /** The last used first. */
  values(): Value[] {
    return [...this.entries.values()].reverse().map(({ value }) => value);
  }
}
