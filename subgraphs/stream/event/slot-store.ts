import { overridden } from "../stream/overrides.ts";
import { typeOf, type Stream, type StreamStore } from "../stream/store.ts";
import type { StreamTypeStore } from "../stream-type/store.ts";
import { slotsOf, type ReadSlot } from "./shape.ts";

/** What of a stream there is to read, asked once for each time that it is found. */
export class SlotStore {
  private readonly found = new WeakMap<Stream, Promise<ReadSlot[]>>();

  constructor(
    private readonly streams: StreamStore,
    private readonly streamTypes: StreamTypeStore,
  ) {}

  of(stream: Stream): Promise<ReadSlot[]> {
    const slots = this.found.get(stream) ?? this.find(stream);
    this.found.set(stream, slots);
    return slots;
  }

  private async find(stream: Stream): Promise<ReadSlot[]> {
    const [properties, overrides] = await Promise.all([
      this.streamTypes.properties(typeOf(stream)),
      this.streams.overrides(stream),
    ]);
    return slotsOf(overridden(properties, overrides));
  }
}
