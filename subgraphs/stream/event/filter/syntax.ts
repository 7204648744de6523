import { badInput, limitExceeded } from "../../../../common/errors.ts";

/** A filter as it was written, without regard to what its names mean; `position` counts characters from 1. */
export type Expression = { readonly position: number } & (
  | { readonly is: "number"; readonly value: number }
  | { readonly is: "text"; readonly value: string }
  | { readonly is: "boolean"; readonly value: boolean }
  | { readonly is: "property"; readonly name: string }
  | { readonly is: "negative" | "not"; readonly of: Expression }
  | { readonly is: "null"; readonly of: Expression; readonly negated: boolean }
  | {
      readonly is: "operation";
      readonly operator: Operator;
      readonly left: Expression;
      readonly right: Expression;
    }
);

export type Operator =
  "or" | "and" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "/";

/** What binds more is further down. */
const binding: Record<Operator, number> = {
  or: 1,
  and: 2,
  "=": 4,
  "!=": 4,
  "<": 4,
  "<=": 4,
  ">": 4,
  ">=": 4,
  "+": 5,
  "-": 5,
  "*": 6,
  "/": 6,
};
const bindingOfNot = 3;
const bindingOfComparison = 4;
const bindingOfSign = 7;

const maxLength = 2000;
/** Parentheses, `not` and signs within each other: each costs a call, of the parser and of PostgreSQL's. */
const maxDepth = 50;

interface Token {
  readonly kind: "number" | "text" | "name" | "word" | "symbol" | "end";
  /** Without quotes. */
  readonly value: string;
  readonly position: number;
}

const keywords = new Set(["and", "or", "not", "is", "null", "true", "false"]);

const tokenPattern =
  /\s*(?:(?<number>(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)|(?<text>'(?:[^']|'')*')|(?<name>"(?:[^"]|"")+")|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol><=|>=|!=|<>|[=<>+\-*/()]))/iuy;

/**
 * Reads a filter.
 *
 *     filter     = filter "or" filter | filter "and" filter | "not" filter | comparison
 *     comparison = sum [("=" | "!=" | "<>" | "<" | "<=" | ">" | ">=") sum | "is" ["not"] "null"]
 *     sum        = sum ("+" | "-" | "*" | "/") sum | "-" sum | value | "(" filter ")"
 *     value      = 12.5 | 'text' | true | false | property | "property"
 */
export function parseFilter(source: string): Expression {
  if (source.length > maxLength)
    throw limitExceeded(
      "characters a filter",
      maxLength,
      source.length,
      "Shorten it.",
      "filter",
    );
  return new Parser(source, tokensOf(source)).whole();
}

/** A fault in a filter, with its place in it. */
export const filterFault = (position: number, what: string) =>
  badInput(`Filter, character ${position}: ${what}`, "filter");

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (source.slice(at).trim() !== "") {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(source);
    const [kind, text] =
      Object.entries(match?.groups ?? {}).find(([, text]) => text) ?? [];
    if (!match || !kind || text === undefined) {
      const place = at + source.slice(at).search(/\S/);
      throw filterFault(place + 1, unreadable(source[place] ?? ""));
    }
    at = tokenPattern.lastIndex;
    tokens.push(token(kind, text, at - text.length + 1));
  }
  return [...tokens, { kind: "end", value: "", position: source.length + 1 }];
}

const unreadable = (character: string) =>
  character === "'" || character === '"'
    ? `this ${character} is never closed.`
    : `${JSON.stringify(character)} is not understood. Names of properties with other characters than letters, digits and _ stand in "double quotes", texts in 'single quotes'.`;

function token(kind: string, text: string, position: number): Token {
  switch (kind) {
    case "text":
      return {
        kind,
        value: text.slice(1, -1).replaceAll("''", "'"),
        position,
      };
    case "name":
      return {
        kind,
        value: text.slice(1, -1).replaceAll('""', '"'),
        position,
      };
    case "word":
      return keywords.has(text.toLowerCase())
        ? { kind, value: text.toLowerCase(), position }
        : { kind: "name", value: text, position };
    case "symbol":
      return { kind, value: text === "<>" ? "!=" : text, position };
    default:
      return { kind: "number", value: text, position };
  }
}

/** By precedence climbing. */
class Parser {
  private next = 0;
  private depth = 0;

  constructor(
    private readonly source: string,
    private readonly tokens: readonly Token[],
  ) {}

  whole(): Expression {
    const expression = this.expression(0);
    const { kind, position } = this.token;
    if (kind !== "end")
      throw filterFault(position, `${this.shown()} is not expected here.`);
    return expression;
  }

  private get token(): Token {
    return this.tokens[this.next] as Token;
  }

  private shown(): string {
    const { kind, position } = this.token;
    if (kind === "end") return "the end of the filter";
    const end = this.tokens[this.next + 1]?.position ?? position;
    return JSON.stringify(
      this.source
        .slice(position - 1, end - 1)
        .trim()
        .slice(0, 40),
    );
  }

  private take(...values: readonly string[]): Token | null {
    const { token } = this;
    const isWanted =
      (token.kind === "word" || token.kind === "symbol") &&
      values.includes(token.value);
    if (!isWanted) return null;
    this.next += 1;
    return token;
  }

  private expression(above: number): Expression {
    let left = this.operand();
    for (;;) {
      const { token } = this;
      const isOperator = token.kind === "word" || token.kind === "symbol";
      if (isOperator && token.value === "is" && bindingOfComparison > above) {
        left = this.nullTest(left);
        continue;
      }
      const strength =
        isOperator && token.value in binding
          ? binding[token.value as Operator]
          : 0;
      if (strength <= above) return left;
      this.next += 1;
      left = {
        is: "operation",
        operator: token.value as Operator,
        left,
        right: this.expression(strength),
        position: token.position,
      };
    }
  }

  private nullTest(of: Expression): Expression {
    const { position } = this.token;
    this.next += 1;
    const negated = this.take("not") !== null;
    if (!this.take("null"))
      throw filterFault(
        this.token.position,
        `"null" belongs here, as in: value is null.`,
      );
    return { is: "null", of, negated, position };
  }

  private operand(): Expression {
    this.depth += 1;
    if (this.depth > maxDepth)
      throw filterFault(
        this.token.position,
        `this is nested more than ${maxDepth} deep. Write it flatter.`,
      );
    const operand = this.inner();
    this.depth -= 1;
    return operand;
  }

  private inner(): Expression {
    const { kind, value, position } = this.token;
    if (this.take("(")) {
      const inside = this.expression(0);
      if (!this.take(")"))
        throw filterFault(
          this.token.position,
          `a ")" is missing for the "(" at character ${position}.`,
        );
      return inside;
    }
    if (this.take("not"))
      return { is: "not", of: this.expression(bindingOfNot), position };
    if (this.take("-"))
      return { is: "negative", of: this.expression(bindingOfSign), position };
    if (this.take("true", "false"))
      return { is: "boolean", value: value === "true", position };
    if (kind === "word" || kind === "symbol" || kind === "end")
      throw filterFault(
        position,
        `a value or a property belongs here, not ${this.shown()}.`,
      );
    this.next += 1;
    switch (kind) {
      case "text":
        if (value.includes("\0"))
          throw filterFault(position, "no text has the character U+0000.");
        return { is: "text", value, position };
      case "name":
        return { is: "property", name: value, position };
      case "number": {
        const number = Number(value);
        if (!Number.isFinite(number))
          throw filterFault(position, "this number is too large.");
        return { is: "number", value: number, position };
      }
    }
  }
}
