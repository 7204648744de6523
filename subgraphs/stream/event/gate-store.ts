import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";
import type { Way } from "../usage/recorder-store.ts";
import { gated, wayOf } from "./read-store.ts";
import { unreadable } from "./refusals.ts";

/** What the gate says of a stream that it shows. */
interface Admission {
  readonly place: number;
  readonly rights: number;
  readonly way: Way | null;
}

/** What the gate says of streams when it is asked again, by place. */
export type Admissions = ReadonlyMap<number, Omit<Admission, "place">>;

/** For how long what the gate has said is taken for true. */
const holdsMilliseconds = 1_000;

/**
 * The gate, to be asked again. A statement asks it as it begins, and may run for long: what it has found meanwhile goes
 * to nobody who may not read it any more.
 */
export class GateStore {
  private readonly begin = performance.now();

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** Whether the request is so young that what any of its statements has found is taken for true. */
  get holds(): boolean {
    return performance.now() - this.begin < holdsMilliseconds;
  }

  /** What a statement about streams has found, and what the gate says of them after it; null if it was quick. */
  async run<Found>(
    streamIds: readonly string[] | string,
    statement: () => Promise<Found>,
  ): Promise<[Found, Admissions | null]> {
    const begin = performance.now();
    const found = await statement();
    const isQuick = performance.now() - begin < holdsMilliseconds;
    return [found, isQuick ? null : await this.ask(streamIds)];
  }

  async ask(streamIds: readonly string[] | string): Promise<Admissions> {
    const { identityId } = this.viewer;
    const { text, bindings } = sql`
      select v.place, v.rights, ${wayOf(identityId)} as way from ${gated(identityId, streamIds)}`;
    const rows = await prepared<Admission>(
      this.db,
      this.db.raw(text, bindings as Knex.RawBinding[]),
    );
    return new Map(rows.map(({ place, ...said }) => [place, said]));
  }
}

/** Why the events of the stream at a place are not to be read any more, if so. */
export function refusalAt(
  place: number,
  admissions: Admissions | null,
  at?: string,
): Error | null {
  if (admissions === null) return null;
  const admission = admissions.get(place);
  if (!admission) return notFound(at);
  return includes(admission.rights, "READ") ? null : unreadable(at);
}

/** Of the first of these streams of which there is one, with its place in `ids`. */
export function firstRefusal(
  ids: readonly string[],
  admissions: Admissions | null,
): Error | null {
  const refusals = ids.map((_, i) => refusalAt(i + 1, admissions, `ids.${i}`));
  return refusals.find((refusal) => refusal !== null) ?? null;
}
