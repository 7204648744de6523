import { forgetOldest } from "../../common/oldest.ts";

/** So long an identity is taken to be gone after it was found to be. */
const goneMs = 60_000;
/** As many are remembered; whoever is forgotten is found to be gone once more. */
const maxGone = 10_000;

/** Identities that their tenant has removed or disabled, whose tokens have not ended yet. */
export class GoneIdentities {
  private readonly until = new Map<string, number>();

  add(identityId: string): void {
    this.until.delete(identityId);
    this.until.set(identityId, performance.now() + goneMs);
    forgetOldest(this.until, maxGone);
  }

  has(identityId: string): boolean {
    return (this.until.get(identityId) ?? 0) > performance.now();
  }
}
