import type { Term } from "./syntax.ts";

/**
 * Letters and digits, of which words are made. Every character beyond ASCII counts as a letter, so that it is the same
 * here and in every PostgreSQL.
 */
const letter = /[A-Za-z0-9\u{80}-\u{10ffff}]/u;
const letters = /[A-Za-z0-9\u{80}-\u{10ffff}]+/gu;
const wholeRun = /^[A-Za-z0-9\u{80}-\u{10ffff}]+$/u;
/** The same for PostgreSQL, of a text in small letters. */
const sqlLetter = "[^\\u0001-\\u002f\\u003a-\\u0060\\u007b-\\u007f]";

/** Fewer letters find too much of what stands within words: they match beginnings only. */
const minWithin = 3;

/** Of a long word no more than this stands in one row of stream.words. */
const maxPart = 50;

/** What of a term is anchored: with `*`, all of a word but where the `*` stands; else the beginning if it is short. */
function anchors({ text, isPhrase }: Term) {
  if (!isPhrase && text.includes("*"))
    return { start: !text.startsWith("*"), end: !text.endsWith("*") };
  return { start: [...text].length < minWithin, end: false };
}

/** The regular expression of PostgreSQL that a text in small letters matches if it holds the term; to be put in small letters itself. */
export function regexOf(term: Term): string {
  const { text, isPhrase } = term;
  const pieces = isPhrase ? [text] : text.split(/\*+/u);
  if (pieces.every((piece) => piece === "")) return "[^[:space:]]";
  const { start, end } = anchors(term);
  const body = pieces.map(literal).join("[^[:space:]]*");
  return [
    start && letter.test([...text][0] ?? "") ? `(?<!${sqlLetter})` : "",
    body,
    end && letter.test([...text].at(-1) ?? "") ? `(?!${sqlLetter})` : "",
  ].join("");
}

const literal = (piece: string) => piece.replace(/[!-/:-@[-`{-~]/gu, "\\$&");

/**
 * A LIKE pattern which matches one word at least of every text that holds the term; null if too many would. To be put in
 * small letters.
 */
export function wordPatternOf(term: Term): string | null {
  const { text } = term;
  const { start, end } = anchors(term);
  const patterns = [...text.matchAll(letters)].flatMap(({ 0: run, index }) => {
    const before = text[index - 1];
    const after = text[index + run.length];
    const isOpenAt = (neighbour: string | undefined, isAnchored: boolean) =>
      neighbour === undefined
        ? !isAnchored
        : !term.isPhrase && neighbour === "*";
    const part = [...run].slice(0, maxPart).join("");
    const isOpen = isOpenAt(before, start);
    return isOpen && [...part].length < minWithin
      ? []
      : [
          {
            length: part.length,
            pattern:
              (isOpen ? "%" : "") +
              part +
              (isOpenAt(after, end) || part !== run ? "%" : ""),
          },
        ];
  });
  return patterns.sort((a, b) => b.length - a.length).at(0)?.pattern ?? null;
}

/**
 * Whether a text holds the term if one of its words matches `wordPatternOf` the term, and is no piece of a longer one: if
 * nothing else is asked of it, and of no field alone.
 */
export function isOfOneWord({ field, text, isPhrase }: Term): boolean {
  const run = isPhrase ? text : text.replace(/^\*+|\*+$/gu, "");
  return field === null && wholeRun.test(run) && isWhole(run);
}

/** Longer words are kept in pieces, each of them longer than this. */
export const isWhole = (word: string): boolean => [...word].length <= maxPart;
