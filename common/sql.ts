/** SQL with the values that stand for its `?`, in order. */
export interface Sql {
  readonly text: string;
  readonly bindings: readonly unknown[];
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
    if (isSql(part)) {
      text += part.text;
      bindings.push(...part.bindings);
    } else {
      text += "?";
      bindings.push(part);
    }
    text += pieces[i + 1] ?? "";
  }
  return { text, bindings };
}

/** A piece without values. */
export const plain = (text: string): Sql => ({ text, bindings: [] });

export const nothing = plain("");

export const join = (pieces: readonly Sql[], separator: string): Sql => ({
  text: pieces.map(({ text }) => text).join(separator),
  bindings: pieces.flatMap(({ bindings }) => bindings),
});

const isSql = (part: unknown): part is Sql =>
  typeof part === "object" &&
  part !== null &&
  "text" in part &&
  "bindings" in part;
