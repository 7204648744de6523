/**
 * DOMAIN's rules about who sees and reads a stream, written a second time: over plain arrays, without SQL, and
 * without a line from the product. What the gate says is compared with what this says.
 */

export type TenantRole =
  | "ACCOUNT_ADMINISTRATOR"
  | "DATA_STEWARD"
  | "CONTRIBUTOR"
  | "VIEWER"
  | "MEMBER";
export type CommunityRole = "MEMBER" | "MODERATOR" | "ADMINISTRATOR";
export type Right =
  "READ" | "WRITE" | "DELETE" | "MANAGE_ACCESS_CONTROL" | "SHARE";

export interface Tenant {
  readonly id: number;
  readonly entitled: boolean;
}
export interface Identity {
  readonly id: number;
  readonly tenant: number;
  readonly state: "LIVE" | "DISABLED" | "REMOVED";
  /** MEMBER, which everyone has, is not listed. */
  readonly roles: readonly TenantRole[];
}
export interface Community {
  readonly id: number;
  /** The tenant that owns it. */
  readonly owner: number;
}
export interface Membership {
  readonly id: number;
  readonly community: number;
  readonly tenant: number;
  readonly status: "ACTIVE" | "PAUSED";
}
export interface Participation {
  readonly membership: number;
  readonly identity: number;
  readonly role: CommunityRole;
}
/** Ownership on its way to the tenant of a membership. */
export interface Offer {
  readonly community: number;
  readonly membership: number;
  readonly state: "OPEN" | "ACCEPTED" | "DUE";
}
/** A tenant that has accepted an invitation and waits to be confirmed. */
export interface Acceptance {
  readonly community: number;
  readonly tenant: number;
}
/** What a membership that is asked before a new tenant reads has said about one. */
export interface Approval {
  readonly sharing: number;
  readonly newcomer: number;
  readonly answer: "NONE YET" | "REFUSED" | "APPROVED";
}
export interface AccessEntry {
  readonly effect: "ALLOW" | "DENY";
  readonly rights: readonly Right[];
  readonly subject:
    { readonly role: TenantRole } | { readonly identity: number };
}
export interface Stream {
  readonly id: number;
  readonly tenant: number;
  readonly owner: number | null;
  readonly access: readonly AccessEntry[];
}
export interface Share {
  readonly stream: number;
  readonly membership: number;
}
export interface World {
  readonly tenants: readonly Tenant[];
  readonly identities: readonly Identity[];
  readonly communities: readonly Community[];
  readonly memberships: readonly Membership[];
  readonly offers: readonly Offer[];
  readonly acceptances: readonly Acceptance[];
  readonly approvals: readonly Approval[];
  readonly participations: readonly Participation[];
  readonly streams: readonly Stream[];
  readonly shares: readonly Share[];
}

export interface Decision {
  readonly sees: boolean;
  readonly rights: ReadonlySet<Right>;
}

const nothing: Decision = { sees: false, rights: new Set() };

/** Looks things up in a world; what is asked for must be there. */
export class Oracle {
  private readonly tenants: Map<number, Tenant>;
  private readonly memberships: Map<number, Membership>;
  private readonly participations: Map<number, Participation[]>;
  private readonly shares: Map<number, Share[]>;
  private readonly approvals: Map<number, Approval[]>;

  constructor(world: World) {
    this.tenants = new Map(world.tenants.map((tenant) => [tenant.id, tenant]));
    this.memberships = new Map(
      world.memberships.map((membership) => [membership.id, membership]),
    );
    this.participations = groupBy(
      world.participations,
      ({ identity }) => identity,
    );
    this.shares = groupBy(world.shares, ({ stream }) => stream);
    this.approvals = groupBy(world.approvals, ({ sharing }) => sharing);
  }

  /** What this identity may do with this stream now, and whether the stream exists for it at all. */
  decide(identity: Identity, stream: Stream): Decision {
    // Rule 14: a disabled or removed identity is nobody.
    if (identity.state !== "LIVE") return nothing;
    // Rule 12: own streams by the access list only; foreign ones by shares only.
    if (stream.tenant === identity.tenant)
      return this.decideOwn(identity, stream);
    return this.sharesFor(identity, stream).length > 0
      ? { sees: true, rights: new Set(["READ"]) }
      : nothing;
  }

  /** Rule 16: each way by which this identity reads this stream; null is the access list of its own tenant. */
  ways(identity: Identity, stream: Stream): (Share | null)[] {
    const { rights } = this.decide(identity, stream);
    if (!rights.has("READ")) return [];
    return stream.tenant === identity.tenant
      ? [null]
      : this.sharesFor(identity, stream);
  }

  private decideOwn(identity: Identity, stream: Stream): Decision {
    const concerns = ({ subject }: AccessEntry) =>
      "identity" in subject
        ? subject.identity === identity.id
        : subject.role === "MEMBER" || identity.roles.includes(subject.role);
    const entries = stream.access.filter(concerns);
    const rights = new Set<Right>();
    // Rights add up over roles, and deny beats allow.
    for (const { effect, rights: given } of entries)
      if (effect === "ALLOW") for (const right of given) rights.add(right);
    for (const { effect, rights: taken } of entries)
      if (effect === "DENY") for (const right of taken) rights.delete(right);
    // The owner identity always has Read, Write, Delete.
    if (stream.owner === identity.id)
      for (const right of ["READ", "WRITE", "DELETE"] as const)
        rights.add(right);
    // AA can always manage access.
    if (identity.roles.includes("ACCOUNT_ADMINISTRATOR"))
      rights.add("MANAGE_ACCESS_CONTROL");
    return {
      sees: rights.size > 0 || this.overseesShares(identity, stream),
      rights,
    };
  }

  /** T4, S5, S8: AA and DS for the whole tenant; CM and CA for the communities of that role. */
  private overseesShares(identity: Identity, stream: Stream): boolean {
    if (
      identity.roles.includes("ACCOUNT_ADMINISTRATOR") ||
      identity.roles.includes("DATA_STEWARD")
    )
      return true;
    const leads = (this.participations.get(identity.id) ?? [])
      .filter(({ role }) => role === "MODERATOR" || role === "ADMINISTRATOR")
      .map(({ membership }) => membership);
    return (this.shares.get(stream.id) ?? []).some(({ membership }) =>
      leads.includes(membership),
    );
  }

  /** S6, rules 2, 7, 13, 17: the shares that let the identity in, of which one is enough. */
  private sharesFor(identity: Identity, stream: Stream): Share[] {
    return (this.shares.get(stream.id) ?? []).filter((share) => {
      const sharing = this.memberships.get(share.membership);
      if (!sharing || sharing.status !== "ACTIVE") return false;
      if (
        !this.tenants.get(sharing.tenant)?.entitled ||
        !this.tenants.get(identity.tenant)?.entitled
      )
        return false;
      return (this.participations.get(identity.id) ?? []).some(
        ({ membership }) =>
          this.memberships.get(membership)?.community === sharing.community &&
          this.isOpenTo(sharing.id, membership),
      );
    });
  }

  /** Rule 17: where a membership is asked about a new tenant, it opens to it only when it has said so. */
  private isOpenTo(sharing: number, reading: number): boolean {
    return (this.approvals.get(sharing) ?? [])
      .filter(({ newcomer }) => newcomer === reading)
      .every(({ answer }) => answer === "APPROVED");
  }
}

function groupBy<T>(
  items: readonly T[],
  keyOf: (item: T) => number,
): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
