/** Every fault of an environment at once, so that a newcomer mends it in one go. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration has faults:\n${faults.map((f) => `- ${f}`).join("\n")}`,
    );
    this.name = "ConfigError";
  }
}

/** The process cannot start for a reason that its operator can mend; the message is the whole story. */
export class StartError extends Error {
  override readonly name = "StartError";
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Typed readers over an environment that collect faults instead of throwing one by one. */
export class EnvironmentReader {
  private readonly faults = new Set<string>();

  constructor(private readonly env: Environment) {}

  /** An empty variable counts as unset: that is what `NAME= command` means. */
  optional(name: string): string | undefined {
    return this.env[name] || undefined;
  }

  text(name: string, fallback?: string): string {
    const value = this.optional(name) ?? fallback;
    if (value === undefined) this.fault(`${name} is missing.`);
    return value ?? "";
  }

  integer(
    name: string,
    fallback: number,
    range: { min: number; max: number },
  ): number {
    const value = this.optional(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (Number.isInteger(number) && number >= range.min && number <= range.max)
      return number;
    this.fault(
      `${name} must be a whole number from ${range.min} to ${range.max}, not "${value}".`,
    );
    return fallback;
  }

  choice<const T extends string>(
    name: string,
    choices: readonly T[],
    fallback: T,
  ): T {
    const value = this.optional(name) ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined)
      this.fault(
        `${name} must be one of ${choices.join(", ")}, not "${value}".`,
      );
    return found ?? fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.choice(name, ["on", "off"], fallback ? "on" : "off") === "on";
  }

  url(name: string, fallback?: string): URL {
    const value = this.text(name, fallback);
    if (URL.canParse(value)) return new URL(value);
    if (value) this.fault(`${name} must be a URL, not "${value}".`);
    return new URL("invalid:");
  }

  fault(fault: string): void {
    this.faults.add(fault);
  }

  /** The typed value, or every fault that was met on the way. */
  done<T>(value: T): T {
    if (this.faults.size > 0) throw new ConfigError([...this.faults]);
    return value;
  }
}
