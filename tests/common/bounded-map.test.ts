import { describe, expect, test } from "@jest/globals";
import { parse } from "graphql";
import { BoundedMap } from "../../common/bounded-map.ts";
import { parsedDocuments } from "../../gateway/parsed-documents.ts";
import {
  hashOf,
  PersistedOperations,
} from "../../gateway/persisted-operations.ts";

describe("A bounded map", () => {
  test("gives up what was not used for longest", () => {
    const map = new BoundedMap<string>(10);
    map.set("a", "A", 4);
    map.set("b", "B", 4);
    expect(map.get("a")).toBe("A");
    map.set("c", "C", 4);
    expect(map.get("b")).toBeUndefined();
    expect(map.values()).toEqual(["C", "A"]);
  });

  test("weighs what takes the place of another, and nothing that is gone", () => {
    const map = new BoundedMap<string>(10);
    map.set("a", "A", 8);
    map.set("a", "A again", 2);
    map.set("b", "B", 8);
    expect(map.values()).toEqual(["B", "A again"]);
    map.delete("b");
    map.delete("b");
    map.set("c", "C", 8);
    expect(map.values()).toEqual(["C", "A again"]);
  });

  test("keeps nothing that is heavier than all of it, and all else", () => {
    const map = new BoundedMap<string>(10);
    map.set("a", "A", 4);
    map.set("b", "B", 11);
    expect(map.values()).toEqual(["A"]);
    map.set("a", "A again", 11);
    expect(map.values()).toEqual([]);
  });
});

const small = (n: number) => `{ viewer { a${n}: id } }`;

test("of the shortest operations that are known by their hash, 20,000 are kept", () => {
  const operations = new PersistedOperations(undefined);
  const isKept = (n: number) => {
    try {
      return operations.textOf({ query: "", hash: hashOf(small(n)) }) !== "";
    } catch {
      return false;
    }
  };
  for (let n = 0; n < 21_000; n += 1)
    operations.remember({ query: small(n), hash: hashOf(small(n)) });
  expect([0, 500, 5_000, 20_999].map(isKept)).toEqual([
    false,
    false,
    true,
    true,
  ]);
});

test("of parsed documents those that were sent last are kept, a few thousand of the shortest", async () => {
  const store = parsedDocuments();
  const document = parse(small(0));
  for (let n = 0; n < 20_000; n += 1) await store.set(String(n), document);
  const kept = await Promise.all(
    Array.from({ length: 20_000 }, (_, n) => store.get(String(n))),
  );
  const count = kept.filter((one) => one !== undefined).length;
  expect(kept.at(-1)).toBe(document);
  expect(count).toBeGreaterThan(5_000);
  expect(count).toBeLessThan(15_000);
  await store.delete("19999");
  expect(await store.get("19999")).toBeUndefined();
});
