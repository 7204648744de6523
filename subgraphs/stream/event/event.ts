import type { ValueKind } from "./asked.ts";
import {
  slotsOf,
  valueIn,
  type ReadSlot,
  type StoredValues,
  type Value,
  type ValueProperty,
} from "./shape.ts";
import { converted } from "./unit.ts";

export interface Event {
  readonly timestamp: string;
  /** The first property's. */
  readonly value: Value;
  /** By property. */
  readonly values: Readonly<Record<string, Value>>;
}

/** An event with what it takes to understand its values. */
export interface StoredEvent extends StoredValues {
  readonly timestamp: string;
  /** Of the type's properties, in their order. */
  readonly names: readonly string[];
  readonly kinds: readonly ValueKind[];
  readonly states: readonly (readonly string[] | null)[];
}

/** Of its values only those are made that are asked for: there may be a thousand events. */
export const toEvent = (stored: StoredEvent): Event => ({
  timestamp: stored.timestamp,
  get value() {
    const [slot] = slotsOf(propertiesOf(stored, 1));
    return slot ? valueIn(slot, stored) : null;
  },
  get values() {
    return Object.fromEntries(
      slotsOf(propertiesOf(stored)).map((slot) => [
        slot.name,
        valueIn(slot, stored),
      ]),
    );
  },
});

const propertiesOf = (
  { names, kinds, states }: StoredEvent,
  count?: number,
): ValueProperty[] =>
  names.slice(0, count).map((name, i) => ({
    name,
    kind: kinds[i] ?? "FLOAT",
    states: states[i] ?? null,
  }));

/** The event with its numbers in the unit of these slots. */
export function convertedTo(slots: readonly ReadSlot[], event: Event): Event {
  const stored = event.values;
  const values = slots.map(({ name, conversion }): [string, Value] => [
    name,
    converted(stored[name] ?? null, conversion),
  ]);
  return {
    timestamp: event.timestamp,
    value: values[0]?.[1] ?? null,
    values: Object.fromEntries(values),
  };
}
