import { BoundedMap } from "../../common/bounded-map.ts";

interface Entry<Value> {
  readonly value: Promise<Value>;
  /** Once it is there. */
  made?: Value;
}

/** What was made for the keys that were used last, as much as weighs so much together; what fails is made anew. */
export class Remembered<Value> {
  private readonly entries: BoundedMap<Entry<Value>>;

  constructor(
    maxWeight: number,
    /** What a value weighs beside what its making weighs. */
    private readonly weightOf: (value: Value) => number,
  ) {
    this.entries = new BoundedMap(maxWeight);
  }

  /** `weight`: of what is there as soon as the making begins. */
  find(
    key: string,
    weight: number,
    make: () => Promise<Value>,
  ): Promise<Value> {
    const known = this.entries.get(key);
    if (known) return known.value;
    const entry: Entry<Value> = { value: make() };
    this.entries.set(key, entry, weight);
    // It may have had to make room for others meanwhile.
    const isThere = () => this.entries.get(key) === entry;
    entry.value.then(
      (value) => {
        entry.made = value;
        if (isThere())
          this.entries.set(key, entry, weight + this.weightOf(value));
      },
      () => {
        if (isThere()) this.entries.delete(key);
      },
    );
    return entry.value;
  }

  /** What is there, the last used first. */
  made(): Value[] {
    return this.entries
      .values()
      .flatMap(({ made }) => (made === undefined ? [] : [made]));
  }
}
