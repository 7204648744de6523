import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import { Away, SteadyCalls } from "../../gateway/steady-calls.ts";

const always = () => true;
const never = () => false;

/** Something that fails until told otherwise, and counts. */
function fragile() {
  const changes: boolean[] = [];
  const it = {
    calls: new SteadyCalls((isAway) => changes.push(isAway)),
    changes,
    count: 0,
    failsUntil: Infinity,
    call: () => {
      it.count += 1;
      return it.count <= it.failsUntil
        ? Promise.reject(new Error("gone"))
        : Promise.resolve("there");
    },
  };
  return it;
}

describe("a call", () => {
  test("that fails and may be repeated is made up to three times", async () => {
    const it = fragile();
    it.failsUntil = 2;
    expect(await it.calls.make(it.call, always)).toBe("there");
    expect(it.count).toBe(3);
    it.count = 0;
    it.failsUntil = 3;
    await expect(it.calls.make(it.call, always)).rejects.toThrow("gone");
    expect(it.count).toBe(3);
  });

  test("that may not be is made once", async () => {
    const it = fragile();
    await expect(it.calls.make(it.call, never)).rejects.toThrow("gone");
    expect(it.count).toBe(1);
  });

  test("is repeated at most once for ten calls, beyond twenty in advance", async () => {
    const it = fragile();
    // Every other call of a crowd succeeds, so that nothing is taken to be away.
    let i = 0;
    const half = () => (i++ % 2 ? Promise.resolve("there") : it.call());
    const made = 200;
    for (let n = 0; n < made; n += 1)
      await it.calls
        .make(half, (error) => {
          // Right away: what is counted here is how often.
          expect(error).toBeInstanceOf(Error);
          return true;
        })
        .catch(() => undefined);
    expect(i - made).toBeGreaterThanOrEqual(20);
    expect(i - made).toBeLessThanOrEqual(20 + made / 10);
  }, 60_000);
});

describe("when ten calls in a row have failed", () => {
  async function broken() {
    const it = fragile();
    for (let n = 0; n < 10; n += 1)
      await it.calls.make(it.call, never).catch(() => undefined);
    expect(it.changes).toEqual([true]);
    return it;
  }

  test("no call is made for a second; then one tries, and the others wait for it, but not for long", async () => {
    const it = await broken();
    await expect(it.calls.make(it.call, always)).rejects.toThrow(Away);
    expect(it.count).toBe(10);
    await sleep(1_050);
    let answer = (): void => undefined;
    const trying = it.calls.make(
      () => new Promise<string>((resolve) => (answer = () => resolve("tried"))),
      never,
    );
    const begun = performance.now();
    await expect(it.calls.make(it.call, always)).rejects.toThrow(Away);
    expect(performance.now() - begun).toBeGreaterThan(200);
    expect(it.count).toBe(10);
    it.failsUntil = 0;
    const waiting = it.calls.make(it.call, never);
    answer();
    expect(await trying).toBe("tried");
    expect(await waiting).toBe("there");
    expect(it.changes).toEqual([true, false]);
  });

  test("one that tries and fails begins another second", async () => {
    const it = await broken();
    await sleep(1_050);
    await expect(it.calls.make(it.call, never)).rejects.toThrow("gone");
    await expect(it.calls.make(it.call, never)).rejects.toThrow(Away);
    expect(it.count).toBe(11);
    expect(it.changes).toEqual([true]);
  });
});
