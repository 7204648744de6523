/** SQL with the values that stand for its `?`, in order. A class, so that no value that somebody sends is taken for one. */
export class Sql {
  constructor(
    readonly text: string,
    readonly bindings: readonly unknown[],
  ) {}

  /** Keeps what only looks like one from being of this type. */
  protected readonly isMade = true;
}

/**
 * A piece of SQL from its parts: another piece is put in where it stands, with its bindings; any other value is bound.
 *
 *     sql`select ${column("e")} from stream.events e where e.ts >= ${from}`
 */
export function sql(
  pieces: TemplateStringsArray,
  ...parts: readonly unknown[]
): Sql {
  let text = pieces[0] ?? "";
  const bindings: unknown[] = [];
  for (const [i, part] of parts.entries()) {
    if (part instanceof Sql) {
      text += part.text;
      bindings.push(...part.bindings);
    } else {
      text += "?";
      bindings.push(part);
    }
    text += pieces[i + 1] ?? "";
  }
  return new Sql(text, bindings);
}

/** A piece without values. */
export const plain = (text: string): Sql => new Sql(text, []);

export const nothing = plain("");

export const join = (pieces: readonly Sql[], separator: string): Sql =>
  new Sql(
    pieces.map(({ text }) => text).join(separator),
    pieces.flatMap(({ bindings }) => bindings),
  );

/** Of a select that is still to be narrowed, ordered and cut. */
export interface Rows {
  readonly columns: Sql;
  readonly from: Sql;
  readonly where: Sql;
}

/** A list of columns by what they are to be called, as text: knex would write each anew for each statement. */
export const named = (columns: Readonly<Record<string, string>>): string =>
  Object.entries(columns)
    .map(([name, column]) => `${column} as "${name}"`)
    .join(", ");
