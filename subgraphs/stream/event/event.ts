import {
  valueIn,
  type ReadSlot,
  type Slot,
  type StoredValues,
  type Value,
} from "./shape.ts";
import { converted } from "./unit.ts";

export interface Event {
  readonly timestamp: string;
  /** The first property's. */
  readonly value: Value;
  /** By property. */
  readonly values: Readonly<Record<string, Value>>;
}

export interface StoredEvent extends StoredValues {
  readonly timestamp: string;
}

/** Of its values only those are made that are asked for: there may be a thousand events. */
export const toEvent = (
  stored: StoredEvent,
  shape: readonly Slot[],
): Event => ({
  timestamp: stored.timestamp,
  get value() {
    const [slot] = shape;
    return slot ? valueIn(slot, stored) : null;
  },
  get values() {
    return Object.fromEntries(
      shape.map((slot) => [slot.name, valueIn(slot, stored)]),
    );
  },
});

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
