import { writeFile } from "node:fs/promises";
import { runCommand } from "../commands/command.ts";
import { StartError } from "../common/config.ts";
import { communities } from "./communities.ts";
import { assertCpuIsTold } from "./cpu.ts";
import { events } from "./events.ts";
import type { Bench, Figure } from "./figure.ts";
import { gate } from "./gate.ts";
import { ingest } from "./ingest.ts";
import { ledger } from "./ledger.ts";
import { measure } from "./measure.ts";
import { page } from "./page.ts";
import { reportOf, tableOf, type Taken } from "./report.ts";
import { createTokens } from "./tokens.ts";
import { seedWorld, startDatabase } from "./world.ts";

const figures: readonly Figure[] = [
  page,
  events,
  gate,
  ingest,
  ledger,
  communities,
];
const report = "docs/benchmarks.md";

const usage = `
Usage: npm run bench [-- <figure>... | --write]

Compares with their goals all figures, or those named, on a PostgreSQL of its own with 2 M events:

${figures.map(({ name, title }) => `  ${name.padEnd(13)}${title}`).join("\n")}
  --write keeps them, all of one run, in ${report}
`;

/** How to end what was started, the last one first; also when the operator ends the run. */
const ends: (() => Promise<void>)[] = [];

async function endDownTo(count: number): Promise<void> {
  while (ends.length > count) await ends.pop()?.();
}

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void endDownTo(0).finally(() => process.exit(1)));

function progress(doing: string): void {
  process.stderr.write(
    process.stderr.isTTY ? `\r\x1b[K${doing}` : doing && `${doing}\n`,
  );
}

async function take(figure: Figure, bench: Bench): Promise<Taken> {
  const already = ends.length;
  try {
    bench.progress("starting");
    const contenders = await figure.contenders(bench);
    const measurements = await measure(contenders, {
      rounds: figure.rounds,
      postmaster: bench.database.postmaster,
      progress: bench.progress,
    });
    return { figure, measurements };
  } finally {
    await endDownTo(already);
  }
}

function choose(names: readonly string[]): readonly Figure[] {
  const unknown = names.filter(
    (name) => !figures.some((figure) => figure.name === name),
  );
  if (unknown.length > 0)
    throw new StartError(
      `There is no figure ${unknown.join(", ")}.\n\n${usage.trim()}`,
    );
  return names.length === 0
    ? figures
    : figures.filter(({ name }) => names.includes(name));
}

await runCommand(
  usage,
  { write: { type: "boolean", default: false } },
  async ({ values: { write }, positionals }) => {
    assertCpuIsTold();
    const chosen = choose(positionals);
    if (write && positionals.length > 0)
      throw new StartError(
        "--write keeps the figures of one run, all of them: name none.",
      );
    progress("making the world");
    const database = await startDatabase();
    ends.push(() => database.stop());
    try {
      const bench: Bench = {
        database,
        world: await seedWorld(await database.clone("world")),
        tokens: await createTokens(),
        progress,
        onEnd: (end) => ends.push(end),
      };
      const all: Taken[] = [];
      for (const figure of chosen) {
        const taken = await take(figure, {
          ...bench,
          progress: (doing) => progress(`${figure.name}: ${doing}`),
        });
        all.push(taken);
        progress("");
        console.log(await tableOf(taken));
      }
      if (write) await writeFile(report, await reportOf(all, database.version));
    } finally {
      await endDownTo(0);
    }
  },
);
