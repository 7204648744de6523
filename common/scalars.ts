import { GraphQLError, GraphQLScalarType, valueFromASTUntyped } from "graphql";
import { parseDateTime } from "./date-time.ts";
import { PackedJson } from "./packed.ts";

const badInput = (message: string) =>
  new GraphQLError(message, { extensions: { code: "BAD_USER_INPUT" } });

function dateTimeFrom(value: unknown): string {
  const parsed = typeof value === "string" ? parseDateTime(value) : null;
  if (parsed === null)
    throw badInput(
      `${JSON.stringify(value)?.slice(0, 60)} is no DateTime. Write RFC 3339 with an offset and at most microseconds, from 1970 to 2200, e.g. "2026-01-31T08:00:00.5+00:00".`,
    );
  return parsed;
}

/** Stores hand timestamps out in the form of the contract already. */
export const DateTime = new GraphQLScalarType<string, unknown>({
  name: "DateTime",
  serialize: (value) => value,
  parseValue: dateTimeFrom,
  parseLiteral: (node) => dateTimeFrom(valueFromASTUntyped(node)),
});

export const Json = new GraphQLScalarType<unknown, unknown>({
  name: "JSON",
  serialize: (value) => value,
  parseValue: (value) => value,
  parseLiteral: valueFromASTUntyped,
});

const packedColumn = (name: string) =>
  new GraphQLScalarType<unknown[], PackedJson>({
    name,
    serialize: (value) => {
      if (value instanceof PackedJson) return value;
      throw new Error(`${name} must be packed by the store.`);
    },
    parseValue: (value) => columnFrom(value, name),
    parseLiteral: (node, variables) =>
      columnFrom(valueFromASTUntyped(node, variables), name),
  });

function columnFrom(value: unknown, name: string): unknown[] {
  if (!Array.isArray(value))
    throw badInput(`${name} must be one array, e.g. [1, 2, null].`);
  return value;
}

export const Timestamps = packedColumn("Timestamps");
export const Values = packedColumn("Values");
