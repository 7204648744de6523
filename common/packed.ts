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
    if (holes === undefined)
      throw new Error("Packed JSON can only be written by stringifyResult.");
    holes.texts.push(this.text);
    return holes.mark;
  }
}

let holes: { readonly mark: string; readonly texts: string[] } | undefined;

/**
 * The answer as JSON text, packed columns spliced in as real arrays.
 * The mark is drawn for each answer, after its values were fixed, so no value can imitate a hole.
 */
export function stringifyResult(result: FormattedExecutionResult): string {
  holes = { mark: randomBytes(18).toString("base64url"), texts: [] };
  try {
    const pieces = JSON.stringify(result).split(`"${holes.mark}"`);
    const { texts } = holes;
    return pieces.reduce((out, piece, i) => out + (texts[i - 1] ?? "") + piece);
  } finally {
    holes = undefined;
  }
}
