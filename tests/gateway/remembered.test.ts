import { describe, expect, test } from "@jest/globals";
import { Remembered } from "../../gateway/execution/remembered.ts";

const making = <T>(value: T) => ({
  count: 0,
  make() {
    this.count += 1;
    return Promise.resolve(value);
  },
});

describe("What is remembered", () => {
  test("is made once, and again when it failed", async () => {
    const remembered = new Remembered<number>(10, () => 1);
    const it = making(7);
    for (let i = 0; i < 3; i += 1)
      expect(await remembered.find("a", 1, () => it.make())).toBe(7);
    expect(it.count).toBe(1);
    const fail = () => Promise.reject(new Error("no"));
    await expect(remembered.find("b", 1, fail)).rejects.toThrow("no");
    expect(await remembered.find("b", 1, () => it.make())).toBe(7);
  });

  test("makes room by what was not used for longest, for what is being made as well", async () => {
    const remembered = new Remembered<string>(30, () => 5);
    const find = (key: string) =>
      remembered.find(key, 5, () => Promise.resolve(key));
    await find("a");
    await find("b");
    await find("a");
    await find("c");
    expect(remembered.made()).toEqual(["c", "a", "b"]);
    // Not made yet, and already weighed.
    let finish = (): void => undefined;
    const slow = remembered.find(
      "slow",
      25,
      () => new Promise((resolve) => (finish = () => resolve("slow"))),
    );
    expect(remembered.made()).toEqual([]);
    finish();
    expect(await slow).toBe("slow");
    expect(remembered.made()).toEqual(["slow"]);
  });

  test("gives back the room of what failed, and of what had to go before it was made", async () => {
    const remembered = new Remembered<string>(10, () => 0);
    const fail = () => Promise.reject(new Error("no"));
    await remembered.find("a", 10, fail).catch(() => undefined);
    let finish = (): void => undefined;
    const slow = remembered.find(
      "slow",
      10,
      () => new Promise((resolve) => (finish = () => resolve("slow"))),
    );
    await remembered.find("b", 10, () => Promise.resolve("b"));
    finish();
    await slow;
    expect(remembered.made()).toEqual(["b"]);
    await remembered.find("c", 10, () => Promise.resolve("c"));
    expect(remembered.made()).toEqual(["c"]);
  });
});
