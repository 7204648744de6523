import { rateLimited } from "../../../../common/errors.ts";
import type { IngestLimits } from "./limits.ts";

/** Uploads that are under way in this process. */
export class Uploads {
  private readonly places = new Set<Place>();

  constructor(
    private readonly limits: Pick<
      IngestLimits,
      "perTenant" | "atOnce" | "yieldMs"
    >,
  ) {}

  async run<T>(
    tenantRowId: number,
    work: (place: Place) => Promise<T>,
  ): Promise<T> {
    this.makeRoomFor(tenantRowId);
    const place = new Place(tenantRowId);
    this.places.add(place);
    try {
      return await work(place);
    } finally {
      this.places.delete(place);
    }
  }

  private makeRoomFor(tenantRowId: number): void {
    const { perTenant, atOnce, yieldMs } = this.limits;
    if (this.countOf(tenantRowId) >= perTenant)
      throw rateLimited(
        `At most ${perTenant} uploads of a tenant at a time. Send this one when another has ended.`,
      );
    if (this.places.size < atOnce) return;
    const idle = this.idleFor(tenantRowId);
    if (!idle)
      throw rateLimited(
        `At most ${atOnce} uploads at a time are taken here. Send this one in a moment.`,
      );
    this.places.delete(idle);
    idle.abandon.abort(
      rateLimited(
        `Others wait for this place, and what is stored at a time took longer than ${yieldMs / 1000} seconds to come. Send what is left in a moment.`,
      ),
    );
  }

  /** Of the tenants that have more uploads than this one: what has waited longest for its sender. */
  private idleFor(tenantRowId: number): Place | undefined {
    const count = this.countOf(tenantRowId);
    const latest = performance.now() - this.limits.yieldMs;
    return [...this.places]
      .filter(
        (place) =>
          place.waitingSince <= latest &&
          this.countOf(place.tenantRowId) > count,
      )
      .sort((a, b) => a.waitingSince - b.waitingSince)[0];
  }

  private countOf(tenantRowId: number): number {
    let count = 0;
    for (const place of this.places)
      if (place.tenantRowId === tenantRowId) count += 1;
    return count;
  }
}

/** One upload among them. */
class Place {
  /** Ends the upload, by the error that it is answered with. */
  readonly abandon = new AbortController();
  /** Since when nothing of it is being stored. */
  waitingSince = performance.now();

  constructor(readonly tenantRowId: number) {}

  /** While this lasts nobody takes the place. */
  async keepFor<T>(work: () => Promise<T>): Promise<T> {
    this.waitingSince = Infinity;
    try {
      return await work();
    } finally {
      this.waitingSince = performance.now();
    }
  }
}
