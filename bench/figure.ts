import type { Contender } from "./measure.ts";
import type { Tokens } from "./tokens.ts";
import type { Database, World } from "./world.ts";

/** What a figure is taken with. */
export interface Bench {
  readonly database: Database;
  readonly world: World;
  readonly tokens: Tokens;
  readonly progress: (doing: string) => void;
  /** How many streams a search looks through, if not a million. */
  readonly streams: number | undefined;
  /** How many events the long past has, if not as many as its figure wants. */
  readonly events: number | undefined;
  /** Whether the long past is left on the disk for the next time. */
  readonly isKept: boolean;
  /** Whether the command names this part of the figure, or no part at all. */
  readonly isWanted: (part: string) => boolean;
  /** Registers what is to be ended when the figure has been taken. */
  readonly onEnd: (end: () => Promise<void>) => void;
}

/** Something that is compared with something else. */
export interface Figure {
  readonly name: string;
  readonly title: string;
  /** What is done, and what the first contender is; Markdown. */
  readonly about: string;
  /** What throughput counts. */
  readonly unit: string;
  /** CPU: that of a unit, less is better. SPEED: units in the same CPU time, more is better. */
  readonly ratio: "CPU" | "SPEED";
  readonly rounds: number;
  /** Whether it takes so long, and so much room, that it is taken only if it is named. */
  readonly isLong?: boolean;
  /** Starts the contenders, the one that is 1 first, and checks that they do the same. */
  readonly contenders: (bench: Bench) => Promise<Contender[]>;
  /** What else is measured, in a sentence below the table. */
  readonly note?: (bench: Bench) => Promise<string>;
}
