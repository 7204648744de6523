import type fc from "fast-check";
import { resolve, type Resolved } from "./pick.ts";
import { placeIn, type Place } from "./rules.ts";
import type { Community, Identity, State } from "./state.ts";

export type Code =
  "UNAUTHENTICATED" | "FORBIDDEN" | "NOT_FOUND" | "CONFLICT" | "BAD_USER_INPUT";

/** What the domain says: why it is refused (any of these may be told), or what it changes. */
export type Verdict = readonly Code[] | ((answer: unknown) => void);

export interface Request {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A mutation with its arguments, once it is known who performs it and when. */
export interface Bound {
  readonly request: Request;
  /** For an actor who is there; in this state or a later one. */
  readonly judge: (state: State, actor: Identity) => Verdict;
}

export interface Operation {
  readonly args: unknown;
  readonly bind: (state: State, actor: Identity, shift: number) => Bound;
}

interface Definition<Args, Prepared> {
  readonly args: fc.Arbitrary<Args>;
  readonly request: (state: State, args: Resolved<Args>) => Request;
  /** What is settled when the step is meant, though it be judged in a later state. */
  readonly prepare?: (state: State, args: Resolved<Args>) => Prepared;
  readonly judge: (
    state: State,
    actor: Identity,
    args: Resolved<Args>,
    prepared: Prepared,
  ) => Verdict;
}

export const operation = <Args, Prepared = undefined>({
  args,
  request,
  prepare,
  judge,
}: Definition<Args, Prepared>): fc.Arbitrary<Operation> =>
  args.map((args) => ({
    args,
    bind(state, actor, shift) {
      const resolved = resolve(args, state, actor, shift);
      const prepared = prepare?.(state, resolved) as Prepared;
      return {
        request: request(state, resolved),
        judge: (state, actor) => judge(state, actor, resolved, prepared),
      };
    },
  }));

/** The verdict on what happens in a community that the actor must see. */
export function inCommunity(
  state: State,
  actor: Identity,
  id: number,
  judge: (place: Place, community: Community) => Verdict,
): Verdict {
  const community = state.communities[id - 1];
  const place = placeIn(state, actor, community);
  return place && community ? judge(place, community) : ["NOT_FOUND"];
}
