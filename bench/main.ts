import { readFile, writeFile } from "node:fs/promises";
import { runCommand } from "../commands/command.ts";
import { StartError } from "../common/config.ts";
import { communities } from "./communities.ts";
import { assertCpuIsTold } from "./cpu.ts";
import { endurance } from "./endurance.ts";
import { events } from "./events.ts";
import { files } from "./files.ts";
import { fairness } from "./fairness.ts";
import type { Bench, Figure } from "./figure.ts";
import { gate } from "./gate.ts";
import { ingest } from "./ingest.ts";
import { ledger } from "./ledger.ts";
import { long } from "./long.ts";
import { measure } from "./measure.ts";
import { page } from "./page.ts";
import { questions } from "./questions.ts";
import { reportOf, tableOf, type Taken } from "./report.ts";
import { series } from "./series.ts";
import { reads } from "./reads.ts";
import { search } from "./search.ts";
import { soak } from "./soak.ts";
import { createTokens } from "./tokens.ts";
import { seedWorld, startDatabase } from "./world.ts";

const figures: readonly Figure[] = [
  page,
  questions,
  fairness,
  reads,
  events,
  gate,
  ingest,
  ledger,
  communities,
  series,
  files,
  search,
  long,
  soak,
  endurance,
];
const report = "docs/benchmarks.md";

const usage = `
Usage: npm run bench [-- [--write] [--streams <number>] [--events <number>] [--keep] <figure>... | <figure>:<part>...]

Compares with their goals all figures but long, soak and endurance, or those named, on a PostgreSQL of its own with 2 M events:

${figures.map(({ name, title }) => `  ${name.padEnd(13)}${title}`).join("\n")}

  communities:invit takes of that figure the operations whose name holds "invit", capitals or not
  --streams is how many search looks through instead of a million, to try it: 20000 are made in a minute
  --events is how many long has instead of 100.8 M, which take 10 GB and ten minutes to make, to try it
  --keep leaves what long has made for the next time
  --write keeps each that is taken whole in ${report}, in the place of what is there of it
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

async function take(
  { figure, parts }: Choice,
  bench: Omit<Bench, "isWanted">,
): Promise<Taken> {
  const already = ends.length;
  try {
    bench.progress("starting");
    const ofFigure: Bench = {
      ...bench,
      isWanted: (part) =>
        parts.length === 0 ||
        parts.some((wanted) => part.toLowerCase().includes(wanted)),
    };
    const contenders = await figure.contenders(ofFigure);
    const measurements = await measure(contenders, {
      rounds: figure.rounds,
      postmaster: bench.database.postmaster,
      progress: bench.progress,
    });
    return { figure, measurements, note: await figure.note?.(ofFigure) };
  } finally {
    await endDownTo(already);
  }
}

interface Choice {
  readonly figure: Figure;
  /** In small letters; none stands for all. */
  readonly parts: readonly string[];
}

function choose(names: readonly string[]): readonly Choice[] {
  const named = names.map((name) => {
    const [figure, ...part] = name.split(":");
    return { figure, part: part.join(":").toLowerCase() };
  });
  const unknown = named.filter(
    ({ figure }) => !figures.some(({ name }) => name === figure),
  );
  if (unknown.length > 0)
    throw new StartError(
      `There is no figure ${unknown.map(({ figure }) => figure).join(", ")}.\n\n${usage.trim()}`,
    );
  return figures
    .map((figure) => ({
      figure,
      parts: named
        .filter((one) => one.figure === figure.name)
        .map(({ part }) => part),
    }))
    .filter(({ figure, parts }) =>
      names.length === 0 ? !figure.isLong : parts.length > 0,
    )
    .map(({ figure, parts }) => ({
      figure,
      parts: parts.includes("") ? [] : parts,
    }));
}

/** At once, so that a run which ends early has kept what it took. */
async function keepFigure(taken: Taken, postgres: string): Promise<void> {
  const before = await readFile(report, "utf8");
  await writeFile(report, await reportOf(taken, { before, figures, postgres }));
}

await runCommand(
  usage,
  {
    write: { type: "boolean", default: false },
    streams: { type: "string" },
    events: { type: "string" },
    keep: { type: "boolean", default: false },
  },
  async ({ values: { write, streams, events, keep }, positionals }) => {
    assertCpuIsTold();
    const chosen = choose(positionals);
    if (write && chosen.some(({ parts }) => parts.length > 0))
      throw new StartError(
        "--write keeps whole figures: name none of their parts.",
      );
    for (const [name, size] of Object.entries({ streams, events }))
      if (size !== undefined && (write || !/^[1-9]\d{0,8}$/.test(size)))
        throw new StartError(
          `--${name} takes a number up to 999999999, and what it measures is not kept: leave --write out.`,
        );
    progress("making the world");
    const database = await startDatabase();
    ends.push(() => database.stop());
    try {
      const bench: Omit<Bench, "isWanted"> = {
        database,
        world: await seedWorld(await database.clone("world")),
        tokens: await createTokens(),
        streams: streams === undefined ? undefined : Number(streams),
        events: events === undefined ? undefined : Number(events),
        isKept: keep,
        progress,
        onEnd: (end) => ends.push(end),
      };
      for (const choice of chosen) {
        const taken = await take(choice, {
          ...bench,
          progress: (doing) => progress(`${choice.figure.name}: ${doing}`),
        });
        progress("");
        console.log(await tableOf(taken));
        if (write) await keepFigure(taken, database.version);
      }
    } finally {
      await endDownTo(0);
    }
  },
);
