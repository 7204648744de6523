import pg from "pg";

/** What the driver's types leave out. */
interface Connection extends pg.Connection {
  /** Texts by name: what PostgreSQL holds for this connection. */
  readonly parsedStatements: Readonly<Record<string, string>>;
}
const { prepareValue } = (
  pg as unknown as {
    utils: { prepareValue: (value: unknown) => string | Buffer | null };
  }
).utils;

export interface Statement {
  /** PostgreSQL takes no more than 63 letters. */
  readonly name: string;
  /** With the driver's placeholders. */
  readonly text: string;
}

/** The columns of a statement's rows. */
interface Columns {
  readonly names: readonly string[];
  readonly parsers: readonly ((text: string) => unknown)[];
  /** A row to be copied and filled: faster than one that grows. */
  readonly empty: Readonly<Record<string, unknown>>;
}

/**
 * By connection and name. They cannot change: PostgreSQL refuses to execute a statement whose columns are others than
 * when it was prepared.
 */
const described = new WeakMap<pg.Connection, Map<string, Columns>>();

/**
 * A statement that each connection plans once, and whose columns it describes once; the driver's own query has them
 * described, and reads that, each time.
 */
export class PreparedQuery<Row> implements pg.Submittable {
  /** By this the driver keeps what is parsed. */
  readonly name: string;
  readonly text: string;
  /** Rejected with what PostgreSQL says. */
  readonly rows: Promise<Row[]>;
  private readonly values: readonly (string | Buffer | null)[];
  private readonly read: Record<string, unknown>[] = [];
  private columns: Columns | undefined;
  private known = new Map<string, Columns>();
  private fault: unknown;
  private resolve: (rows: Row[]) => void = () => undefined;
  private reject: (error: unknown) => void = () => undefined;

  constructor(
    { name, text }: Statement,
    values: readonly unknown[],
    private readonly types: pg.CustomTypesConfig,
  ) {
    this.name = name;
    this.text = text;
    // Here, where a value that cannot be written does no harm to the connection.
    this.values = values.map((value) => prepareValue(value));
    this.rows = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  submit(connection: pg.Connection): void {
    this.known = described.get(connection) ?? this.known;
    described.set(connection, this.known);
    this.columns = this.known.get(this.name);
    const { stream, parsedStatements } = connection as Connection;
    // Sent at once.
    stream.cork();
    if (parsedStatements[this.name] === undefined)
      connection.parse({ name: this.name, text: this.text } as never, true);
    connection.bind(
      { statement: this.name, values: this.values } as never,
      true,
    );
    if (!this.columns) connection.describe({ type: "P" }, true);
    connection.execute(null, true);
    connection.sync();
    stream.uncork();
  }

  handleRowDescription({ fields }: { fields: readonly pg.FieldDef[] }): void {
    const names = fields.map(({ name }) => name);
    this.columns = {
      names,
      parsers: fields.map(
        ({ dataTypeID }) =>
          this.types.getTypeParser(dataTypeID, "text") as (
            text: string,
          ) => unknown,
      ),
      empty: Object.fromEntries(names.map((name) => [name, null])),
    };
    this.known.set(this.name, this.columns);
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    if (!this.columns || this.fault !== undefined) return;
    const { names, parsers, empty } = this.columns;
    const row = { ...empty };
    try {
      for (let i = 0; i < fields.length; i += 1) {
        const text = fields[i] as string | null;
        if (text !== null) row[names[i] as string] = parsers[i]?.(text);
      }
    } catch (error) {
      this.fault = error;
    }
    this.read.push(row);
  }

  handleReadyForQuery(): void {
    if (this.fault === undefined) this.resolve(this.read as Row[]);
    else this.reject(this.fault);
  }

  handleError(error: unknown): void {
    this.reject(error);
  }

  /** What else PostgreSQL may say tells nothing more. */
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
}
