import type {
  AccessEntry,
  CommunityRole,
  TenantRole,
  World,
} from "../oracle/rules.ts";

/**
 * Everything that the domain knows, as plain lists; ids are places in these lists, counted from 1 as in the oracle's
 * worlds. What has ended keeps its place.
 */
export interface State {
  readonly tenants: Tenant[];
  readonly identities: Identity[];
  readonly communities: Community[];
  readonly memberships: Membership[];
  readonly invitations: Invitation[];
  readonly approvals: Approval[];
  readonly offers: Offer[];
  readonly namespaces: Namespace[];
  readonly types: StreamType[];
  readonly streams: Stream[];
  readonly shares: Share[];
}

export interface Tenant extends Policy {
  readonly id: number;
  readonly uuid: string;
  entitled: boolean;
}
/** What a tenant decides for itself. */
export interface Policy {
  moderatorsAreAdministrators: boolean;
  communityFounders: readonly TenantRole[];
  usesPseudonyms: boolean;
}
export const defaultPolicy: Policy = {
  moderatorsAreAdministrators: true,
  communityFounders: [],
  usesPseudonyms: false,
};
export interface Identity {
  readonly id: number;
  readonly uuid: string;
  readonly tenant: number;
  readonly kind: "USER" | "CLIENT";
  /** Nobody's, of a client. */
  readonly email: string;
  state: "LIVE" | "DISABLED" | "REMOVED";
  roles: readonly TenantRole[];
}
export interface Community {
  readonly id: number;
  readonly uuid: string;
  name: string;
  owner: number;
  hasEnded: boolean;
}
export interface Membership {
  readonly id: number;
  readonly community: number;
  readonly tenant: number;
  status: "ACTIVE" | "PAUSED" | "ENDED";
  newTenantsRead: NewTenantsRead;
  /** By identity. */
  readonly roles: Map<number, CommunityRole>;
}
export type NewTenantsRead = "AT_ONCE" | "AFTER_APPROVAL";
export interface Invitation {
  readonly id: number;
  readonly uuid: string;
  readonly community: number;
  readonly email: string;
  /** How often it was sent; each time the link is another. */
  sendings: number;
  state:
    | "CREATED"
    | "ACCEPTED"
    | "CONFIRMED"
    | "DECLINED"
    | "WITHDRAWN"
    | "CANCELLED"
    | "EXPIRED";
  acceptance: Acceptance | null;
}
export interface Acceptance {
  readonly tenant: number;
  /** Of who accepted. */
  readonly email: string;
  readonly moderators: readonly number[];
  readonly newTenantsRead: NewTenantsRead;
}
/** Rule 17: what a membership that is to be asked has said about a new one. */
export interface Approval {
  readonly sharing: number;
  readonly newcomer: number;
  answer: "NONE YET" | "REFUSED" | "APPROVED";
}
/** Ownership on its way to the tenant of a membership. */
export interface Offer {
  readonly membership: number;
  acceptedBy: number | null;
}
export interface Namespace {
  readonly id: number;
  readonly uuid: string;
  readonly tenant: number;
  readonly name: string;
  access: readonly AccessEntry[];
}
export interface StreamType {
  readonly id: number;
  readonly uuid: string;
  readonly namespace: number;
  readonly name: string;
}
export interface Stream {
  readonly id: number;
  readonly uuid: string;
  readonly tenant: number;
  readonly namespace: number;
  readonly type: number;
  readonly externalId: string;
  readonly owner: number | null;
  access: readonly AccessEntry[];
  hasEvents: boolean;
  isDeleted: boolean;
}
export interface Share {
  readonly stream: number;
  readonly membership: number;
}

export const livingStreams = ({ streams }: State): Stream[] =>
  streams.filter(({ isDeleted }) => !isDeleted);

/** As the oracle of the read gate wants it. */
export const worldOf = (state: State): World => ({
  tenants: state.tenants,
  identities: state.identities,
  communities: state.communities.filter(({ hasEnded }) => !hasEnded),
  // What is on its way is not read by.
  offers: [],
  acceptances: [],
  approvals: state.approvals,
  memberships: state.memberships.flatMap(({ status, ...membership }) =>
    status === "ENDED" ? [] : [{ ...membership, status }],
  ),
  participations: state.memberships.flatMap(({ id, status, roles }) =>
    status === "ENDED"
      ? []
      : [...roles].map(([identity, role]) => ({
          membership: id,
          identity,
          role,
        })),
  ),
  streams: livingStreams(state),
  shares: state.shares,
});

/** Adds with the next free id. */
export function add<T extends { readonly id: number }>(
  list: T[],
  item: Omit<T, "id">,
): T {
  const added = { ...item, id: list.length + 1 } as T;
  list.push(added);
  return added;
}

export const byId = <T>(list: readonly T[], id: number): T => list[id - 1] as T;

/** The tenant's place in the community, while it has one. */
export const membershipOf = (
  { memberships }: State,
  { id }: Community,
  tenant: number,
): Membership | undefined =>
  memberships.find(
    (membership) =>
      membership.community === id &&
      membership.tenant === tenant &&
      membership.status !== "ENDED",
  );

export const isAdministrator = ({ roles }: Identity) =>
  roles.includes("ACCOUNT_ADMINISTRATOR");

/** Whether an invitation can still lead to a membership. */
export const isOpen = ({ state }: Invitation) =>
  state === "CREATED" || state === "ACCEPTED";

/** Of one community there is one offer at most. */
export const offerOf = (
  { offers, memberships }: State,
  { id }: Community,
): Offer | undefined =>
  offers.find(
    ({ membership }) => byId(memberships, membership).community === id,
  );

export const endOffer = ({ offers }: State, ended: Offer): void =>
  keep(offers, (offer) => offer !== ended);

/** What is kept, in the words of the graph, for a comparison with the tables. */
export const kept = (state: State) => ({
  tenants: sorted(
    state.tenants.map((tenant) =>
      [
        ...[tenant.uuid, tenant.entitled, tenant.moderatorsAreAdministrators],
        ...[tenant.usesPseudonyms, ...[...tenant.communityFounders].sort()],
      ].join(" "),
    ),
  ),
  identities: sorted(
    state.identities
      .filter(({ state }) => state !== "REMOVED")
      .map(({ uuid, state, roles }) =>
        [uuid, state, ...[...roles].sort()].join(" "),
      ),
  ),
  communities: sorted(
    state.communities
      .filter(({ hasEnded }) => !hasEnded)
      .map(({ uuid, name, owner }) =>
        [uuid, name, byId(state.tenants, owner).uuid].join(" "),
      ),
  ),
  memberships: sorted(
    living(state).map((membership) =>
      [...key(state, membership), membership.status].join(" "),
    ),
  ),
  roles: sorted(
    living(state).flatMap((membership) =>
      [...membership.roles].map(([identity, role]) =>
        [
          key(state, membership)[0],
          byId(state.identities, identity).uuid,
          role,
        ].join(" "),
      ),
    ),
  ),
  invitations: sorted(
    state.invitations.map(({ uuid, state }) => [uuid, state].join(" ")),
  ),
  waiting: sorted(
    state.approvals
      .filter(({ answer }) => answer !== "APPROVED")
      .map(({ sharing, newcomer, answer }) =>
        [
          ...key(state, byId(state.memberships, sharing)),
          key(state, byId(state.memberships, newcomer))[1],
          answer === "REFUSED" ? "REFUSED" : "WAITING",
        ].join(" "),
      ),
  ),
  offers: sorted(
    state.offers.map(({ membership, acceptedBy }) =>
      [
        ...key(state, byId(state.memberships, membership)),
        acceptedBy !== null,
      ].join(" "),
    ),
  ),
  streams: sorted(livingStreams(state).map(({ uuid }) => uuid)),
  shares: sorted(
    state.shares.map(({ stream, membership }) =>
      [
        byId(state.streams, stream).uuid,
        ...key(state, byId(state.memberships, membership)),
      ].join(" "),
    ),
  ),
});

export type Kept = ReturnType<typeof kept>;

const living = ({ memberships }: State) =>
  memberships.filter(({ status }) => status !== "ENDED");

const key = (state: State, { community, tenant }: Membership) => [
  byId(state.communities, community).uuid,
  byId(state.tenants, tenant).uuid,
];

const sorted = (lines: string[]) => lines.sort();

/** Ends a membership with its roles and shares. */
export function end(state: State, membership: Membership): void {
  membership.status = "ENDED";
  membership.roles.clear();
  keepShares(state, (share) => share.membership !== membership.id);
  keep(state.offers, (offer) => offer.membership !== membership.id);
  keep(
    state.approvals,
    ({ sharing, newcomer }) =>
      sharing !== membership.id && newcomer !== membership.id,
  );
}

export const keepShares = (
  { shares }: State,
  isKept: (share: Share) => boolean,
): void => keep(shares, isKept);

function keep<T>(list: T[], isKept: (item: T) => boolean): void {
  list.splice(0, list.length, ...list.filter(isKept));
}

/**
 * A tenant's new membership; who asks to be asked is asked about it, by rule 17.
 */
export function join(
  state: State,
  membership: Omit<Membership, "id" | "status">,
): void {
  const asking = state.memberships.filter(
    ({ community, status, newTenantsRead }) =>
      community === membership.community &&
      status !== "ENDED" &&
      newTenantsRead === "AFTER_APPROVAL",
  );
  const { id } = add(state.memberships, { ...membership, status: "ACTIVE" });
  for (const { id: sharing } of asking)
    state.approvals.push({ sharing, newcomer: id, answer: "NONE YET" });
}
