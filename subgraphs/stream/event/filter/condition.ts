import { parseMicros } from "../../../../common/date-time.ts";
import { plain, sql, type Sql } from "../../../../common/sql.ts";
import type { ValueKind } from "../asked.ts";
import type { Slot } from "../shape.ts";
import { filterFault, type Expression, type Operator } from "./syntax.ts";

type Type = "number" | "boolean" | "text" | "time" | "state";

interface Typed {
  readonly sql: Sql;
  readonly type: Type;
  readonly position: number;
  /** Of a state: all that it can be. */
  readonly states?: readonly string[] | null;
  /** Of a text that was written out: it can stand for a time or a state. */
  readonly literal?: string;
}

const typeOf: Record<ValueKind, Type> = {
  FLOAT: "number",
  INTEGER: "number",
  BOOLEAN: "boolean",
  TEXT: "text",
  TIMESTAMP: "time",
  ENUM: "state",
};

const named: Record<Type, string> = {
  number: "a number",
  boolean: "true or false",
  text: "a text",
  time: "a time",
  state: "a state",
};

/** What is true for the events that a filter keeps; `stored` is what a slot holds. */
export function conditionOf(
  filter: Expression,
  slots: readonly Slot[],
  stored: (slot: Slot) => Sql,
): Sql {
  return new Compiler(slots, stored).of(filter, "boolean").sql;
}

class Compiler {
  constructor(
    private readonly slots: readonly Slot[],
    private readonly stored: (slot: Slot) => Sql,
  ) {}

  of(expression: Expression, wanted: Type): Typed {
    const typed = this.typed(expression);
    if (typed.type === wanted) return typed;
    throw filterFault(
      typed.position,
      `${named[wanted]} belongs here, and this is ${named[typed.type]}.`,
    );
  }

  private typed(expression: Expression): Typed {
    const { position } = expression;
    switch (expression.is) {
      case "number":
        return {
          type: "number",
          sql: sql`${expression.value}::float8`,
          position,
        };
      case "text":
        return {
          type: "text",
          sql: sql`${expression.value}::text`,
          literal: expression.value,
          position,
        };
      case "boolean":
        return {
          type: "boolean",
          sql: plain(String(expression.value)),
          position,
        };
      case "property":
        return this.property(expression.name, position);
      case "negative": {
        const of = this.of(expression.of, "number");
        return { ...of, sql: sql`(- ${of.sql})`, position };
      }
      case "not": {
        const of = this.of(expression.of, "boolean");
        return { ...of, sql: sql`(not ${of.sql})`, position };
      }
      case "null": {
        const of = this.typed(expression.of);
        return {
          type: "boolean",
          sql: expression.negated
            ? sql`(${of.sql} is not null)`
            : sql`(${of.sql} is null)`,
          position,
        };
      }
      case "operation":
        return this.operation(expression);
    }
  }

  private property(name: string, position: number): Typed {
    const slot = this.slots.find((slot) => slot.name === name);
    if (!slot)
      throw filterFault(
        position,
        `there is no property ${JSON.stringify(name.slice(0, 60))}. There is ${this.slots.map(({ name }) => `"${name}"`).join(", ")}.`,
      );
    const type = typeOf[slot.kind];
    const stored = this.stored(slot);
    return {
      type,
      sql: type === "boolean" ? sql`(${stored} <> 0)` : stored,
      position,
      ...(type === "state" && { states: slot.states }),
    };
  }

  private operation({
    operator,
    left,
    right,
    position,
  }: Extract<Expression, { is: "operation" }>): Typed {
    switch (operator) {
      case "and":
      case "or":
        return joined(
          "boolean",
          operator,
          this.of(left, "boolean"),
          this.of(right, "boolean"),
          position,
        );
      case "+":
      case "-":
      case "*":
      case "/": {
        const of = this.of(right, "number");
        // What is divided by nothing is nothing, not the end of the read.
        const divisor = { ...of, sql: sql`nullif(${of.sql}, 0)` };
        return joined(
          "number",
          operator,
          this.of(left, "number"),
          operator === "/" ? divisor : of,
          position,
        );
      }
      case "=":
      case "!=":
      case "<":
      case "<=":
      case ">":
      case ">=":
        return this.comparison(
          operator,
          this.typed(left),
          this.typed(right),
          position,
        );
    }
  }

  private comparison(
    operator: Operator,
    left: Typed,
    right: Typed,
    position: number,
  ): Typed {
    const [a, b] = [meant(left, right), meant(right, left)];
    if (a.type !== b.type)
      throw filterFault(
        position,
        `${named[a.type]} cannot be compared with ${named[b.type]}.`,
      );
    if (a.type === "state" && String(a.states) !== String(b.states))
      throw filterFault(position, "these two have different states.");
    const isOrdered = a.type !== "boolean" && a.type !== "state";
    if (!isOrdered && operator !== "=" && operator !== "!=")
      throw filterFault(
        position,
        `${named[a.type]} is compared by = and != alone.`,
      );
    return joined(
      "boolean",
      operator === "!=" ? "<>" : operator,
      a.type === "text" ? byCodePoints(a) : a,
      b,
      position,
    );
  }
}

/** A text that is compared alike in every database, whatever its collation. */
const byCodePoints = (text: Typed): Typed => ({
  ...text,
  sql: sql`${text.sql} collate "C"`,
});

const joined = (
  type: Type,
  operator: string,
  left: Typed,
  right: Typed,
  position: number,
): Typed => ({
  type,
  sql: sql`(${left.sql} ${plain(operator)} ${right.sql})`,
  position,
});

/** A text that was written out as what it is compared with; times are stored as microseconds, states as places. */
function meant(typed: Typed, other: Typed): Typed {
  const { literal, position } = typed;
  if (literal === undefined) return typed;
  const as = (value: number): Typed => ({
    ...other,
    sql: sql`${value}::float8`,
    position,
  });
  if (other.type === "time") {
    const micros = parseMicros(literal);
    if (micros === null)
      throw filterFault(
        position,
        `this is no time. Write RFC 3339, e.g. '2026-01-31T08:00:00+00:00'.`,
      );
    return as(micros);
  }
  if (other.type === "state") {
    const state = other.states?.indexOf(literal) ?? -1;
    if (state < 0)
      throw filterFault(
        position,
        `there is no state ${JSON.stringify(literal.slice(0, 60))}. There is ${other.states?.map((state) => JSON.stringify(state)).join(", ")}.`,
      );
    return as(state);
  }
  return typed;
}
