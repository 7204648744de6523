import { expect, test } from "@jest/globals";
import { canonicalJson, hashOf } from "../../common/ledger/canonical.ts";

test("values are written as the examples of RFC 8785 are", () => {
  expect(
    canonicalJson({
      numbers: [
        333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001,
      ],
      string: "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
      literals: [null, true, false],
    }),
  ).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
});

test("members stand in the order of their UTF-16 code units, at every depth", () => {
  const names = [
    "\u20ac",
    "\r",
    "\ufb33",
    "1",
    "\ud83d\ude00",
    "\u0080",
    "\u00f6",
  ];
  const written = canonicalJson({
    deep: Object.fromEntries(names.map((name) => [name, 0])),
  });
  const order = [...written.matchAll(/"([^"]+)":0/g)].map(
    ([, name]) => JSON.parse(`"${name}"`) as string,
  );
  expect(order).toEqual([
    "\r",
    "1",
    "\u0080",
    "\u00f6",
    "\u20ac",
    "\ud83d\ude00",
    "\ufb33",
  ]);
});

test("what JSON does not know is left out", () => {
  expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
});

test("the hash is that of the UTF-8 text", () => {
  expect(hashOf({ b: "ö", a: 1 })).toBe(
    "cce68f0eebb8d17d0885b548767f18c3da95acb812b1ffa9aa8c1b089daee6c4",
  );
});
