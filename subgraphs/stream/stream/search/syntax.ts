import { badInput, limitExceeded } from "../../../../common/errors.ts";

/** A search as it was written. */
export type Expression =
  | Term
  | { readonly is: "not"; readonly of: Expression }
  | { readonly is: "and" | "or"; readonly of: readonly Expression[] };

/** What a text is to hold: a word, or a phrase, which stood in quotes and in which `*` is no more than itself. */
export interface Term {
  readonly is: "term";
  /** Null: any of them. */
  readonly field: Field | null;
  readonly text: string;
  readonly isPhrase: boolean;
}

export const fields = [
  "name",
  "description",
  "tags",
  "type",
  "tenant",
  "externalId",
  "metadata",
] as const;
export type Field = (typeof fields)[number];

const maxLength = 500;
/** Each costs a look at each stream that the others find. */
const maxTerms = 30;
/** Parentheses and NOT within each other. */
const maxDepth = 20;
const maxStars = 5;

interface Token {
  readonly kind: "word" | "phrase" | "field" | "operator" | "symbol" | "end";
  readonly value: string;
  /** Counts characters from 1. */
  readonly position: number;
}

const tokenPattern =
  /\s*(?:(?<phrase>"[^"]*")|(?<symbol>[()])|(?<field>\p{L}+):|(?<word>[^\s"()]+))/uy;

const operators = new Set(["AND", "OR", "NOT"]);

const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

/**
 * Reads a search; null if it is empty, for then it finds everything.
 *
 *     search = search "OR" search | search ["AND"] search | "NOT" search | "(" search ")" | term
 *     term   = [field ":"] (word | "a phrase")
 */
export function parseSearch(source: string): Expression | null {
  if (source.length > maxLength)
    throw limitExceeded(
      "characters a search",
      maxLength,
      source.length,
      "Shorten it.",
      "search",
    );
  const odd = source.replace(/\s/gu, " ").search(unprintable);
  if (odd >= 0)
    throw searchFault(odd + 1, "control characters are in no text.");
  const tokens = tokensOf(source);
  return tokens.length === 1 ? null : new Parser(tokens).whole();
}

/** A fault in a search, with its place in it. */
const searchFault = (position: number, what: string) =>
  badInput(`Search, character ${position}: ${what}`, "search");

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (source.slice(at).trim() !== "") {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(source);
    const position = at + source.slice(at).search(/\S/) + 1;
    const [kind, text] =
      Object.entries(match?.groups ?? {}).find(([, text]) => text) ?? [];
    if (!match || !kind || text === undefined)
      throw searchFault(position, 'this " is never closed.');
    at = tokenPattern.lastIndex;
    tokens.push(tokenOf(kind, text, position));
  }
  return [...tokens, { kind: "end", value: "", position: source.length + 1 }];
}

function tokenOf(kind: string, text: string, position: number): Token {
  switch (kind) {
    case "phrase":
      return { kind, value: text.slice(1, -1).trim(), position };
    case "symbol":
    case "field":
      return { kind, value: text, position };
    default:
      return {
        kind: operators.has(text) ? "operator" : "word",
        value: text,
        position,
      };
  }
}

/** By recursive descent: OR binds least, then AND, which may be left out, then NOT. */
class Parser {
  private next = 0;
  private depth = 0;
  private terms = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  whole(): Expression {
    const expression = this.either();
    const { kind, value, position } = this.token;
    if (kind !== "end")
      throw searchFault(position, `"${value}" is not expected here.`);
    return expression;
  }

  private get token(): Token {
    return this.tokens[this.next] as Token;
  }

  private is(value: string): boolean {
    const { kind, value: found } = this.token;
    return (kind === "operator" || kind === "symbol") && found === value;
  }

  private take(value: string): boolean {
    const isTaken = this.is(value);
    if (isTaken) this.next += 1;
    return isTaken;
  }

  private either(): Expression {
    const of = [this.both()];
    while (this.take("OR")) of.push(this.both());
    return joined("or", of);
  }

  private both(): Expression {
    const of = [this.operand()];
    while (this.take("AND") || this.startsOperand) of.push(this.operand());
    return joined("and", of);
  }

  private get startsOperand(): boolean {
    const { kind } = this.token;
    return (
      kind === "word" ||
      kind === "phrase" ||
      kind === "field" ||
      this.is("(") ||
      this.is("NOT")
    );
  }

  private operand(): Expression {
    this.depth += 1;
    if (this.depth > maxDepth)
      throw searchFault(
        this.token.position,
        `this is nested more than ${maxDepth} deep. Write it flatter.`,
      );
    const operand = this.inner();
    this.depth -= 1;
    return operand;
  }

  private inner(): Expression {
    const { position } = this.token;
    if (this.take("(")) {
      const inside = this.either();
      if (!this.take(")"))
        throw searchFault(
          this.token.position,
          `a ")" is missing for the "(" at character ${position}.`,
        );
      return inside;
    }
    if (this.take("NOT")) return { is: "not", of: this.operand() };
    return this.term();
  }

  private term(): Term {
    const field = this.field();
    const { kind, value, position } = this.token;
    if (kind !== "word" && kind !== "phrase")
      throw searchFault(position, `a word belongs here, ${this.instead()}.`);
    if (value === "") throw searchFault(position, "this phrase is empty.");
    if (kind === "word" && value.split("*").length - 1 > maxStars)
      throw searchFault(position, `a word has at most ${maxStars} "*".`);
    this.terms += 1;
    if (this.terms > maxTerms)
      throw searchFault(
        position,
        `a search has at most ${maxTerms} words and phrases. Leave some out.`,
      );
    this.next += 1;
    return { is: "term", field, text: value, isPhrase: kind === "phrase" };
  }

  private field(): Field | null {
    const { kind, value, position } = this.token;
    if (kind !== "field") return null;
    const field = fields.find(
      (field) => field.toLowerCase() === value.toLowerCase(),
    );
    if (!field)
      throw searchFault(
        position,
        `there is no field "${value}". There is ${fields.join(", ")}; a word with a colon stands in quotes.`,
      );
    this.next += 1;
    return field;
  }

  private instead(): string {
    const { kind, value } = this.token;
    return kind === "end"
      ? "and the search ends"
      : `not ${value}, which is one in quotes`;
  }
}

const joined = (is: "and" | "or", of: readonly Expression[]): Expression =>
  of.length === 1 ? (of[0] as Expression) : { is, of };
