import { rateLimited } from "../../../../common/errors.ts";
import { AtOnce } from "../at-once.ts";
import type { IngestLimits } from "./limits.ts";

/** Uploads that are under way in this process. */
export class Uploads {
  private readonly ofTenant: AtOnce<number>;
  private readonly all: AtOnce<"all">;

  constructor({
    perTenant,
    atOnce,
  }: Pick<IngestLimits, "perTenant" | "atOnce">) {
    this.ofTenant = new AtOnce(perTenant, () =>
      rateLimited(
        `At most ${perTenant} uploads of a tenant at a time. Send this one when another has ended.`,
      ),
    );
    this.all = new AtOnce(atOnce, () =>
      rateLimited(
        `At most ${atOnce} uploads at a time are taken here. Send this one in a moment.`,
      ),
    );
  }

  run<T>(tenantRowId: number, work: () => Promise<T>): Promise<T> {
    return this.ofTenant.run(tenantRowId, () => this.all.run("all", work));
  }
}
