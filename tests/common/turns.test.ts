import { expect, test } from "@jest/globals";
import { setImmediate } from "node:timers/promises";
import { Gone, Turns, type Task } from "../../common/turns.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";

const caller = (tenantId: string | null, identityId: string): Viewer => ({
  ...anonymous,
  tenantId,
  identityId,
});

/** Tasks that are begun by turns and end when they are told to. */
class Stage {
  /** In the order in which they were begun. */
  readonly begun: string[] = [];
  private readonly ends = new Map<string, () => void>();

  constructor(private readonly turns: Turns) {}

  /** A name is that of tenant, identity and task: `a1.x`. */
  ask(name: string, task: Omit<Task<void>, "work"> = {}): Promise<void> {
    const [who = ""] = name.split(".");
    return this.turns.run(caller(who.slice(0, 1), who), {
      ...task,
      work: () => {
        this.begun.push(name);
        return new Promise<void>((end) => this.ends.set(name, end));
      },
    });
  }

  async end(...names: string[]): Promise<void> {
    for (const name of names) {
      this.ends.get(name)?.();
      await setImmediate();
    }
  }

  /** Ends what runs, the first that was begun first, until all is done. */
  async playOut(): Promise<void> {
    for (let i = 0; i < this.begun.length; i++)
      await this.end(this.begun[i] ?? "");
  }
}

test("one who comes after a flood has the next turn", async () => {
  const stage = new Stage(new Turns({ inAll: 2 }));
  for (let i = 0; i < 100; i++) void stage.ask(`a${i % 10}.${i}`);
  void stage.ask("b1.x");
  void stage.ask("b2.x");
  await stage.end("a0.0", "a1.1", "a2.2");
  expect(stage.begun).toEqual(["a0.0", "a1.1", "a2.2", "b1.x", "a3.3"]);
});

test("identities of a tenant take turns too", async () => {
  const stage = new Stage(new Turns({ inAll: 1 }));
  for (const name of ["a1.1", "a1.2", "a1.3", "a1.4", "a2.1", "b1.1", "b1.2"])
    void stage.ask(name);
  await stage.playOut();
  expect(stage.begun.join(" ")).toBe("a1.1 a1.2 b1.1 a2.1 b1.2 a1.3 a1.4");
});

test("no tenant takes all places, nor any identity those of its tenant", async () => {
  const stage = new Stage(new Turns({ inAll: 5, ofTenant: 3, ofIdentity: 2 }));
  for (let i = 0; i < 9; i++) void stage.ask(`a1.${i}`);
  expect(stage.begun).toHaveLength(2);
  void stage.ask("a2.1");
  void stage.ask("a2.2");
  await setImmediate();
  expect(stage.begun).toHaveLength(3);
  void stage.ask("b1.1");
  void stage.ask("c1.1");
  await setImmediate();
  expect(stage.begun).toEqual(["a1.0", "a1.1", "a2.1", "b1.1", "c1.1"]);
  await stage.playOut();
  expect(stage.begun).toHaveLength(13);
});

test("what is heavy takes as much of the room, and is not passed by for ever", async () => {
  const stage = new Stage(new Turns({ ofTenant: 10 }));
  void stage.ask("a1.light", { weight: 4 });
  void stage.ask("a2.heavy", { weight: 8 });
  void stage.ask("a3.light", { weight: 4 });
  void stage.ask("b1.huge", { weight: 99 });
  expect(stage.begun).toEqual(["a1.light", "b1.huge"]);
  await stage.end("a1.light");
  expect(stage.begun.slice(2)).toEqual(["a2.heavy"]);
  await stage.end("a2.heavy");
  expect(stage.begun.slice(3)).toEqual(["a3.light"]);
});

test("whose client has gone is never begun, and holds nobody up", async () => {
  const turns = new Turns({ inAll: 1 });
  const stage = new Stage(turns);
  let hasGone = false;
  void stage.ask("a1.1");
  const given = [1, 2, 3].map((i) =>
    stage.ask(`a2.${i}`, { isGone: () => hasGone }),
  );
  void stage.ask("a3.1");
  const all = Promise.allSettled(given);
  hasGone = true;
  await stage.end("a1.1");
  expect(stage.begun).toEqual(["a1.1", "a3.1"]);
  for (const one of await all)
    expect(one).toMatchObject({ reason: expect.any(Gone) });
  expect(turns.waitingOf(caller("a", "a1"))).toBe(0);
});

test("what fails ends its turn, and whose tenant is not known is one of its own", async () => {
  const turns = new Turns({ ofTenant: 1 });
  const failing = turns.run(caller(null, "x"), {
    work: () => Promise.reject(new Error("no")),
  });
  let begun = 0;
  const work = () => Promise.resolve((begun += 1));
  const after = turns.run(caller(null, "x"), { work });
  await turns.run(caller(null, "y"), { work });
  await expect(failing).rejects.toThrow("no");
  await after;
  expect(begun).toBe(2);
});
