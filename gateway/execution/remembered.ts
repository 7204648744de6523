/** What was made for the keys that were used last; what fails is made anew the next time. */
export class Remembered<Value> {
  /** In the order of their last use. */
  private readonly values = new Map<string, Promise<Value>>();

  constructor(private readonly capacity: number) {}

  find(key: string, make: () => Promise<Value>): Promise<Value> {
    const known = this.values.get(key);
    const value = known ?? make();
    this.values.delete(key);
    this.values.set(key, value);
    if (known) return known;
    value.catch(() => this.values.delete(key));
    if (this.values.size > this.capacity)
      for (const oldest of this.values.keys()) {
        this.values.delete(oldest);
        break;
      }
    return value;
  }
}
