/** So long an identity is taken to be gone after it was found to be. */
const goneMs = 60_000;
/** As many are remembered; whoever is forgotten is found to be gone once more. */
const maxGone = 10_000;

/** Identities that their tenant has removed or disabled, whose tokens have not ended yet. */
export class Gone {
  private readonly until = new Map<string, number>();

  add(identityId: string): void {
    this.until.delete(identityId);
    this.until.set(identityId, performance.now() + goneMs);
    for (const oldest of this.until.keys()) {
      if (this.until.size <= maxGone) break;
      this.until.delete(oldest);
    }
  }

  has(identityId: string): boolean {
    return (this.until.get(identityId) ?? 0) > performance.now();
  }
}
