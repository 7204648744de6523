import { describe, expect, test } from "@jest/globals";
import { DomainError } from "../../common/errors.ts";
import {
  regexOf,
  wordPatternOf,
} from "../../subgraphs/stream/stream/search/pattern.ts";
import {
  parseSearch,
  type Expression,
} from "../../subgraphs/stream/stream/search/syntax.ts";

/** The tree as text, with every parenthesis. */
function shown(expression: Expression | null): string {
  switch (expression?.is) {
    case undefined:
      return "everything";
    case "not":
      return `!${shown(expression.of)}`;
    case "and":
    case "or":
      return `(${expression.of.map(shown).join(expression.is === "and" ? " & " : " | ")})`;
    case "term": {
      const { field, text, isPhrase } = expression;
      return `${field === null ? "" : `${field}=`}${isPhrase ? JSON.stringify(text) : text}`;
    }
  }
}

test.each([
  ["", "everything"],
  ["  ", "everything"],
  ["pump", "pump"],
  ["pump flow", "(pump & flow)"],
  ["pump AND flow", "(pump & flow)"],
  ["a OR b c", "(a | (b & c))"],
  ["(a OR b) c", "((a | b) & c)"],
  ["NOT a b", "(!a & b)"],
  ["NOT (a OR NOT b)", "!(a | !b)"],
  ["and or not", "(and & or & not)"],
  [`"AND" name:"top flow"`, `("AND" & name="top flow")`],
  ["EXTERNALID:plc* tags: x", "(externalId=plc* & tags=x)"],
  ["PLC7:DB1 50%", "(PLC7:DB1 & 50%)"],
  ["pump AND NOT spare", "(pump & !spare)"],
])("reads %s", (source, tree) => {
  expect(shown(parseSearch(source))).toBe(tree);
});

describe("refuses, with its place,", () => {
  test.each<[string, number, string]>([
    ["flow AND", 9, "a word belongs here, and the search ends."],
    ["flow OR OR level", 9, "a word belongs here, not OR"],
    ["AND flow", 1, "a word belongs here, not AND"],
    ["(flow", 6, `a ")" is missing for the "(" at character 1.`],
    ["flow )", 6, `")" is not expected here.`],
    ['  "flow', 3, 'this " is never closed.'],
    ['""', 1, "this phrase is empty."],
    ["unit:bar", 1, `there is no field "unit".`],
    ["name:", 6, "a word belongs here, and the search ends."],
    ["flow a\u0000b", 7, "control characters are in no text."],
    ["a*b*c*d*e*f*g", 1, `a word has at most 5 "*".`],
    ["NOT ".repeat(20) + "a", 81, "this is nested more than 20 deep."],
    ["(".repeat(21), 21, "this is nested more than 20 deep."],
    ["a ".repeat(31), 61, "a search has at most 30 words and phrases."],
  ])("%s", (source, position, message) => {
    const fault = faultOf(source);
    expect(fault.message).toContain(
      `Search, character ${position}: ${message}`,
    );
    expect(fault.extensions).toEqual({ code: "BAD_USER_INPUT", at: "search" });
  });

  test("and one of 501 characters", () => {
    expect(faultOf("x".repeat(501)).extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      at: "search",
      limit: 500,
      value: 501,
    });
  });

  function faultOf(source: string): DomainError {
    try {
      parseSearch(source);
    } catch (error) {
      if (error instanceof DomainError) return error;
      throw error;
    }
    throw new Error("It was read.");
  }
});

/** A LIKE pattern of words that lead to a term: of a part that begins, ends or is a word, as far as the term says so. */
test.each([
  ["pump", "%pump%"],
  ["pu", "pu%"],
  ["pump*", "pump%"],
  ["*pump", "%pump"],
  ["p*out", "%out"],
  ["*a*", null],
  ["*", null],
  ["m-12", "12%"],
  ["ft-101_pv", "101"],
  ["%_\\", null],
  ["x".repeat(80), `%${"x".repeat(50)}%`],
])("the words of %s are like %s", (text, pattern) => {
  const term = { is: "term", field: null, text, isPhrase: false } as const;
  expect(wordPatternOf(term)).toBe(pattern);
});

test("what regular expressions are made of is no more than itself", () => {
  const term = {
    is: "term",
    field: null,
    text: "a.*[b]\\(?<c>)|^$+{d}",
    isPhrase: true,
  } as const;
  const pattern = regexOf(term).replace(/\\(.)/gu, "$1");
  expect(pattern).toBe(term.text);
  expect(regexOf(term)).toMatch(/^(?:\\[^a-z0-9]|[a-z0-9])+$/iu);
});
