import { cpuMs } from "./cpu.ts";

/** One of those that are compared, by doing the same work in turn. */
export interface Contender {
  readonly name: string;
  /** Whose CPU counts beside PostgreSQL's; that of processes which start and end in a slice always does. */
  readonly processes: readonly number[];
  /** Of the PostgreSQL that works for it, if that is one of its own. */
  readonly postmaster?: number;
  /** Makes ready for a slice; costs nothing. */
  readonly prepare?: () => Promise<void>;
  /** Does a slice of the work and answers how many units of it were done. */
  readonly run: () => Promise<number>;
  /** What its CPU ratio is to reach. */
  readonly goal?: number;
  /** What its ratios are to instead of the first contender; it takes its turn before this one. */
  readonly base?: Contender;
}

/** Medians over the rounds; the ratios are to the contender's base, or the first contender, of the same round. */
export interface Measurement {
  readonly name: string;
  readonly cpuMs: number;
  readonly perSecond: number;
  readonly cpuRatio: number;
  readonly speedRatio: number;
  readonly goal: number | undefined;
}

export interface Measure {
  /** The process that all of PostgreSQL's others descend from. */
  readonly postmaster: number;
  readonly rounds: number;
  readonly progress: (text: string) => void;
}

interface Slice {
  readonly cpuMs: number;
  readonly perSecond: number;
}

/**
 * Lets the contenders take turns: a machine that is slower for a while is slower for all of them. What counts is the CPU
 * time of all processes, PostgreSQL's included, for throughput depends on what else the machine does.
 */
export async function measure(
  contenders: readonly Contender[],
  { postmaster, rounds, progress }: Measure,
): Promise<Measurement[]> {
  const slices = contenders.map((): Slice[] => []);
  const bases = contenders.map(({ base }): Slice[] | undefined => base && []);
  for (let round = 0; round < rounds; round += 1)
    for (const [i, contender] of contenders.entries()) {
      progress(`round ${round + 1} of ${rounds}: ${contender.name}`);
      if (contender.base)
        bases[i]?.push(await slice(contender.base, postmaster));
      slices[i]?.push(await slice(contender, postmaster));
    }
  return contenders.map(({ name, goal }, i) => {
    const own = slices[i] ?? [];
    const base = bases[i] ?? slices[0] ?? [];
    const ratios = (key: keyof Slice) =>
      own.map((one, round) => one[key] / (base[round]?.[key] ?? NaN));
    return {
      name,
      cpuMs: median(own.map(({ cpuMs }) => cpuMs)),
      perSecond: median(own.map(({ perSecond }) => perSecond)),
      cpuRatio: median(ratios("cpuMs")),
      speedRatio: median(ratios("perSecond")),
      goal,
    };
  });
}

async function slice(
  { processes, prepare, run, ...own }: Contender,
  ofBench: number,
): Promise<Slice> {
  const postmaster = own.postmaster ?? ofBench;
  await prepare?.();
  const cpuBefore = cpuMs(postmaster, processes);
  const start = performance.now();
  const units = await run();
  const seconds = (performance.now() - start) / 1000;
  const cpu = cpuMs(postmaster, processes) - cpuBefore;
  return { cpuMs: cpu / units, perSecond: units / seconds };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const at = (i: number) => sorted[i] ?? NaN;
  return (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
}
