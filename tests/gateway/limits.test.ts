import { describe, expect, test } from "@jest/globals";
import type { DomainError } from "../../common/errors.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { admission, usualLimits } from "../../gateway/limits.ts";
import { times } from "../support/text.ts";

const somebody = { ...anonymous, identityId: "somebody" };

const refusal = (
  query: string,
  viewer: Viewer = somebody,
): DomainError["extensions"] | undefined => {
  try {
    admission(usualLimits)(query, viewer);
    return undefined;
  } catch (error) {
    return (error as DomainError).extensions;
  }
};

const nested = (depth: number) => `${"{ a ".repeat(depth)}${"}".repeat(depth)}`;

describe("a query", () => {
  test.each([
    ["characters", (n: number) => `{ a } #${" ".repeat(n - 7)}`],
    ["tokens", (n: number) => `{ a(b: [${times(n - 9, () => "1")}]) }`],
    ["depth", nested],
    ["rootFields", (n: number) => `{ ${times(n, () => "a")} }`],
    ["aliases", (n: number) => `{ a { ${times(n, (i) => `a${i}: a`)} } }`],
    [
      "directives",
      (n: number) =>
        `query ($a: A @d) @d { a { ${times(n - 2, () => "a @d")} } }`,
    ],
    ["fields", (n: number) => `{ a { ${times(n - 1, () => "a")} } }`],
  ] as const)("is bounded in its %s", (limit, query) => {
    const most = usualLimits[limit];
    expect(refusal(query(most))).toBeUndefined();
    expect(refusal(query(most + 1))).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: most,
      value: most + 1,
    });
  });

  test("counts what a fragment holds wherever it is spread", () => {
    const doubling = (lines: number) =>
      `query { ...F0 } ${times(lines, (i) => `fragment F${i} on Q { ...F${i + 1} ...F${i + 1} }`)} fragment F${lines} on Q { x { a: y } }`;
    expect(refusal(doubling(5))).toBeUndefined();
    expect(refusal(doubling(8))).toMatchObject({ limit: 50, value: 256 });
    // 2^200 of them, told in no time.
    expect(refusal(doubling(200))).toMatchObject({
      limit: 50,
      value: Number.MAX_SAFE_INTEGER,
    });
  });

  test("counts the directives of a fragment and of its spreads, whatever they stand on", () => {
    const query = (spreads: number) =>
      `query { a { ${times(spreads, () => "... @d { ...F @d }")} } } fragment F on Q @d { a @d @d }`;
    expect(refusal(query(20))).toBeUndefined();
    expect(refusal(query(21))).toMatchObject({ limit: 100, value: 105 });
  });

  test.each([
    ["lists", (n: number) => `{ a(b: ${"[".repeat(n)}${"]".repeat(n)}) }`],
    [
      "objects",
      (n: number) => `{ a(b: ${"{ a: ".repeat(n)}1${"}".repeat(n)}) }`,
    ],
    ["fields", (n: number) => `${"{ a ".repeat(n)}${"}".repeat(n)}`],
    ["lists that never end", (n: number) => `{ a(b: ${"[".repeat(n)}`],
  ])("is not parsed into thousands of %s, which end the stack", (_, nested) => {
    expect(refusal(nested(1_200))).toMatchObject({ limit: 200 });
  });

  test("is refused with the limit, the value and the way on", () => {
    expect(() => admission(usualLimits)(nested(21), somebody)).toThrow(
      "At most 20 fields inside each other in a query; this asks for 21. Ask in several requests.",
    );
  });

  test("counts depth through fragments", () => {
    const chain = (length: number) =>
      `query { ...F0 } ${times(length, (i) => `fragment F${i} on Q { a { ...F${i + 1} } }`)} fragment F${length} on Q { a }`;
    expect(refusal(chain(19))).toBeUndefined();
    expect(refusal(chain(20))).toMatchObject({ limit: 20, value: 21 });
  });

  test.each([
    ["{ viewer { id } }", "UNAUTHENTICATED"],
    ["{ __typename viewer { id } }", "UNAUTHENTICATED"],
    ["{ ...F } fragment F on Query { __typename }", "UNAUTHENTICATED"],
    ["query A { __typename } query B { viewer { id } }", "UNAUTHENTICATED"],
    ["mutation { leave }", "UNAUTHENTICATED"],
    ["{ __schema { types { name } } __typename }", undefined],
    [`{ __type(name: "Query") { name } }`, undefined],
  ])("without a caller: %s: %s", (query, code) => {
    expect(refusal(query, anonymous)?.code).toBe(code);
    expect(refusal(query)).toBeUndefined();
  });

  test.each(["1e999", "-1e999", "9".repeat(400)])(
    "refuses the number %s, which no plan can hold",
    (number) => {
      expect(refusal(`{ a(b: [${number}]) }`)).toEqual({
        code: "BAD_USER_INPUT",
      });
    },
  );

  test("is left to validation where fragments spread each other, are missing, or syntax is wrong", () => {
    for (const query of [
      "{ ...A } fragment A on Q { ...B } fragment B on Q { ...A }",
      "{ ...A }",
      "{ a",
      '{ a(b: "',
      "",
    ])
      expect(refusal(query)).toBeUndefined();
  });

  test("of every operation counts, whichever is run", () => {
    expect(refusal(`query A { a } query B ${nested(21)}`)).toMatchObject({
      limit: 20,
    });
  });
});
