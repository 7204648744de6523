import type { Knex } from "knex";
import type {
  AccessEntry,
  Community,
  CommunityRole,
  Membership,
  Right,
  Share,
  Stream,
  Tenant,
  TenantRole,
  World,
} from "./rules.ts";

const rightsOf = (mask: number): Right[] =>
  (
    ["READ", "WRITE", "DELETE", "MANAGE_ACCESS_CONTROL", "SHARE"] as const
  ).filter((_, bit) => mask & (1 << bit));

/** What the tables hold now, as far as the rules about streams ask for it; the integers inside are its ids. */
export async function readWorld(db: Knex): Promise<World> {
  const { rows } = await db.raw<{ rows: [{ world: Tables }] }>(`
    select jsonb_build_object(
      'tenants', (select jsonb_agg(jsonb_build_object('id', t.id, 'entitled', exists (
          select from tenant.entitlements e where e.tenant_id = t.id and e.entitlement = 'COMMUNITIES')))
        from tenant.tenants t),
      'identities', (select jsonb_agg(jsonb_build_object('id', i.id, 'tenant', i.tenant_id, 'enabled', i.enabled, 'roles', array(
          select r.role from tenant.identity_roles r where r.tenant_id = i.tenant_id and r.identity_id = i.id)))
        from tenant.identities i),
      'communities', (select jsonb_agg(jsonb_build_object('id', id, 'owner', owner_tenant_id)) from community.communities),
      'memberships', (select jsonb_agg(jsonb_build_object(
          'id', id, 'community', community_id, 'tenant', tenant_id, 'status', status)) from community.memberships),
      'waiting', (select jsonb_agg(jsonb_build_object('sharing', sharing_id, 'newcomer', waiting_id, 'state', state))
        from community.waiting_tenants),
      'participations', (select jsonb_agg(jsonb_build_object(
          'membership', membership_id, 'identity', identity_id, 'role', role)) from community.members),
      'streams', (select jsonb_agg(jsonb_build_object('id', id, 'tenant', tenant_id, 'owner', owner_id, 'list', access_list_id))
        from stream.streams),
      'entries', (select jsonb_agg(jsonb_build_object(
          'list', list_id, 'effect', effect, 'rights', rights, 'role', role, 'identity', identity_id)) from stream.access_entries),
      'shares', (select jsonb_agg(jsonb_build_object('stream', stream_id, 'membership', membership_id)) from stream.shares)
    ) as world`);
  const read = rows[0].world;
  const entries = new Map<number, AccessEntry[]>();
  for (const { list, effect, rights, role, identity } of read.entries ?? [])
    entries.set(list, [
      ...(entries.get(list) ?? []),
      {
        effect,
        rights: rightsOf(rights),
        subject: role === null ? { identity: identity as number } : { role },
      },
    ]);
  return {
    tenants: read.tenants ?? [],
    identities: (read.identities ?? []).map(({ enabled, ...identity }) => ({
      ...identity,
      state: enabled ? "LIVE" : "DISABLED",
    })),
    communities: read.communities ?? [],
    memberships: read.memberships ?? [],
    offers: [],
    acceptances: [],
    approvals: (read.waiting ?? []).map(({ state, ...approval }) => ({
      ...approval,
      answer: state === "REFUSED" ? "REFUSED" : "NONE YET",
    })),
    participations: read.participations ?? [],
    streams: (read.streams ?? []).map(({ list, ...stream }) => ({
      ...stream,
      access: entries.get(list) ?? [],
    })),
    shares: read.shares ?? [],
  };
}

/** As the tables have it; null where one of them is empty. */
interface Tables {
  readonly tenants: readonly Tenant[] | null;
  readonly identities:
    | readonly {
        id: number;
        tenant: number;
        enabled: boolean;
        roles: readonly TenantRole[];
      }[]
    | null;
  readonly communities: readonly Community[] | null;
  readonly memberships: readonly Membership[] | null;
  readonly waiting:
    readonly { sharing: number; newcomer: number; state: string }[] | null;
  readonly participations:
    | readonly { membership: number; identity: number; role: CommunityRole }[]
    | null;
  readonly streams:
    readonly (Omit<Stream, "access"> & { list: number })[] | null;
  readonly entries:
    | readonly {
        list: number;
        effect: "ALLOW" | "DENY";
        rights: number;
        role: TenantRole | null;
        identity: number | null;
      }[]
    | null;
  readonly shares: readonly Share[] | null;
}
