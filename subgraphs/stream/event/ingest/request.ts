import type { IncomingMessage } from "node:http";
import { badInput } from "../../../../common/errors.ts";
import { splitUrl } from "../../../../common/http-server.ts";
import type { WriteMode } from "../../generated.ts";
import { arrow } from "./arrow.ts";
import { csv } from "./csv.ts";
import { jsonLines } from "./json-lines.ts";
import type { Format } from "./rows.ts";

/** What an upload asks for, by its address. */
export interface Ingest {
  readonly mode: WriteMode;
  /** Streams are called by their external ids in this namespace, or without one by their ids. */
  readonly namespace: string | null;
  readonly idempotencyKey: string | null;
  /** Rows that are in the file and are passed over: those that an earlier upload has stored. */
  readonly skip: number;
}

const formats: Readonly<Record<string, Format>> = {
  "text/csv": csv,
  "application/x-ndjson": jsonLines,
  "application/jsonl": jsonLines,
  "application/vnd.apache.arrow.stream": arrow,
};

export const contentTypes = Object.keys(formats);

/** Null for one that nothing here reads. */
export function formatOf({ headers }: IncomingMessage): Format | null {
  const [type = ""] = (headers["content-type"] ?? "").split(";");
  const name = type.trim().toLowerCase();
  return Object.hasOwn(formats, name) ? (formats[name] ?? null) : null;
}

const modes: readonly WriteMode[] = ["UPSERT", "INSERT", "REPLACE", "PATCH"];
const parameters = ["mode", "namespace", "idempotencyKey", "skip"];

export function requestOf(request: IncomingMessage): Ingest {
  const [, search] = splitUrl(request);
  const query = new URLSearchParams(search);
  for (const name of query.keys())
    if (!parameters.includes(name) || query.getAll(name).length > 1)
      throw badInput(
        `Give ${parameters.join(", ")}, each once at most, and nothing else.`,
        name,
      );
  return {
    mode: modeFrom(query.get("mode") ?? "UPSERT"),
    namespace: query.get("namespace"),
    idempotencyKey: query.get("idempotencyKey"),
    skip: countFrom(query.get("skip") ?? "0"),
  };
}

function modeFrom(text: string): WriteMode {
  const mode = modes.find((mode) => mode === text);
  if (mode) return mode;
  throw badInput(`A mode is one of ${modes.join(", ")}.`, "mode");
}

function countFrom(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badInput("Give a number of rows: the rowCount of an answer.", "skip");
}
