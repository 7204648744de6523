import fc from "fast-check";

/** A stream as a reader sees it, for the naive search: what rule 18 keeps from the reader is not there. */
export interface Texts {
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly type: string;
  readonly tenant: string;
  readonly externalId: string | null;
  readonly metadata: string | null;
}

/** A search as a tree, as docs/search.md tells of it. */
export type Search =
  | {
      readonly is: "term";
      readonly field: keyof Texts | null;
      readonly text: string;
      readonly isPhrase: boolean;
    }
  | { readonly is: "not"; readonly of: Search }
  | {
      readonly is: "and" | "or";
      readonly left: Search;
      readonly right: Search;
    };

/** Whether a stream is found: no index, no SQL, no regular expression. */
export function isFound(search: Search, texts: Texts): boolean {
  switch (search.is) {
    case "not":
      return !isFound(search.of, texts);
    case "and":
      return isFound(search.left, texts) && isFound(search.right, texts);
    case "or":
      return isFound(search.left, texts) || isFound(search.right, texts);
    case "term": {
      const found =
        search.field === null ? Object.values(texts) : [texts[search.field]];
      return found
        .flat()
        .some((text) => text !== null && holds(text.toLowerCase(), search));
    }
  }
}

/** How many of the words that are searched for stand in the name; the more, the earlier in the order of relevance. */
export function relevance(search: Search, name: string): number {
  switch (search.is) {
    case "not":
      return 0;
    case "and":
    case "or":
      return relevance(search.left, name) + relevance(search.right, name);
    case "term":
      return Number(
        (search.field === null || search.field === "name") &&
          holds(name.toLowerCase(), search),
      );
  }
}

const isLetter = (character: string | undefined) =>
  character !== undefined &&
  (character > "\x7f" ||
    (character >= "a" && character <= "z") ||
    (character >= "0" && character <= "9"));

function holds(
  text: string,
  { text: written, isPhrase }: Search & { is: "term" },
): boolean {
  const term = written.toLowerCase();
  const isPattern = !isPhrase && term.includes("*");
  if (isPattern && /^\*+$/.test(term)) return /\S/.test(text);
  const isWhole = isPattern ? !term.startsWith("*") : term.length < 3;
  const isEnded = isPattern && !term.endsWith("*");
  for (let start = 0; start < text.length; start++) {
    if (isWhole && isLetter(term[0]) && isLetter(text[start - 1])) continue;
    for (const end of ends(text, start, term, isPattern))
      if (!isEnded || !isLetter(term.at(-1)) || !isLetter(text[end]))
        return true;
  }
  return false;
}

/** Where a term that begins here can end. */
function* ends(
  text: string,
  at: number,
  term: string,
  isPattern: boolean,
): Generator<number> {
  const [first] = term;
  if (first === undefined) yield at;
  else if (isPattern && first === "*") {
    yield* ends(text, at, term.slice(1), isPattern);
    const next = text[at];
    if (next !== undefined && next.trim() !== "")
      yield* ends(text, at + 1, term, isPattern);
  } else if (text[at] === first)
    yield* ends(text, at + 1, term.slice(1), isPattern);
}

/** As a caller writes it. */
export function written(search: Search): string {
  switch (search.is) {
    case "not":
      return `NOT ${operand(search.of)}`;
    case "and":
      // Both ways to write it.
      return `${operand(search.left)}${search.left.is === "not" ? " AND " : " "}${operand(search.right)}`;
    case "or":
      return `${operand(search.left)} OR ${operand(search.right)}`;
    case "term":
      return `${search.field ? `${search.field}:` : ""}${search.isPhrase ? `"${search.text}"` : search.text}`;
  }
}

const operand = (search: Search) =>
  search.is === "term" || search.is === "not"
    ? written(search)
    : `(${written(search)})`;

/** Texts in which many searches find something. */
export const long = Array.from({ length: 90 }, (_, i) => `x${i}y`).join("");
export const pool = [
  "pump",
  "Pumps",
  "compump",
  "flow",
  "Top flow",
  "FT-101_PV",
  "ft102",
  "a",
  "ab",
  "Abc",
  "50%",
  "a_b\\c",
  "(gas)",
  "Überdruck",
  "жар",
  "x-9",
  long,
];

const part = fc
  .tuple(
    fc.constantFrom(...pool, "Plant", "vendor", "kind", "serial", "PLC"),
    fc.nat(),
    fc.integer({ min: 1, max: 8 }),
  )
  .map(([text, from, length]) =>
    text.slice(from % text.length).slice(0, length),
  );

const word = fc
  .tuple(fc.array(part, { minLength: 1, maxLength: 2 }), fc.nat(9))
  .map(([parts, stars]) => {
    const text = parts.join(stars === 1 ? "*" : "");
    return stars === 2
      ? `${text}*`
      : stars === 3
        ? `*${text}`
        : stars === 4
          ? `*${text}*`
          : text;
  })
  .map((text) => text.replace(/[\s"()]/gu, ""))
  .filter((text) => text !== "" && !/^(AND|OR|NOT)$|^\p{L}+:/u.test(text));
const phrase = part
  .map((text) => text.trim())
  .filter((text) => text !== "" && !text.includes('"'));

const field = fc.option(
  fc.constantFrom<keyof Texts>(
    "name",
    "description",
    "tags",
    "type",
    "tenant",
    "externalId",
    "metadata",
  ),
  { freq: 2 },
);

export const searches = fc.letrec<{ search: Search; term: Search }>((tie) => ({
  term: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        is: fc.constant("term" as const),
        field,
        text: word,
        isPhrase: fc.constant(false),
      }),
    },
    fc.record({
      is: fc.constant("term" as const),
      field,
      text: phrase,
      isPhrase: fc.constant(true),
    }),
  ),
  search: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 3, arbitrary: tie("term") },
    fc.record({ is: fc.constant("not" as const), of: tie("search") }),
    fc.record({
      is: fc.constantFrom("and" as const, "or" as const),
      left: tie("search"),
      right: tie("search"),
    }),
  ),
})).search;
