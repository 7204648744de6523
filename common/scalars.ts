import { GraphQLError, GraphQLScalarType, valueFromASTUntyped } from "graphql";
import { PackedJson } from "./packed.ts";

const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * An RFC 3339 timestamp in UTC with microseconds (`2026-01-31T08:00:00.5+00:00`), or null if the text is none.
 * Years 1970 to 2200, as everywhere in the product. Leap seconds are refused: PostgreSQL would move them.
 */
export function parseDateTime(text: string): string | null {
  const match = rfc3339.exec(text);
  if (!match) return null;
  const [
    ,
    year,
    month,
    day,
    hour,
    minute,
    second,
    fraction = "",
    sign,
    offsetHours,
    offsetMinutes,
  ] = match;
  const local = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
  // Date.UTC rolls 31 February over into March; what does not come back as it went in never existed.
  const asWritten = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  if (Number.isNaN(local) || new Date(local).toISOString() !== asWritten)
    return null;
  if (Number(offsetHours ?? 0) > 23 || Number(offsetMinutes ?? 0) > 59)
    return null;
  const offsetMs =
    (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * 60_000;
  const utc = new Date(local - (sign === "-" ? -offsetMs : offsetMs));
  if (utc.getUTCFullYear() < 1970 || utc.getUTCFullYear() > 2200) return null;
  const micros = fraction.replace(/0+$/, "");
  return `${utc.toISOString().slice(0, 19)}${micros && `.${micros}`}+00:00`;
}

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
