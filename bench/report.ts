import { cpus, totalmem } from "node:os";
import { format } from "prettier";
import type { Figure } from "./figure.ts";
import type { Measurement } from "./measure.ts";

export interface Taken {
  readonly figure: Figure;
  readonly measurements: readonly Measurement[];
}

/** Markdown, which a terminal shows well enough. */
export const tableOf = ({ figure, measurements }: Taken): Promise<string> =>
  format(
    [
      `| ${figure.title} | ${figure.ratio} | goal | throughput | ms CPU a ${figure.unit} | ${figure.unit.replace(/s?$/, "s")} a second |`,
      "| --- | --: | --: | --: | --: | --: |",
      ...measurements.map((measured) => rowOf(figure, measured)),
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

/** docs/benchmarks.md. */
export async function reportOf(
  all: readonly Taken[],
  postgresVersion: string,
): Promise<string> {
  const [cpu] = cpus();
  const sections = await Promise.all(
    all.map(
      async (taken) =>
        `## ${taken.figure.title}\n\n${taken.figure.about}\n\n${await tableOf(taken)}`,
    ),
  );
  return format(
    `# Measured

Written by \`npm run bench -- --write\`, which takes all figures anew; \`npm run bench -- --help\` tells how to take one.

${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, Linux,
Node ${process.versions.node}, PostgreSQL ${postgresVersion} as the default installation starts it, save that a power cut may lose the benchmark.

- The world: 20 tenants, 50 communities of six tenants each, 5,000 streams, 12,500 shares, 2 M events of a month.
- Contenders take turns, in rounds of some seconds, so that a machine which is slower for a while is slower for all of them.
  Ratios are to the first contender in the same round, and each figure is the median of the rounds.
- **CPU** is the CPU time of all processes that take part, PostgreSQL's included and the asking client's excepted: less is
  better. **SPEED** is work in the same CPU time: more is better. Throughput depends on what else the machine does, and
  stands beside them.
- What asks changes its variables from request to request over eight connections, and every server verifies its bearer token.
  Answers were equal to the letter before anything was measured.

${sections.join("\n\n")}`,
    { parser: "markdown", proseWrap: "preserve" },
  );
}
