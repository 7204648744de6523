import type { Bench } from "./figure.ts";
import { question, type Questions } from "./load.ts";

interface Asking {
  /** Variables beside the community's `$id`. */
  readonly more?: () => object;
  readonly hasErrors?: boolean;
}

/** A question about every community of every reader, each reader in turn. */
export const askedByReaders =
  (query: string, { more = () => ({}), hasErrors = false }: Asking = {}) =>
  async ({ world, tokens }: Bench): Promise<Questions> => {
    const readers = await Promise.all(
      world.readers.map(async ({ identityId, communityIds }) => ({
        token: await tokens.sign(identityId),
        communityIds,
      })),
    );
    return (n) => {
      const { token, communityIds } = inTurn(readers, n);
      const id = inTurn(communityIds, Math.floor(n / readers.length));
      return question(query, { id, ...more() }, token, hasErrors);
    };
  };

export const inTurn = <T>(values: readonly T[], n: number): T =>
  values[n % values.length] as T;
