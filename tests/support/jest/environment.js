import { register } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { ModernFakeTimers } from "@jest/fake-timers";
import { ModuleMocker } from "jest-mock";
import "../../../common/typescript/register.js";
import { stackAsWritten } from "./stack.js";

register("./globals-hook.js", import.meta.url);

/** What a suite has closed may take this long to be gone, on a busy machine. */
const goneWithinMs = 30_000;
const lookAgainMs = 10;

const testTimeout = Symbol.for("TEST_TIMEOUT_SYMBOL");

// Each opens itself when somebody first asks for it; none is a suite's.
void [process.stdin, process.stdout, process.stderr];

/**
 * The surroundings of one suite are the worker's own globals, which it gives back as they were. A suite that leaves
 * something open fails: it would disturb those after it, and keep the worker from ending.
 */
export default class Environment {
  global = globalThis;
  moduleMocker = new ModuleMocker(globalThis);
  fakeTimersModern;
  #console = globalThis.console;
  #process = {
    exit: process.exit,
    getBuiltinModule: process.getBuiltinModule,
  };
  #before = openResources();
  #failures = [];

  constructor({ projectConfig }) {
    this.fakeTimersModern = new ModernFakeTimers({
      config: projectConfig,
      global: globalThis,
    });
  }

  getVmContext() {
    return null;
  }

  handleTestEvent({ name, test, hook, error }) {
    if (name === "test_done")
      for (const [failure] of test.errors.map((one) => [one].flat()))
        this.#failures.push(`${titleOf(test)}\n${textOf(failure)}`);
    if (name === "hook_failure" && hook.type === "afterAll")
      this.#failures.push(`${hook.type}\n${textOf(error)}`);
  }

  async setup() {
    Error.prepareStackTrace = stackAsWritten;
  }

  async teardown() {
    this.fakeTimersModern.dispose();
    globalThis.console = this.#console;
    Object.assign(process, this.#process);
    delete globalThis[testTimeout];
    await this.#untilClosed(Date.now() + goneWithinMs);
  }

  async #untilClosed(deadline) {
    for (;;) {
      const left = [...openResources()].filter(
        ([kind, count]) => count > (this.#before.get(kind) ?? 0),
      );
      if (left.length === 0) return;
      if (Date.now() > deadline)
        // Instead of what its tests have done, the report has this error alone.
        throw new Error(
          [
            `The suite leaves open: ${left.map(([kind]) => kind).join(", ")}.`,
            ...this.#failures,
          ].join("\n\n"),
        );
      await sleep(lookAgainMs, undefined, { ref: false });
    }
  }
}

/** How many of each kind keep the process from ending. */
function openResources() {
  const counts = new Map();
  for (const kind of process.getActiveResourcesInfo())
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

const titleOf = ({ name, parent }) =>
  parent ? `${titleOf(parent)} ${name}`.trim() : "";

/** Without the lines of the framework. */
const textOf = (failure) =>
  String(failure?.stack ?? failure)
    .split("\n")
    .filter((line) => !line.includes("/node_modules/"))
    .join("\n");
