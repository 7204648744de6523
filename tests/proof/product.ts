import { prepared, type Knex } from "../../common/database.ts";
import { maskOf } from "../oracle/load.ts";
import { Oracle } from "../oracle/rules.ts";
import type { TestDatabase } from "../support/database.ts";
import { startGraph } from "../support/graph.ts";
import type { TestGraph } from "../support/gateway.ts";
import { as, outcome } from "../support/run.ts";
import { tokenOf } from "./handshake-operations.ts";
import { placeIn } from "./rules.ts";
import {
  byId,
  livingStreams,
  worldOf,
  type Identity,
  type Kept,
  type Membership,
  type State,
} from "./state.ts";

/** The product, asked the questions that the model answers. */
export interface Product {
  readonly database: TestDatabase;
  readonly graph: TestGraph;
}

/** Where mails are limited by nothing but the domain. */
export const startProduct = async (
  database: TestDatabase,
): Promise<Product> => ({
  database,
  graph: await startGraph(database, "in one process", {
    environment: {
      INVITATIONS_PER_DAY: "100000",
      USER_MAILS_PER_DAY: "100000",
      INVITATION_RESEND_MINUTES: "0",
      INVITE_AFTER_DECLINE: "on",
    },
  }),
});

/** Puts the links that the model knows in the place of those that only the letters hold. */
export async function settleLinks(
  { database }: Product,
  { invitations }: State,
): Promise<void> {
  await database.owner.raw(
    `update community.invitations i set token_hash = sha256(convert_to(l.token, 'UTF8'))
     from unnest(?::uuid[], ?::text[]) as l (uuid, token) where i.uuid = l.uuid`,
    [invitations.map(({ uuid }) => uuid), invitations.map(tokenOf)],
  );
}

/** Prepared, for it is asked at every step, and planning the gate takes longer than asking it. */
const ask = <Row>(
  db: Knex,
  sql: string,
  bindings: readonly (readonly string[])[],
) =>
  prepared<Row>(
    db,
    db.raw(
      sql,
      bindings.map((binding) => [...binding]),
    ),
  );

/** What the tables hold of a history's world, in the words of the model. */
export async function keptBy(
  { database }: Product,
  tenantIds: readonly string[],
): Promise<Kept> {
  const [kept] = (await ask<Kept>(
    database.owner,
    `with t as (select * from tenant.tenants where uuid = any (?::uuid[]))
     select
       array(select concat_ws(' ', t.uuid, (exists (select from tenant.entitlements e where e.tenant_id = t.id))::text,
                    t.moderators_are_administrators::text, t.uses_pseudonyms::text,
                    nullif((select string_agg(f, ' ' order by f) from unnest(t.community_founders) f), '')) from t) as tenants,
       array(select concat_ws(' ', i.uuid, case when i.enabled then 'LIVE' else 'DISABLED' end,
                    nullif((select string_agg(r.role, ' ' order by r.role) from tenant.identity_roles r where r.identity_id = i.id), ''))
             from tenant.identities i join t on t.id = i.tenant_id) as identities,
       array(select concat_ws(' ', c.uuid, c.name, t.uuid) from community.communities c join t on t.id = c.owner_tenant_id) as communities,
       array(select concat_ws(' ', c.uuid, t.uuid, m.status) from community.memberships m
             join t on t.id = m.tenant_id join community.communities c on c.id = m.community_id) as memberships,
       array(select concat_ws(' ', c.uuid, i.uuid, r.role) from community.members r join t on t.id = r.tenant_id
             join community.memberships m on m.id = r.membership_id join community.communities c on c.id = m.community_id
             join tenant.identities i on i.id = r.identity_id) as roles,
       array(select concat_ws(' ', i.uuid, case when i.state in ('CREATED', 'ACCEPTED') and i.expires_at <= now()
                    then 'EXPIRED' else i.state end) from community.invitations i
             join t on t.id = i.issuing_tenant_id) as invitations,
       array(select concat_ws(' ', c.uuid, t.uuid, other.uuid, w.state) from community.waiting_tenants w
             join community.memberships m on m.id = w.sharing_id join t on t.id = m.tenant_id
             join community.communities c on c.id = m.community_id
             join community.memberships n on n.id = w.waiting_id join tenant.tenants other on other.id = n.tenant_id) as waiting,
       array(select concat_ws(' ', c.uuid, t.uuid, (o.accepted_at is not null)::text) from community.ownership_offers o
             join community.memberships m on m.id = o.membership_id join t on t.id = m.tenant_id
             join community.communities c on c.id = m.community_id) as offers,
       array(select s.uuid from stream.streams s join t on t.id = s.tenant_id) as streams,
       array(select concat_ws(' ', s.uuid, c.uuid, t.uuid) from stream.shares h join t on t.id = h.tenant_id
             join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
             join community.memberships m on m.id = h.membership_id join community.communities c on c.id = m.community_id) as shares`,
    [tenantIds],
  )) as [Kept];
  return Object.fromEntries(
    Object.entries(kept).map(([name, lines]) => [name, lines.sort()]),
  ) as Kept;
}

/**
 * What each identity may do with each stream that it sees, by the gate: lines of both ids and the sum of rights. Asked
 * about those that are known, and about those that these tenants have by now; of all streams, for the histories before
 * have left theirs, which nobody here may see.
 */
export async function visibleBy(
  { database }: Product,
  { identities }: State,
  tenantIds: readonly string[],
): Promise<string[]> {
  const rows = await ask<{ line: string }>(
    database.as("stream"),
    `select concat_ws(' ', r.uuid, v.uuid, v.rights) as line
     from (select unnest(?::uuid[]) as uuid
           union
           select i.uuid from tenant.published_identities i
           join tenant.published_tenants t on t.id = i.tenant_id where t.uuid = any (?::uuid[])) r
     cross join lateral stream.all_visible(r.uuid) v`,
    [identities.map(({ uuid }) => uuid), tenantIds],
  );
  return rows.map(({ line }) => line).sort();
}

/** The same by the oracle. */
export function visibleIn(state: State): string[] {
  const oracle = new Oracle(worldOf(state));
  return state.identities
    .flatMap((identity) =>
      livingStreams(state).flatMap((stream) => {
        const { sees, rights } = oracle.decide(identity, stream);
        return sees
          ? [[identity.uuid, stream.uuid, maskOf(rights)].join(" ")]
          : [];
      }),
    )
    .sort();
}

/** What an identity finds when it looks around in the graph. */
export async function foundBy(
  { graph }: Product,
  identity: Identity,
): Promise<unknown> {
  const answer = await graph.request(
    as(identity),
    `{ communities(first: 100) { nodes { id myRole streams(first: 100) { nodes { id } } } }
       streams(first: 1000) { totalCount nodes { id last { value } } } }`,
  );
  if (outcome(answer) === "UNAUTHENTICATED") return "UNAUTHENTICATED";
  const { communities, streams } = answer.data as unknown as Found;
  return {
    communities: communities.nodes
      .map(({ id, myRole, streams }) =>
        [id, myRole ?? "none", ...idsOf(streams)].join(" "),
      )
      .sort(),
    streams: streams.nodes
      .map(({ id, last }) => [id, last === null ? "hidden" : "read"].join(" "))
      .sort(),
    count: streams.totalCount,
  };
}

interface Found {
  readonly communities: {
    readonly nodes: readonly {
      id: string;
      myRole: string | null;
      streams: { nodes: readonly { id: string }[] } | null;
    }[];
  };
  readonly streams: {
    readonly totalCount: number;
    readonly nodes: readonly { id: string; last: object | null }[];
  };
}

const idsOf = (list: { nodes: readonly { id: string }[] } | null) =>
  (list?.nodes ?? []).map(({ id }) => id).sort();

/** The same by the model. */
export function foundIn(state: State, identity: Identity): unknown {
  if (identity.state !== "LIVE") return "UNAUTHENTICATED";
  const oracle = new Oracle(worldOf(state));
  const visible = livingStreams(state)
    .map((stream) => ({ stream, ...oracle.decide(identity, stream) }))
    .filter(({ sees }) => sees);
  const isRead = new Set(
    visible.flatMap(({ stream, rights }) =>
      rights.has("READ") ? [stream.id] : [],
    ),
  );
  return {
    communities: state.communities
      .flatMap((community) => {
        const place = placeIn(state, identity, community);
        if (!place) return [];
        const shared =
          place.role === null
            ? []
            : sharedIn(state, community.id, identity, isRead);
        return [[community.uuid, place.role ?? "none", ...shared].join(" ")];
      })
      .sort(),
    streams: visible
      .map(({ stream }) =>
        [
          stream.uuid,
          isRead.has(stream.id) && stream.hasEvents ? "read" : "hidden",
        ].join(" "),
      )
      .sort(),
    count: visible.length,
  };
}

/** Of the streams that an identity reads those that are shared here: the own ones, and those of who shares now. */
function sharedIn(
  state: State,
  community: number,
  identity: Identity,
  isRead: ReadonlySet<number>,
): string[] {
  const isEntitled = (tenant: number) => byId(state.tenants, tenant).entitled;
  const shared = state.shares.flatMap(({ stream, membership: id }) => {
    const membership = byId(state.memberships, id);
    if (membership.community !== community || !isRead.has(stream)) return [];
    const isOwn = membership.tenant === identity.tenant;
    const isOpen =
      membership.status === "ACTIVE" &&
      isEntitled(membership.tenant) &&
      isEntitled(identity.tenant) &&
      isOpenTo(state, membership, identity);
    return isOwn || isOpen ? [byId(state.streams, stream).uuid] : [];
  });
  return [...new Set(shared)].sort();
}

/** Rule 17. */
const isOpenTo = (
  { approvals, memberships }: State,
  sharing: Membership,
  { tenant }: Identity,
) =>
  approvals.every(
    ({ sharing: asked, newcomer, answer }) =>
      asked !== sharing.id ||
      byId(memberships, newcomer).tenant !== tenant ||
      answer === "APPROVED",
  );
