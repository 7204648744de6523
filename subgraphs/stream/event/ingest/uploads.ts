import { rateLimited } from "../../../../common/errors.ts";
import type { IngestLimits } from "./limits.ts";

/** Uploads that are under way in this process. */
export class Uploads {
  private count = 0;
  private readonly byTenant = new Map<number, number>();

  constructor(
    private readonly limits: Pick<IngestLimits, "perTenant" | "atOnce">,
  ) {}

  async run<T>(tenantRowId: number, work: () => Promise<T>): Promise<T> {
    const { perTenant, atOnce } = this.limits;
    const ofTenant = this.byTenant.get(tenantRowId) ?? 0;
    if (ofTenant >= perTenant)
      throw rateLimited(
        `At most ${perTenant} uploads of a tenant at a time. Send this one when another has ended.`,
      );
    if (this.count >= atOnce)
      throw rateLimited(
        `At most ${atOnce} uploads at a time are taken here. Send this one in a moment.`,
      );
    this.count += 1;
    this.byTenant.set(tenantRowId, ofTenant + 1);
    try {
      return await work();
    } finally {
      this.count -= 1;
      const left = (this.byTenant.get(tenantRowId) ?? 1) - 1;
      if (left > 0) this.byTenant.set(tenantRowId, left);
      else this.byTenant.delete(tenantRowId);
    }
  }
}
