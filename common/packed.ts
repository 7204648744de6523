import { randomBytes } from "node:crypto";
import type { FormattedExecutionResult } from "graphql";

/**
 * A JSON text that PostgreSQL built and that leaves the server as it is: neither parsed nor walked.
 * It travels as one opaque value through resolvers, executor and gateway.
 */
export class PackedJson {
  constructor(readonly text: string) {}

  /** Called by JSON.stringify: leaves a hole that `stringifyResult` fills. */
  toJSON(): string {
    if (texts === undefined)
      throw new Error("Packed JSON can only be written by stringifyResult.");
    if (texts.push(this.text) === 1)
      mark = randomBytes(18).toString("base64url");
    return mark;
  }
}

/** Those that the holes of the answer at hand are to be filled with. */
let texts: string[] | undefined;
/** Drawn for each answer, after its values were fixed, so that no value can imitate a hole. */
let mark = "";

/** The answer as JSON text, packed columns spliced in as real arrays. */
export function stringifyResult(result: FormattedExecutionResult): string {
  const packed: string[] = (texts = []);
  try {
    const text = JSON.stringify(result);
    if (packed.length === 0) return text;
    return text
      .split(`"${mark}"`)
      .reduce((out, piece, i) => out + (packed[i - 1] ?? "") + piece);
  } finally {
    texts = undefined;
  }
}
