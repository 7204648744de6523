import { createHash } from "node:crypto";
import type { Person } from "../common/viewer.ts";
import { actors, type Crowd } from "./crowd.ts";

/** What is asked in the large and in the small world alike. */
export interface Operation {
  readonly name: string;
  readonly subgraph: "community" | "stream" | "tenant";
  readonly query: string;
  /** By whom, in its n-th turn: an identity, or somebody who has none yet. */
  readonly viewer: (crowd: Crowd, n: number) => string | Person;
  readonly variables?: (crowd: Crowd, n: number) => object;
  /** What somebody else asks next in the same turn. */
  readonly then?: Pick<
    Operation,
    "subgraph" | "query" | "viewer" | "variables"
  >;
  /** Whether it takes `$first` and `$after`, of the one connection in it. */
  readonly list?: true;
  /** What makes ready for the turns of a slice, as the database's owner. */
  readonly prepare?: (crowd: Crowd) => readonly string[];
}

const at = (values: readonly string[], n: number) =>
  values[n % values.length] as string;

/** The account administrator who administers the community and is in all others. */
const chief = ({ administrators }: Crowd) => at(administrators, 0);
/** Moderators of tenants that are in one large community. */
const moderator = ({ administrators }: Crowd, n: number) =>
  at(administrators, 1 + (n % (actors - 1)));
const reader = ({ readers }: Crowd, n: number) =>
  at(readers, 2 + (n % (actors - 2)));
/** A client of the tenant of the moderator whose turn it is. */
const ownReader = ({ readers }: Crowd, n: number) =>
  at(readers, 1 + (n % (actors - 1)));
/** Of tenants that share with all others: the second one does not. */
const steward = ({ stewards }: Crowd, n: number) =>
  at(stewards, 2 + (n % (actors - 2)));

const guest = ({ guests }: Crowd, n: number) => at(guests, n);

const inCommunity = ({ communityId }: Crowd) => ({ communityId });
const ofCommunity = ({ communityId: id }: Crowd) => ({ id });
const ofTenant = ({ tenantIds }: Crowd, n: number) => ({
  id: at(tenantIds, n),
});
const ofStream = ({ streamIds }: Crowd, n: number) => ({
  id: at(streamIds, n),
});
const ofFirstTenant = (crowd: Crowd) => ofTenant(crowd, 0);
const input = (more: object) => ({ input: more });

/** Of the first tenant, which has as many identities as there are tenants. */
const pseudonyms = (areUsed: boolean) =>
  `update tenant.tenants set uses_pseudonyms = ${areUsed} where id = 1`;

const pageOf = "pageInfo { hasNextPage endCursor }";
const page = "(first: $first, after: $after)";
const pageWith = (more: string) => `(${more}, first: $first, after: $after)`;

const lists: readonly Operation[] = [
  {
    name: "Community.memberships",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { community(id: $id) { memberships${page} {
      nodes { id status joinedAt alias userCount clientCount } ${pageOf} } } }`,
    viewer: moderator,
    variables: ofCommunity,
  },
  {
    name: "communities",
    subgraph: "community",
    query: `query ($first: Int, $after: String) { communities${page} { nodes { id name myRole } ${pageOf} } }`,
    viewer: chief,
  },
  {
    name: "communities, by a word",
    subgraph: "community",
    query: `query ($first: Int, $after: String) { communities${pageWith('search: "commu"')} { nodes { id name } ${pageOf} } }`,
    viewer: chief,
  },
  {
    name: "Membership.members",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { community(id: $id) { membership { members${page} {
      nodes { identity { id } role addedAt } ${pageOf} } } } }`,
    viewer: chief,
    variables: ofCommunity,
  },
  {
    name: "Membership.members, by a word",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { community(id: $id) { membership { members${pageWith('search: "coll"')} {
      nodes { identity { id } role addedAt } ${pageOf} } } } }`,
    viewer: chief,
    variables: ofCommunity,
  },
  {
    name: "Membership.waitingTenants",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { community(id: $id) { membership { waitingTenants${page} {
      nodes { id } ${pageOf} } } } }`,
    viewer: ({ administrators }) => at(administrators, 1),
    variables: ofCommunity,
  },
  {
    name: "Community.invitations",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { community(id: $id) { invitations${page} {
      nodes { id state email issuedAt acceptedByName } ${pageOf} } } }`,
    viewer: chief,
    variables: ofCommunity,
  },
  {
    name: "Viewer.acceptedInvitations",
    subgraph: "community",
    query: `query ($first: Int, $after: String) { viewer { acceptedInvitations${page} { nodes { id state communityName } ${pageOf} } } }`,
    viewer: chief,
  },
  {
    name: "Viewer.notices",
    subgraph: "community",
    query: `query ($first: Int, $after: String) { viewer { notices${page} { nodes { id kind at text } ${pageOf} } } }`,
    viewer: moderator,
  },
  {
    name: "Viewer.notices, of 2,000 communities",
    subgraph: "community",
    query: `query ($first: Int, $after: String) { viewer { notices${page} { nodes { id kind at text } ${pageOf} } } }`,
    viewer: chief,
  },
  {
    name: "Tenant.ledger",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { _entities(representations: [{ __typename: "Tenant", id: $id }]) {
      ... on Tenant { ledger${page} { nodes { id at action hash } ${pageOf} } } } }`,
    viewer: chief,
    variables: ofFirstTenant,
  },
  {
    name: "Community.ledger",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { community(id: $id) { ledger${page} { nodes { id at action hash } ${pageOf} } } }`,
    viewer: chief,
    variables: ofCommunity,
  },
  {
    name: "Stream.ledger",
    subgraph: "community",
    query: `query ($id: ID!, $first: Int, $after: String) { _entities(representations: [{ __typename: "Stream", id: $id }]) {
      ... on Stream { ledger${page} { nodes { id at action hash } ${pageOf} } } } }`,
    viewer: chief,
    variables: (crowd) => ofStream(crowd, 0),
  },
  {
    name: "Tenant.users",
    subgraph: "tenant",
    query: `query ($id: ID!, $first: Int, $after: String) { tenant(id: $id) { users${page} { nodes { id name email roles } ${pageOf} } } }`,
    viewer: chief,
    variables: ofFirstTenant,
  },
  {
    name: "Tenant.clients",
    subgraph: "tenant",
    query: `query ($id: ID!, $first: Int, $after: String) { tenant(id: $id) { clients${page} { nodes { id name roles } ${pageOf} } } }`,
    viewer: chief,
    variables: ofFirstTenant,
  },
  {
    name: "Community.streams",
    subgraph: "stream",
    query: `query ($id: ID!, $first: Int, $after: String) { _entities(representations: [{ __typename: "Community", id: $id }]) {
      ... on Community { streams${page} { nodes { id name } ${pageOf} } } } }`,
    viewer: reader,
    variables: ofCommunity,
  },
  {
    name: "streams",
    subgraph: "stream",
    query: `query ($first: Int, $after: String) { streams${page} { nodes { id name isOwn } ${pageOf} } }`,
    viewer: reader,
  },
  {
    name: "streams, by a word",
    subgraph: "stream",
    query: `query ($first: Int, $after: String) { streams${pageWith('search: "signal"')} { nodes { id name } ${pageOf} } }`,
    viewer: reader,
  },
  {
    name: "streams, in 2,000 communities",
    subgraph: "stream",
    query: `query ($first: Int, $after: String) { streams${page} { nodes { id name isOwn } ${pageOf} } }`,
    viewer: ({ readers }) => at(readers, 0),
  },
  {
    name: "streams, by a word, in 2,000 communities",
    subgraph: "stream",
    query: `query ($first: Int, $after: String) { streams${pageWith('search: "signal"')} { nodes { id name } ${pageOf} } }`,
    viewer: ({ readers }) => at(readers, 0),
  },
  {
    name: "Stream.readers",
    subgraph: "stream",
    query: `query ($id: ID!, $first: Int, $after: String) { stream(id: $id) { readers${page} { nodes { name kind role } ${pageOf} } } }`,
    viewer: steward,
    variables: (crowd, n) => ofStream(crowd, 2 + (n % (actors - 2))),
    prepare: () => [...restored, pseudonyms(false)],
  },
  {
    name: "Stream.readers, behind pseudonyms",
    subgraph: "stream",
    query: `query ($id: ID!, $first: Int, $after: String) { stream(id: $id) { readers${page} { nodes { name kind role } ${pageOf} } } }`,
    viewer: steward,
    variables: (crowd, n) => ofStream(crowd, 2 + (n % (actors - 2))),
    prepare: () => [...restored, pseudonyms(true)],
  },
  {
    name: "Stream.shares",
    subgraph: "stream",
    query: `query ($id: ID!, $first: Int, $after: String) { stream(id: $id) { shares${page} { nodes { id state sharedAt } ${pageOf} } } }`,
    viewer: ({ stewards }) => at(stewards, 0),
    variables: (crowd) => ofStream(crowd, 0),
  },
  {
    name: "Tenant.shares",
    subgraph: "stream",
    query: `query ($id: ID!, $first: Int, $after: String) { _entities(representations: [{ __typename: "Tenant", id: $id }]) {
      ... on Tenant { shares${page} { nodes { id state sharedAt } ${pageOf} } } } }`,
    viewer: chief,
    variables: ofFirstTenant,
  },
  {
    name: "Tenant.access.given",
    subgraph: "stream",
    query: `query ($id: ID!, $first: Int, $after: String) { _entities(representations: [{ __typename: "Tenant", id: $id }]) {
      ... on Tenant { access { given${page} { nodes { since } ${pageOf} } } } } }`,
    viewer: chief,
    variables: ofFirstTenant,
  },
  {
    name: "Tenant.access.received",
    subgraph: "stream",
    query: `query ($id: ID!, $first: Int, $after: String) { _entities(representations: [{ __typename: "Tenant", id: $id }]) {
      ... on Tenant { access { received${page} { nodes { since } ${pageOf} } } } } }`,
    viewer: chief,
    variables: ofFirstTenant,
  },
];

const reads: readonly Operation[] = [
  {
    name: "community",
    subgraph: "community",
    query: `query ($id: ID!) { community(id: $id) { name myRole myRights membership { userCount clientCount } } }`,
    viewer: moderator,
    variables: ofCommunity,
  },
  {
    name: "Viewer.nextSteps",
    subgraph: "community",
    query: `{ viewer { nextSteps { kind sentence } } }`,
    viewer: moderator,
  },
  {
    name: "Viewer.nextSteps, in 2,000 communities",
    subgraph: "community",
    query: `{ viewer { nextSteps { kind sentence } } }`,
    viewer: chief,
  },
  {
    name: "tenant, another",
    subgraph: "tenant",
    query: `query ($id: ID!) { tenant(id: $id) { name } }`,
    viewer: moderator,
    variables: ofFirstTenant,
  },
  {
    name: "tenant, another, from 2,000 communities",
    subgraph: "tenant",
    query: `query ($id: ID!) { tenant(id: $id) { name } }`,
    viewer: chief,
    variables: (crowd, n) => ofTenant(crowd, n),
  },
  {
    name: "the gate: events of a shared stream",
    subgraph: "stream",
    query: `query ($id: ID!) { stream(id: $id) { name events(window: { from: "1970-01-01T00:00:00Z", to: "2200-01-01T00:00:00Z" }) { timestamps values } } }`,
    viewer: reader,
    variables: (crowd, n) => ofStream(crowd, 2 + ((n + 1) % (actors - 2))),
  },
  {
    name: "Stream.sharedThrough",
    subgraph: "stream",
    query: `query ($id: ID!) { stream(id: $id) { sharedThrough { nodes { id } } } }`,
    viewer: reader,
    variables: (crowd, n) => ofStream(crowd, 2 + ((n + 1) % (actors - 2))),
  },
  {
    name: "Tenant.access.received, nothing new",
    subgraph: "stream",
    query: `query ($id: ID!, $since: DateTime!) { _entities(representations: [{ __typename: "Tenant", id: $id }]) {
      ... on Tenant { access(since: $since) { received(first: 10) { nodes { since } } } } } }`,
    viewer: chief,
    variables: (crowd) => ({
      ...ofFirstTenant(crowd),
      since: new Date().toISOString(),
    }),
  },
  {
    name: "explainAccess",
    subgraph: "stream",
    query: `query ($id: ID!, $identity: ID!) { explainAccess(streamId: $id, identityId: $identity) { gates { kind passed sentence } } }`,
    viewer: moderator,
    variables: (crowd, n) => ({
      ...ofStream(crowd, 0),
      identity: at(crowd.readers, 1 + (n % (actors - 1))),
    }),
  },
];

/** The last tenants of the crowd. */
const guestTenants = `(select id from tenant.tenants where name like 'Tenant %' order by id desc limit ${actors})`;

const invitationsOfGuests = (state: "CREATED" | "ACCEPTED") => [
  `delete from community.memberships m using tenant.tenants t where t.id = m.tenant_id and m.community_id = 1
   and t.id in ${guestTenants}`,
  `delete from community.invitations i where i.accepting_tenant_id in ${guestTenants}
   or i.email like '%@guest.example'`,
  `insert into community.invitations (uuid, community_id, community_name, issuing_tenant_id, issued_by, issued_by_name, email, token_hash, expires_at,
     state, accepting_tenant_id, accepting_tenant_created_at, accepted_by, accepted_by_name, accepted_by_email, accepted_at,
     moderators, contact_email, new_tenants_read)
   select md5('guest ' || n)::uuid, 1, 'Community 0001', 1, (select uuid from tenant.identities where id = 1), 'Administrator',
          n || '@guest.example', sha256(convert_to('guest ' || n, 'UTF8')), now() + interval '14 days', '${state}',
          ${
            state === "CREATED"
              ? "null, null, null, null, null, null, null, null, null"
              : "t.id, t.created_at, i.uuid, i.name, n || '@guest.example', now(), array[i.uuid], 'contact@guest.example', 'AT_ONCE'"
          }
   from (select t.*, row_number() over (order by t.id) - 1 as n from tenant.tenants t where t.id in ${guestTenants}) t
   join tenant.identities i on i.tenant_id = t.id and i.name = 'Administrator'`,
];

const changeOfMembership = (name: string, more: string): Operation => ({
  name,
  subgraph: "community",
  query: `mutation ($communityId: ID!) { ${name}${more} { id } }`,
  viewer: moderator,
  variables: inCommunity,
});

/** What mutations have ended: clients are enabled, sharing goes on, the readers take part, and the streams are shared. */
export const restored = [
  `update tenant.identities set enabled = true where not enabled`,
  `update community.memberships set status = 'ACTIVE' where community_id = 1 and tenant_id <= ${actors}`,
  `insert into community.members (membership_id, tenant_id, identity_id, role)
   select m.id, m.tenant_id, i.id, 'MEMBER' from community.memberships m
   join tenant.identities i on i.tenant_id = m.tenant_id and i.name = 'Reader'
   where m.community_id = 1 and m.tenant_id <= ${actors}
   on conflict do nothing`,
  `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
   select s.tenant_id, s.id, m.id, i.uuid, m.community_id, s.uuid, s.name from stream.streams s
   join community.memberships m on m.tenant_id = s.tenant_id and m.community_id = 1
   join tenant.identities i on i.tenant_id = s.tenant_id and i.name = 'Steward'
   where s.external_id = 'S001' and s.tenant_id between 3 and ${actors}
   on conflict do nothing`,
];

/** As the database makes it of the same text. */
const idOf = (text: string) =>
  createHash("md5")
    .update(text)
    .digest("hex")
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
const invitationOf = (n: number) => idOf(`guest ${n}`);

/** The guests' tenants in the large community, with what all others have there. */
const membershipsOfGuests = [
  `insert into community.memberships (community_id, tenant_id)
   select 1, id from ${guestTenants} t
   on conflict do nothing`,
  `insert into community.members (membership_id, tenant_id, identity_id, role)
   select m.id, m.tenant_id, i.id, case when i.name = 'Administrator' then 'MODERATOR' else 'MEMBER' end
   from community.memberships m
   join tenant.identities i on i.tenant_id = m.tenant_id
   where m.community_id = 1 and m.tenant_id in ${guestTenants}
   on conflict do nothing`,
  `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
   select s.tenant_id, s.id, m.id, i.uuid, m.community_id, s.uuid, s.name
   from stream.streams s
   join community.memberships m on m.tenant_id = s.tenant_id and m.community_id = 1
   join tenant.identities i on i.tenant_id = s.tenant_id and i.name = 'Steward'
   where m.tenant_id in ${guestTenants}
   on conflict do nothing`,
];

/** Of the first tenant, which take part in the large community. */
const newIdentities = (kind: "USER" | "CLIENT") => [
  `delete from tenant.identities where name = 'New'`,
  `insert into tenant.identities (uuid, tenant_id, kind, name)
   select md5('new ' || n)::uuid, 1, '${kind}', 'New' from generate_series(0, ${actors - 1}) n`,
  kind === "USER"
    ? `insert into tenant.users (tenant_id, identity_id, email)
       select tenant_id, id, 'new-' || id || '@bench.example' from tenant.identities where name = 'New'`
    : `insert into tenant.clients (tenant_id, identity_id, client_id)
       select tenant_id, id, uuid::text from tenant.identities where name = 'New'`,
  `insert into community.members (membership_id, tenant_id, identity_id, role)
   select m.id, 1, i.id, 'MEMBER' from tenant.identities i
   join community.memberships m on m.community_id = 1 and m.tenant_id = 1
   where i.name = 'New'`,
];

const changeOfInvitation = (
  name: string,
  viewer: Operation["viewer"],
): Operation => ({
  name,
  subgraph: "community",
  query: `mutation ($id: ID!) { ${name}(id: $id) { id } }`,
  viewer,
  variables: (_, n) => ({ id: invitationOf(n) }),
});

const changeOfTenant = (
  name: string,
  viewer: Operation["viewer"],
): Operation => ({
  name,
  subgraph: "community",
  query: `mutation ($communityId: ID!, $tenantId: ID!) { ${name}(communityId: $communityId, tenantId: $tenantId) { id } }`,
  viewer,
  variables: (crowd, n) => ({
    ...inCommunity(crowd),
    tenantId: at(crowd.tenantIds, 2 + (n % (actors - 2))),
  }),
});

/** Of the tenants that are answered, which the second one shares with only then. */
const waiting = (state: "WAITING" | "REFUSED") => [
  `insert into community.waiting_tenants (sharing_id, waiting_id, state)
   select s.id, w.id, '${state}' from community.memberships s
   join community.memberships w on w.community_id = 1 and w.id <> s.id
   where s.community_id = 1 and s.tenant_id = 2
   on conflict on constraint waiting_tenants_pkey do update set state = '${state}'`,
];

const mutations: readonly Operation[] = [
  {
    name: "updateCommunity",
    subgraph: "community",
    query: `mutation ($input: UpdateCommunityInput!) { updateCommunity(input: $input) { id } }`,
    viewer: chief,
    variables: (crowd, n) =>
      input({ ...ofCommunity(crowd), description: `${n}` }),
  },
  {
    name: "updateMembership",
    subgraph: "community",
    query: `mutation ($input: UpdateMembershipInput!) { updateMembership(input: $input) { id } }`,
    viewer: moderator,
    variables: (crowd, n) =>
      input({ ...inCommunity(crowd), alias: `Alias ${n}` }),
  },
  {
    ...changeOfMembership("resumeSharing", "(communityId: $communityId)"),
    prepare: () => [
      `update community.memberships set status = 'PAUSED' where community_id = 1 and tenant_id <= ${actors}`,
    ],
  },
  {
    name: "pauseSharing",
    subgraph: "community",
    query: `mutation ($communityId: ID!) { pauseSharing(communityId: $communityId) { applied } }`,
    viewer: moderator,
    variables: inCommunity,
    prepare: () => restored,
  },
  {
    name: "setCommunityRoles",
    subgraph: "community",
    query: `mutation ($input: SetCommunityRolesInput!) { setCommunityRoles(input: $input) { applied } }`,
    viewer: moderator,
    variables: (crowd, n) =>
      input({
        ...inCommunity(crowd),
        members: [{ identityId: ownReader(crowd, n), role: "MEMBER" }],
      }),
    prepare: () => [
      `delete from community.members m using tenant.identities i
       where i.id = m.identity_id and i.name = 'Reader' and i.tenant_id <= ${actors}
         and m.membership_id in (select id from community.memberships where community_id = 1)`,
    ],
  },
  {
    name: "removeCommunityMembers",
    subgraph: "community",
    query: `mutation ($input: RemoveCommunityMembersInput!) { removeCommunityMembers(input: $input) { applied } }`,
    viewer: moderator,
    variables: (crowd, n) =>
      input({ ...inCommunity(crowd), identityIds: [ownReader(crowd, n)] }),
    prepare: () => restored,
  },
  {
    name: "inviteTenant",
    subgraph: "community",
    query: `mutation ($input: InviteTenantInput!) { inviteTenant(input: $input) { id } }`,
    viewer: chief,
    variables: (crowd, n) =>
      input({ ...inCommunity(crowd), email: `${n}@guest.example` }),
    prepare: () => invitationsOfGuests("CREATED"),
  },
  {
    ...changeOfInvitation("resendInvitation", chief),
    prepare: () => invitationsOfGuests("CREATED"),
  },
  {
    ...changeOfInvitation("withdrawInvitation", chief),
    prepare: () => invitationsOfGuests("CREATED"),
  },
  {
    name: "acceptInvitation",
    subgraph: "community",
    query: `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { id } }`,
    viewer: guest,
    variables: (_, n) =>
      input({ token: `guest ${n}`, contactEmail: "contact@guest.example" }),
    prepare: () => invitationsOfGuests("CREATED"),
  },
  {
    name: "declineInvitation",
    subgraph: "community",
    query: `mutation ($token: String!) { declineInvitation(token: $token) { id } }`,
    viewer: guest,
    variables: (_, n) => ({ token: `guest ${n}` }),
    prepare: () => invitationsOfGuests("CREATED"),
  },
  {
    ...changeOfInvitation("cancelAcceptance", guest),
    prepare: () => invitationsOfGuests("ACCEPTED"),
  },
  {
    name: "confirmInvitation",
    subgraph: "community",
    query: `mutation ($input: ConfirmInvitationInput!) { confirmInvitation(input: $input) { id } }`,
    viewer: chief,
    variables: ({ guestTenantIds }, n) =>
      input({ id: invitationOf(n), tenantId: at(guestTenantIds, n) }),
    prepare: () => invitationsOfGuests("ACCEPTED"),
  },
  {
    ...changeOfTenant("refuseNewTenant", ({ administrators }) =>
      at(administrators, 1),
    ),
    prepare: () => waiting("WAITING"),
  },
  {
    ...changeOfTenant("approveNewTenant", ({ administrators }) =>
      at(administrators, 1),
    ),
    prepare: () => waiting("WAITING"),
  },
  {
    name: "offerOwnership, withdrawOwnershipOffer",
    subgraph: "community",
    query: `mutation ($communityId: ID!, $tenantId: ID!) {
      offerOwnership(communityId: $communityId, tenantId: $tenantId) { id }
      withdrawOwnershipOffer(communityId: $communityId) { id } }`,
    viewer: chief,
    variables: (crowd, n) => ({
      ...inCommunity(crowd),
      tenantId: at(crowd.tenantIds, 2 + (n % (actors - 2))),
    }),
  },
  {
    name: "offerOwnership, acceptOwnership, declineOwnership",
    subgraph: "community",
    query: `mutation ($communityId: ID!, $tenantId: ID!) { offerOwnership(communityId: $communityId, tenantId: $tenantId) { id } }`,
    viewer: chief,
    variables: (crowd, n) => ({
      ...inCommunity(crowd),
      tenantId: at(crowd.tenantIds, 1 + (n % (actors - 1))),
    }),
    then: {
      subgraph: "community",
      query: `mutation ($communityId: ID!) {
        acceptOwnership(communityId: $communityId) { id }
        declineOwnership(communityId: $communityId) { id } }`,
      viewer: moderator,
      variables: inCommunity,
    },
  },
  {
    name: "leaveCommunity",
    subgraph: "community",
    query: `mutation ($communityId: ID!) { leaveCommunity(communityId: $communityId) { applied } }`,
    viewer: guest,
    variables: inCommunity,
    prepare: () => membershipsOfGuests,
  },
  {
    name: "removeTenant",
    subgraph: "community",
    query: `mutation ($communityId: ID!, $tenantId: ID!) { removeTenant(communityId: $communityId, tenantId: $tenantId) { applied } }`,
    viewer: chief,
    variables: (crowd, n) => ({
      ...inCommunity(crowd),
      tenantId: at(crowd.guestTenantIds, n),
    }),
    prepare: () => membershipsOfGuests,
  },
  {
    name: "createCommunity",
    subgraph: "community",
    query: `mutation ($input: CreateCommunityInput!) { createCommunity(input: $input) { id } }`,
    viewer: chief,
    variables: (_, n) => input({ name: `New ${n}` }),
    prepare: () => [
      `delete from community.communities where name like 'New %'`,
    ],
  },
  {
    name: "signUpTenant",
    subgraph: "tenant",
    query: `mutation ($input: SignUpTenantInput!) { signUpTenant(input: $input) { id } }`,
    viewer: (_, n) => ({
      id: idOf(`founder ${n}`),
      email: `${n}@founder.example`,
      name: "Founder",
    }),
    variables: () => input({ name: "New" }),
    prepare: () => [`delete from tenant.tenants where name = 'New'`],
  },
  {
    name: "updateTenant",
    subgraph: "tenant",
    query: `mutation ($input: UpdateTenantInput!) { updateTenant(input: $input) { id } }`,
    viewer: chief,
    variables: (_, n) => input({ region: `Region ${n}` }),
  },
  {
    name: "createUser",
    subgraph: "tenant",
    query: `mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }`,
    viewer: chief,
    variables: (_, n) =>
      input({
        name: "New",
        email: `new-${n}@bench.example`,
        roles: ["VIEWER"],
      }),
    prepare: () => [`delete from tenant.identities where name = 'New'`],
  },
  {
    name: "setUserRoles",
    subgraph: "tenant",
    query: `mutation ($input: SetUserRolesInput!) { setUserRoles(input: $input) { id } }`,
    viewer: chief,
    variables: ({ stewards }, n) =>
      input({
        id: at(stewards, 0),
        roles: n % 2 === 0 ? ["DATA_STEWARD", "VIEWER"] : ["DATA_STEWARD"],
      }),
  },
  {
    name: "removeUser",
    subgraph: "tenant",
    query: `mutation ($id: ID!) { removeUser(id: $id) }`,
    viewer: chief,
    variables: (_, n) => ({ id: idOf(`new ${n}`) }),
    prepare: () => newIdentities("USER"),
  },
  {
    name: "removeClient",
    subgraph: "tenant",
    query: `mutation ($id: ID!) { removeClient(id: $id) }`,
    viewer: chief,
    variables: (_, n) => ({ id: idOf(`new ${n}`) }),
    prepare: () => newIdentities("CLIENT"),
  },
  {
    name: "createClient",
    subgraph: "tenant",
    query: `mutation ($input: CreateClientInput!) { createClient(input: $input) { client { id } } }`,
    viewer: chief,
    variables: () => input({ name: "New", roles: ["VIEWER"] }),
    prepare: () => [`delete from tenant.identities where name = 'New'`],
  },
  {
    name: "setClientEnabled",
    subgraph: "tenant",
    query: `mutation ($id: ID!, $enabled: Boolean!) { setClientEnabled(id: $id, enabled: $enabled) { id } }`,
    viewer: chief,
    variables: ({ readers }, n) => ({
      id: at(readers, 0),
      enabled: n % 2 !== 0,
    }),
    prepare: () => [`update tenant.identities set enabled = true`],
  },
  {
    name: "setClientRoles",
    subgraph: "tenant",
    query: `mutation ($input: SetClientRolesInput!) { setClientRoles(input: $input) { id } }`,
    viewer: chief,
    variables: ({ readers }, n) =>
      input({
        id: at(readers, 0),
        roles: n % 2 === 0 ? ["VIEWER", "CONTRIBUTOR"] : ["VIEWER"],
      }),
  },
  {
    name: "rotateClientSecret",
    subgraph: "tenant",
    query: `mutation ($input: RotateClientSecretInput!) { rotateClientSecret(input: $input) { plainSecret } }`,
    viewer: chief,
    variables: ({ readers }) => input({ id: at(readers, 0) }),
    prepare: () => [`delete from tenant.client_secrets`],
  },
  {
    name: "updateStream",
    subgraph: "stream",
    query: `mutation ($input: UpdateStreamInput!) { updateStream(input: $input) { id } }`,
    viewer: chief,
    variables: (crowd, n) =>
      input({ ...ofStream(crowd, 0), description: `Change ${n}` }),
  },
  {
    name: "updateStream, a new name",
    subgraph: "stream",
    query: `mutation ($input: UpdateStreamInput!) { updateStream(input: $input) { id } }`,
    viewer: chief,
    variables: (crowd, n) =>
      input({ ...ofStream(crowd, 0), name: `Tenant 0001 signal ${n}` }),
  },
  {
    name: "shareStreams",
    subgraph: "stream",
    query: `mutation ($input: ShareStreamsInput!) { shareStreams(input: $input) { id } }`,
    viewer: steward,
    variables: (crowd, n) =>
      input({
        streamIds: [at(crowd.streamIds, 2 + (n % (actors - 2)))],
        communityIds: [crowd.communityId],
      }),
    prepare: () => [
      `delete from stream.shares h using stream.streams s
       where s.tenant_id = h.tenant_id and s.id = h.stream_id and s.external_id = 'S001' and s.tenant_id between 3 and ${actors}
         and h.membership_id in (select id from community.memberships where community_id = 1)`,
    ],
  },
  {
    name: "unshareStreams",
    subgraph: "stream",
    query: `mutation ($input: UnshareStreamsInput!) { unshareStreams(input: $input) { applied } }`,
    viewer: steward,
    variables: (crowd, n) =>
      input({
        streamIds: [at(crowd.streamIds, 2 + (n % (actors - 2)))],
        communityIds: [crowd.communityId],
      }),
    prepare: () => restored,
  },
  {
    name: "setStreamAccess",
    subgraph: "stream",
    query: `mutation ($input: SetStreamAccessInput!) { setStreamAccess(input: $input) { applied } }`,
    viewer: moderator,
    variables: (crowd, n) =>
      input({
        streamIds: [at(crowd.streamIds, 1 + (n % (actors - 1)))],
        access: [
          { effect: "ALLOW", rights: ["READ", "SHARE"], role: "MEMBER" },
        ],
      }),
    prepare: () => [
      `update stream.streams s set access_list_id = other.access_list_id
       from stream.streams other
       where other.tenant_id = s.tenant_id and other.external_id = 'S002' and s.external_id = 'S001' and s.tenant_id <= ${actors}`,
    ],
  },
  {
    name: "writeEvents",
    subgraph: "stream",
    query: `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
    viewer: chief,
    variables: (crowd, n) =>
      input({
        mode: "UPSERT",
        streams: [
          {
            streamId: at(crowd.streamIds, 0),
            timestamps: ["2026-01-01T00:00:00Z"],
            values: [n],
          },
        ],
      }),
  },
  {
    name: "createNamespace",
    subgraph: "stream",
    query: `mutation ($input: CreateNamespaceInput!) { createNamespace(input: $input) { id } }`,
    viewer: chief,
    variables: (_, n) => input({ name: `New ${n}` }),
    prepare: () => [`delete from stream.namespaces where name like 'New %'`],
  },
];

export const operations: readonly Operation[] = [
  ...lists.map((list) => ({ ...list, list: true as const })),
  ...reads,
  ...mutations,
];
