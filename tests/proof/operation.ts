import type fc from "fast-check";
import type { Viewer } from "../../common/viewer.ts";
import { as, type Answer } from "../support/run.ts";
import { resolve, type Resolved } from "./pick.ts";
import type { Product } from "./product.ts";
import { placeIn, type Place } from "./rules.ts";
import { byId, type Community, type Identity, type State } from "./state.ts";

export type Code =
  "UNAUTHENTICATED" | "FORBIDDEN" | "NOT_FOUND" | "CONFLICT" | "BAD_USER_INPUT";

/** What the domain says: why it is refused (any of these may be told), or what it changes. */
export type Verdict = readonly Code[] | ((answer: unknown) => void);

export interface Request {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** A mutation with its arguments, or what happens by itself, once it is known who performs it and when. */
export interface Attempt {
  readonly perform: (product: Product) => Promise<Answer>;
  /** The same by a dry run, where there is one. */
  readonly foresee?: (product: Product) => Promise<Answer>;
  /** In the state in which it was meant, or a later one. */
  readonly judge: (state: State) => Verdict;
}

export interface Operation {
  readonly args: unknown;
  readonly bind: (state: State, actor: Identity, shift: number) => Attempt;
}

interface Definition<Args, Prepared> {
  readonly args: fc.Arbitrary<Args>;
  readonly request: (state: State, args: Resolved<Args>) => Request;
  /** Whether the request has a variable `dryRun`. */
  readonly hasDryRun?: true;
  /** What is settled when the step is meant, though it be judged in a later state. */
  readonly prepare?: (state: State, args: Resolved<Args>) => Prepared;
  /** For an actor who is there. */
  readonly judge: (
    state: State,
    actor: Identity,
    args: Resolved<Args>,
    prepared: Prepared,
  ) => Verdict;
}

/** What an identity asks of the graph. */
export const operation = <Args, Prepared = undefined>({
  args,
  request,
  hasDryRun,
  prepare,
  judge,
}: Definition<Args, Prepared>): fc.Arbitrary<Operation> =>
  args.map((args) => ({
    args,
    bind(state, actor, shift) {
      const resolved = resolve(args, state, actor, shift);
      const prepared = prepare?.(state, resolved) as Prepared;
      const asked = request(state, resolved);
      const send = (dryRun?: boolean) =>
        sending(as(actor), {
          ...asked,
          variables: { ...asked.variables, ...(hasDryRun && { dryRun }) },
        });
      return {
        perform: send(false),
        ...(hasDryRun && { foresee: send(true) }),
        judge(state) {
          const now = byId(state.identities, actor.id);
          return now.state === "LIVE"
            ? judge(state, now, resolved, prepared)
            : ["UNAUTHENTICATED"];
        },
      };
    },
  }));

export const sending =
  (viewer: Viewer, { query, variables }: Request) =>
  ({ graph }: Product): Promise<Answer> =>
    graph.request(viewer, query, variables);

const done: Answer = { data: null, errors: [] };

/** What the operator or the clock does, beside the graph; it is never refused. */
export const happening = <Args>({
  args,
  happen,
  change,
}: {
  readonly args: fc.Arbitrary<Args>;
  readonly happen: (
    product: Product,
    state: State,
    args: Resolved<Args>,
  ) => Promise<void>;
  readonly change: (state: State, args: Resolved<Args>) => void;
}): fc.Arbitrary<Operation> =>
  args.map((args) => ({
    args,
    bind(state, actor, shift) {
      const resolved = resolve(args, state, actor, shift);
      return {
        async perform(product) {
          await happen(product, state, resolved);
          return done;
        },
        judge: (state) => () => change(state, resolved),
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
