import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { runCommand } from "../../commands/command.ts";
import { StartError } from "../../common/config.ts";
import { catchFaults } from "./faults.ts";
import type { Tally } from "./history.ts";
import { startProduct } from "./product.ts";
import { Progress } from "./progress.ts";
import {
  proveOneByOne,
  proveTogether,
  randomSeed,
  stepsOf,
  tableOf,
} from "./proof.ts";

const usage = `
Usage: npm run proof [-- --steps <number>] [--seed <number>]
       npm run proof -- faults

Plays random histories of everything that anybody can try, on the real graph and by a second statement of the domain's
rules, and tells the shortest one in which they part: one by one, and in rounds of up to six at a time.

  --steps   how many steps are taken of each kind; 10000
  --seed    repeats the histories of another run, which prints its own; a difference prints the one it is soonest met by
  faults    puts faults of one line into copies of the project, and shows which tests catch each of them
`;

const options = {
  steps: { type: "string", default: "10000" },
  seed: { type: "string" },
} as const;

/** The first interrupt ends what is under way cleanly; another one, at once. */
const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => {
    interrupt.abort();
    process.exitCode = 130;
  });

await runCommand(usage, options, async ({ values, positionals: [what] }) => {
  if (what === "faults") return showFaults();
  if (what !== undefined)
    throw new StartError(`There is nothing called ${what}.\n\n${usage.trim()}`);
  const steps = numberFrom(values.steps, "--steps");
  const seed =
    values.seed === undefined
      ? randomSeed()
      : numberFrom(values.seed, "--seed");
  console.log(`Seed ${seed}`);
  const postgres = await startPostgres();
  try {
    await playHistories(steps, seed);
  } finally {
    await postgres.stop();
  }
});

async function playHistories(steps: number, seed: number): Promise<void> {
  const { TestDatabase } = await import("../support/database.ts");
  const database = await TestDatabase.create();
  const product = await startProduct(database);
  try {
    for (const [name, prove] of [
      ["one by one", proveOneByOne],
      ["in rounds", proveTogether],
    ] as const) {
      if (interrupt.signal.aborted) break;
      const progress = new Progress(name, steps);
      const onHistory = (tally: Tally) => progress.tell(stepsOf(tally));
      const { signal } = interrupt;
      const tally = await prove(product, {
        ...{ steps, seed, onHistory, signal },
      }).finally(() => progress.end());
      console.log(
        `${stepsOf(tally)} steps ${name}, no difference:\n${tableOf(tally)}\n`,
      );
    }
  } finally {
    await product.graph.stop();
    await database.drop();
  }
}

async function showFaults(): Promise<void> {
  for await (const { fault, by } of catchFaults()) {
    console.log(
      `${fault}: ${by.length > 0 ? `caught by ${by.length} tests, such as "${by[0]}"` : "NOT CAUGHT"}`,
    );
    if (by.length === 0) process.exitCode = 1;
  }
}

/** The tests' own, which ends with this process; what clones it is to be imported afterwards. */
async function startPostgres() {
  const script = new URL("../support/database-server.ts", import.meta.url);
  const server = spawn(
    process.execPath,
    ["--import", "./common/typescript/register.js", fileURLToPath(script)],
    // A terminal's interrupt is not for it: it is stopped last.
    { stdio: ["pipe", "pipe", "inherit"], detached: true },
  );
  const ended = once(server, "exit");
  const [url] = (await Promise.race([once(server.stdout, "data"), ended])) as [
    unknown,
  ];
  process.env["TRIBUTARY_TEST_DATABASE"] = String(url).trim();
  return {
    async stop() {
      server.stdin.end();
      await ended;
    },
  };
}

function numberFrom(text: string, name: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new StartError(
      `${name} must be a whole number from 1 on, not "${text}".`,
    );
  return number;
}
