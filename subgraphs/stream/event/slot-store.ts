import { overridden } from "../stream/overrides.ts";
import { typeOf, type Stream, type StreamStore } from "../stream/store.ts";
import type { StreamTypeStore } from "../stream-type/store.ts";
import { slotsOf, type ReadSlot } from "./shape.ts";

/** What of a stream there is to read. */
export class SlotStore {
  constructor(
    private readonly streams: StreamStore,
    private readonly streamTypes: StreamTypeStore,
  ) {}

  async of(stream: Stream): Promise<ReadSlot[]> {
    const [properties, overrides] = await Promise.all([
      this.streamTypes.properties(typeOf(stream)),
      this.streams.overrides(stream),
    ]);
    return slotsOf(overridden(properties, overrides));
  }
}
