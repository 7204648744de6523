import { connect } from "../common/database.ts";
import { streams, waitingForDisk } from "./world.ts";

/** One community with this many tenants, ten times as many identities, and a tenant in as many communities. */
export interface Crowd {
  /** Of the owner role. */
  readonly url: string;
  readonly size: number;
  /** The community that all tenants are in. */
  readonly communityId: string;
  /** An account administrator of each of the first tenants; the first owns the community, and is in all communities. */
  readonly administrators: readonly string[];
  readonly tenantIds: readonly string[];
  readonly membershipIds: readonly string[];
  /** A client of each of them, which takes part. */
  readonly readers: readonly string[];
  /** A data steward of each of them, who takes part. */
  readonly stewards: readonly string[];
  /** A stream of each of them, which it shares in the community. */
  readonly streamIds: readonly string[];
  /** Account administrators of tenants that are not in, and their tenants. */
  readonly guests: readonly string[];
  readonly guestTenantIds: readonly string[];
}

/** So many of the tenants change something in a slice, each once. */
export const actors = 15;

/** Makes a world of that size in the migrated, empty database of this URL. */
export async function seedCrowd(url: string, size: number): Promise<Crowd> {
  const db = connect(url, { name: "bench-seed", poolSize: 1 });
  try {
    for (const statement of crowdStatements(size)) await db.raw(statement);
    const { rows } = await db.raw<{
      rows: [Omit<Crowd, "url" | "size">];
    }>(
      `with identities as (
         select i.uuid, i.name, i.tenant_id, t.uuid as tenant, m.uuid as membership,
                (select s.uuid from stream.streams s where s.tenant_id = t.id order by s.id limit 1) as stream
         from tenant.identities i join tenant.tenants t on t.id = i.tenant_id
         left join community.memberships m on m.tenant_id = t.id and m.community_id = 1
         where t.id <= ${actors} or t.id > ${size}
       )
       select (select uuid from community.communities where id = 1) as "communityId",
              ${[
                ["administrators", "uuid", "Administrator", true],
                ["tenantIds", "tenant", "Administrator", true],
                ["membershipIds", "membership", "Administrator", true],
                ["readers", "uuid", "Reader", true],
                ["stewards", "uuid", "Steward", true],
                ["streamIds", "stream", "Steward", true],
                ["guests", "uuid", "Administrator", false],
                ["guestTenantIds", "tenant", "Administrator", false],
              ]
                .map(
                  ([key, column, name, isIn]) =>
                    `array_agg(${column}::text order by tenant_id) filter (where name = '${name}' and tenant_id ${isIn ? "<=" : ">"} ${size}) as "${key}"`,
                )
                .join(", ")}
       from identities`,
    );
    return { url, size, ...rows[0] };
  } finally {
    await db.destroy();
  }
}

/** Of the ten identities of a tenant a program reads, a steward shares, and the others are there. */
const crowdStatements = (size: number) => [
  waitingForDisk,
  `insert into tenant.tenants (name) select 'Tenant ' || to_char(n, 'FM0000') from generate_series(1, ${size + actors}) n`,
  `insert into tenant.entitlements (tenant_id, entitlement) select id, 'COMMUNITIES' from tenant.tenants`,
  `insert into tenant.identities (tenant_id, kind, name)
   select t.id, k.kind, k.name from tenant.tenants t
   cross join (values ('USER', 'Administrator'), ('USER', 'Steward'), ('CLIENT', 'Reader'), ('USER', 'Person 1'),
     ('USER', 'Person 2'), ('USER', 'Person 3'), ('USER', 'Person 4'), ('CLIENT', 'Program 1'), ('CLIENT', 'Program 2'))
     k (kind, name)`,
  // The owner has as many as there are tenants.
  `insert into tenant.identities (tenant_id, kind, name)
   select 1, case when n % 2 = 0 then 'USER' else 'CLIENT' end, 'Colleague ' || to_char(n, 'FM0000')
   from generate_series(1, ${size}) n`,
  `insert into tenant.identity_roles (tenant_id, identity_id, role)
   select i.tenant_id, i.id, r.role from tenant.identities i
   join (values ('Reader', 'VIEWER'), ('Administrator', 'ACCOUNT_ADMINISTRATOR'), ('Steward', 'DATA_STEWARD')) r (name, role)
     on r.name = i.name`,
  `insert into tenant.users (tenant_id, identity_id, email)
   select tenant_id, id, 'user-' || id || '@tenant-' || tenant_id || '.example' from tenant.identities where kind = 'USER'`,
  `insert into tenant.clients (tenant_id, identity_id, client_id)
   select tenant_id, id, uuid::text from tenant.identities where kind = 'CLIENT'`,
  // The first community has all tenants; the first tenant and two others are in each of the further ones.
  `insert into community.communities (name, owner_tenant_id)
   select 'Community ' || to_char(n, 'FM0000'), 1 + (n - 1) % ${size} from generate_series(1, ${size}) n`,
  `insert into community.memberships (community_id, tenant_id, joined_at)
   select c.id, t.id, now() - interval '1 day' + make_interval(secs => t.id)
   from community.communities c
   join tenant.tenants t on t.id <= ${size} and (c.id = 1 or t.id in (1, c.owner_tenant_id, 1 + c.id % ${size}))`,
  `insert into community.members (membership_id, tenant_id, identity_id, role)
   select m.id, m.tenant_id, i.id,
          case when i.name <> 'Administrator' then 'MEMBER' when c.owner_tenant_id = m.tenant_id then 'ADMINISTRATOR' else 'MODERATOR' end
   from community.memberships m
   join community.communities c on c.id = m.community_id
   join tenant.identities i on i.tenant_id = m.tenant_id
    and (c.id = 1 or i.name in ('Administrator', 'Steward', 'Reader'))`,
  ...streams(5),
  `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
   select s.tenant_id, s.id, m.id, i.uuid, m.community_id, s.uuid, s.name
   from stream.streams s
   join community.memberships m on m.tenant_id = s.tenant_id and (m.community_id = 1 or s.external_id = 'S001')
   join tenant.identities i on i.tenant_id = s.tenant_id and i.name = 'Steward'
   order by s.id`,
  `insert into stream.events (tenant_id, stream_id, ts, value)
   select s.tenant_id, s.id, date_trunc('hour', now()) - make_interval(mins => n), n
   from stream.streams s cross join generate_series(1, 20) n where s.tenant_id <= ${actors}`,
  `insert into stream.latest (tenant_id, stream_id, first_ts, ts, value)
   select tenant_id, stream_id, min(ts), max(ts), 1 from stream.events group by 1, 2`,
  // The second tenant answers for whom it opens, and has answered nobody.
  `update community.memberships set new_tenants_read = 'AFTER_APPROVAL' where community_id = 1 and tenant_id = 2`,
  `insert into community.waiting_tenants (sharing_id, waiting_id)
   select s.id, w.id from community.memberships s
   join community.memberships w on w.community_id = 1 and w.id <> s.id
   where s.community_id = 1 and s.tenant_id = 2`,
  `insert into community.invitations (community_id, community_name, issuing_tenant_id, issued_by, issued_by_name, email, token_hash, expires_at,
     state, accepting_tenant_id, accepting_tenant_created_at, accepted_by, accepted_by_name, accepted_by_email, accepted_at,
     moderators, contact_email, new_tenants_read)
   select c.id, c.name, c.owner_tenant_id, issuer.uuid, issuer.name, u.email, sha256(m.uuid::text::bytea), now() + interval '14 days',
     'CONFIRMED', m.tenant_id, t.created_at, i.uuid, i.name, u.email, now(), array[i.uuid], u.email, 'AT_ONCE'
   from community.memberships m
   join community.communities c on c.id = m.community_id and c.owner_tenant_id <> m.tenant_id
   join tenant.tenants t on t.id = m.tenant_id
   join tenant.identities i on i.tenant_id = m.tenant_id and i.name = 'Administrator'
   join tenant.users u on u.identity_id = i.id
   join tenant.identities issuer on issuer.tenant_id = c.owner_tenant_id and issuer.name = 'Administrator'`,
  // A past of five notices and entries for each tenant.
  `select mail.notify(null, jsonb_agg(jsonb_build_object('kind', 'TENANT_JOINED', 'communityId', c.uuid, 'tenantId', t.uuid,
     'audience', jsonb_build_array(jsonb_build_object('role', 'MODERATOR'))) order by n, t.id))
   from community.communities c, tenant.tenants t, generate_series(1, 5) n where c.id = 1 and t.id <= ${size}`,
  `update mail.notices set mailed_at = now()`,
  `select ledger.append(null, null, 'bench', 'seed', jsonb_agg(jsonb_build_object('kind', 'MEMBERSHIP', 'subjectType', 'Stream',
     'subjectId', s.uuid, 'tenantIds', jsonb_build_array(t.uuid, o.uuid), 'communityId', c.uuid) order by n, o.id), '[]')
   from community.communities c, tenant.tenants t, tenant.tenants o, generate_series(1, 5) n, stream.streams s
   where c.id = 1 and t.id = 1 and o.id <= ${size} and s.id = 1`,
  `select ledger.append(null, null, 'bench', 'seed', jsonb_agg(jsonb_build_object('kind', 'MEMBERSHIP', 'subjectType', 'Community',
     'subjectId', c.uuid, 'communityId', c.uuid) order by n, c.id), '[]')
   from community.communities c, generate_series(1, 5) n`,
  `truncate ledger.unsealed`,
  `vacuum (analyze)`,
];
