import { parse, stringify } from "yaml";
import { StartError } from "../../common/config.ts";

/** A breaking change that was decided on. */
export interface Acknowledged {
  readonly change: string;
  /** Why, and what clients do instead. */
  readonly reason: string;
  readonly date: string;
}

const comment = `# Changes that break clients of schema/api.graphql and were decided on. "npm run contract" refuses all others, and names
# each as it is written here, with its reason and its date.
`;

export function readAcknowledged(file: string, text: string): Acknowledged[] {
  const list: unknown = parse(text);
  if (!Array.isArray(list)) throw new StartError(`${file} must be a list.`);
  for (const [i, entry] of list.entries())
    for (const key of ["change", "reason", "date"])
      if (!isText((entry as Record<string, unknown> | null)?.[key]))
        throw new StartError(`${file}: entry ${i + 1} needs a ${key}.`);
  return list as Acknowledged[];
}

const isText = (value: unknown) => typeof value === "string" && value !== "";

export const entries = (list: readonly Acknowledged[]) =>
  stringify(list, { lineWidth: 0 });

/** The file where nothing is acknowledged. */
export const noneAcknowledged = comment + entries([]);
