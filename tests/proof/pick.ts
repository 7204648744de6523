import fc from "fast-check";
import {
  byId,
  isOpen,
  membershipOf,
  type Community,
  type Identity,
  type State,
} from "./state.ts";

/** Whom or what a step names, told as a number that means something in every state, so that histories can shrink. */
export class Pick {
  constructor(
    private readonly kind: keyof typeof choices,
    private readonly at: number,
  ) {}

  /** Mostly something near the actor, for a history of refusals shows little; 0 where there is nothing. */
  from(state: State, actor: Identity, shift: number): number {
    const { all, near } = choices[this.kind](state, actor);
    const among = this.at < 12 && near.length > 0 ? near : all;
    return among[(this.at + shift) % among.length]?.id ?? 0;
  }

  toJSON(): string {
    return `${this.kind} ${this.at}`;
  }
}

const choices = {
  tenant: ({ tenants }: State, actor: Identity) => ({
    all: tenants,
    near: tenants.filter(({ id }) => id !== actor.tenant),
  }),
  identity: ({ identities }: State, actor: Identity) =>
    colleagues(identities, actor),
  user: ({ identities }: State, actor: Identity) =>
    colleagues(identities, actor, "USER"),
  client: ({ identities }: State, actor: Identity) =>
    colleagues(identities, actor, "CLIENT"),
  community: (state: State, actor: Identity) => ({
    all: state.communities,
    near: state.communities.filter(
      (community: Community) =>
        membershipOf(state, community, actor.tenant) !== undefined,
    ),
  }),
  invitation: ({ invitations }: State) => ({
    all: invitations,
    near: invitations.filter(isOpen),
  }),
  acceptance: ({ invitations }: State) => ({
    all: invitations,
    near: invitations.filter(({ state }) => state === "ACCEPTED"),
  }),
  stream: ({ streams }: State, actor: Identity) => colleagues(streams, actor),
  namespace: ({ namespaces }: State, actor: Identity) =>
    colleagues(namespaces, actor),
  type: ({ types, namespaces }: State, { tenant }: Identity) => ({
    all: types,
    near: types.filter(
      ({ namespace }) => byId(namespaces, namespace).tenant === tenant,
    ),
  }),
};

/** What belongs to tenants, and of identities mostly those of one kind. */
function colleagues<T extends { tenant: number; kind?: Identity["kind"] }>(
  all: readonly T[],
  { tenant }: Identity,
  kind?: Identity["kind"],
) {
  return {
    all,
    near: all.filter(
      (one) =>
        one.tenant === tenant && (kind === undefined || one.kind === kind),
    ),
  };
}

const pick = (kind: keyof typeof choices) =>
  fc.nat({ max: 15 }).map((at) => new Pick(kind, at));

export const invitation = pick("invitation");
export const acceptance = pick("acceptance");
export const tenant = pick("tenant");
export const identity = pick("identity");
export const user = pick("user");
export const client = pick("client");
export const namespace = pick("namespace");
export const type = pick("type");
export const community = pick("community");
export const stream = pick("stream");

/** Arguments with ids in the places of picks. */
export type Resolved<T> = T extends Pick
  ? number
  : T extends readonly (infer Item)[]
    ? readonly Resolved<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Resolved<T[Key]> }
      : T;

/** `shift` moves every pick on by so much. */
export function resolve<T>(
  args: T,
  state: State,
  actor: Identity,
  shift: number,
): Resolved<T>;
export function resolve(
  args: unknown,
  state: State,
  actor: Identity,
  shift: number,
): unknown {
  if (args instanceof Pick) return args.from(state, actor, shift);
  if (Array.isArray(args))
    return args.map((item: unknown) => resolve(item, state, actor, shift));
  if (typeof args !== "object" || args === null) return args;
  return Object.fromEntries(
    Object.entries(args).map(([name, arg]) => [
      name,
      resolve(arg as unknown, state, actor, shift),
    ]),
  );
}

/** The id in the graph; one that was never issued where there is nothing. */
export const uuidOf = (list: readonly { uuid: string }[], id: number): string =>
  list[id - 1]?.uuid ?? "00000000-0000-4000-8000-000000000000";

export const actorAt = ({ identities }: State, at: number): Identity =>
  byId(identities, (at % identities.length) + 1);
