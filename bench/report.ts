import { cpus, totalmem } from "node:os";
import { format } from "prettier";
import type { Figure } from "./figure.ts";
import type { Measurement } from "./measure.ts";

export interface Taken {
  readonly figure: Figure;
  readonly measurements: readonly Measurement[];
  readonly note?: string | undefined;
}

/** Markdown, which a terminal shows well enough. */
export const tableOf = ({
  figure,
  measurements,
  note = "",
}: Taken): Promise<string> =>
  format(
    [
      `| ${figure.title} | ${figure.ratio} | goal | throughput | ms CPU a ${figure.unit} | ${figure.unit.replace(/s?$/, "s")} a second |`,
      "| --- | --: | --: | --: | --: | --: |",
      ...measurements.map((measured) => rowOf(figure, measured)),
      "",
      note,
    ].join("\n"),
    { parser: "markdown" },
  );

function rowOf({ ratio }: Figure, measured: Measurement): string {
  const { name, goal, cpuRatio, speedRatio, cpuMs, perSecond } = measured;
  const reached = ratio === "CPU" ? cpuRatio : 1 / cpuRatio;
  const cells = [
    name,
    reached.toFixed(2),
    goal === undefined ? "" : goalOf(ratio, goal, reached),
    speedRatio.toFixed(2),
    cpuMs.toFixed(2),
    perSecond.toFixed(perSecond < 10 ? 1 : 0),
  ];
  return `| ${cells.join(" | ")} |`;
}

function goalOf(ratio: Figure["ratio"], goal: number, reached: number): string {
  const isMissed = ratio === "CPU" ? reached > goal : reached < goal;
  return `${ratio === "CPU" ? "≤" : "≥"} ${goal}${isMissed ? " missed" : ""}`;
}

/** docs/benchmarks.md with a figure in the place of what it has of the same; all stand in their order. */
export async function reportOf(
  taken: Taken,
  { before, figures, postgres }: Report,
): Promise<string> {
  const sections = new Map(
    sectionsIn(before).map((section) => [titleOf(section), section]),
  );
  sections.set(taken.figure.title, await sectionOf(taken, postgres));
  const inOrder = figures.flatMap(({ title }) => sections.get(title) ?? []);
  return format(`${head}\n\n${inOrder.join("\n\n")}`, {
    parser: "markdown",
    proseWrap: "preserve",
  });
}

interface Report {
  /** As it stands. */
  readonly before: string;
  readonly figures: readonly Figure[];
  /** Its version. */
  readonly postgres: string;
}

const sectionsIn = (report: string) => report.split(/^(?=## )/m).slice(1);

const titleOf = (section: string) => /^## (.*)/.exec(section)?.[1] ?? "";

const sectionOf = async (taken: Taken, postgres: string) =>
  `## ${taken.figure.title}

${taken.figure.about}

${await tableOf(taken)}
${machine(postgres)}`;

function machine(postgres: string): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model.trim()}), ${memory} GiB of memory, Linux, Node ${process.versions.node}, PostgreSQL ${postgres}.`;
}

const head = `# Measured

Written by \`npm run bench -- --write\`, which takes all figures anew, or those that it is given;
\`npm run bench -- --help\` tells how to take one. PostgreSQL runs as the default installation starts it, save that a power
cut may lose the benchmark.

- The world: 20 tenants, 50 communities of six tenants each, 5,000 streams, 12,500 shares, 2 M events of a month.
- Contenders take turns, in rounds of some seconds, so that a machine which is slower for a while is slower for all of them.
  Ratios are to the first contender in the same round, and each figure is the median of the rounds.
- **CPU** is the CPU time of all processes that take part, PostgreSQL's included and the asking client's excepted: less is
  better. **SPEED** is work in the same CPU time: more is better. Throughput depends on what else the machine does, and
  stands beside them.
- What asks changes its variables from request to request over eight connections, and every server verifies its bearer token.
  Answers were equal to the letter before anything was measured.`;
