import { anonymous, type Viewer } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/community/context.ts";
import { schema } from "../../subgraphs/community/schema.ts";
import type { TestDatabase } from "../support/database.ts";
import { testMatrix } from "../support/matrix.ts";
import { as } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import {
  callers as inTheCommunity,
  seedWorld,
  settings,
  type CommunityWorld,
} from "./world.ts";

/** Who meets invitations from outside besides: the tenant that has accepted one, and people with a link. */
const fromOutside = [
  "pending: AA, who accepted",
  "pending: other AA",
  "pending: client AA",
  "pending: disabled client AA",
  "pending: removed AA",
  "pending: DS",
  "pending: user",
  "cancelled: AA, who had accepted",
  "stranger: client AA",
  "stranger: DS",
  "plain: AA of an unentitled tenant",
  "addressee: person without a tenant",
  "addressee: user without roles",
] as const;

const callers = [...inTheCommunity, ...fromOutside];
type Caller = (typeof callers)[number];

interface World extends CommunityWorld {
  readonly viewers: CommunityWorld["viewers"] & Record<Caller, Viewer>;
  readonly pendingTenant: Row;
  /** One that nobody has answered, and its link; and one that the pending tenant has accepted. */
  readonly open: { readonly id: string; readonly token: string };
  readonly accepted: { readonly id: string; readonly token: string };
}

const addressee = "addressee@invited.example";

async function seedInvitations(database: TestDatabase): Promise<World> {
  const world = await seedWorld(database);
  const { owner: db } = database;
  const seed = new Seed(db);
  await giveEmails(database);
  const pending = await seed.tenant();
  const accepter = await seed.user(pending, ["ACCOUNT_ADMINISTRATOR"]);
  const disabled = await seed.client(pending, ["ACCOUNT_ADMINISTRATOR"]);
  await db("tenant.identities")
    .where({ id: disabled.id })
    .update({ enabled: false });
  const removed = await seed.user(pending, ["ACCOUNT_ADMINISTRATOR"]);
  await db("tenant.identities").where({ id: removed.id }).delete();
  const cancelled = await seed.tenant();
  const canceller = await seed.user(cancelled, ["ACCOUNT_ADMINISTRATOR"]);
  const stranger = await seed.tenant();
  const plain = await seed.tenant(undefined, { entitled: false });
  const user = (
    tenant: Row,
    role?: "ACCOUNT_ADMINISTRATOR" | "DATA_STEWARD",
    email?: string,
  ) => seed.user(tenant, role ? [role] : [], email).then(as);

  const add = async (
    letter: string,
    email: string,
    state: string,
    answer?: { tenant: Row; by: Identity },
  ) => {
    const token = letter.repeat(43);
    const { rows } = await db.raw<{ rows: [{ id: string }] }>(
      `insert into community.invitations
         (community_id, community_name, issuing_tenant_id, issued_by, issued_by_name, email, token_hash, sent_at, expires_at, state,
          accepting_tenant_id, accepting_tenant_created_at, accepted_by, accepted_by_name, accepted_by_email,
          accepted_at, moderators, contact_email, new_tenants_read)
       select :community, 'Pumps', :issuer, gen_random_uuid(), 'Ann', :email, sha256(:token::text::bytea),
              now() - interval '1 day', now() + interval '1 day', :state,
              a.id, a.created_at, :by, case when a.id is not null then 'Bob' end, case when a.id is not null then :email end,
              case when a.id is not null then now() end, case when a.id is not null then array[:by::uuid] end,
              case when a.id is not null then 'b@b.example' end, case when a.id is not null then 'AT_ONCE' end
       from (select 1) one left join tenant.tenants a on a.id = :tenant
       returning uuid as id`,
      {
        community: world.community.id,
        issuer: world.tenants.owner.id,
        email,
        token,
        state,
        tenant: answer?.tenant.id ?? null,
        by: answer?.by.uuid ?? null,
      },
    );
    return { id: rows[0].id, token };
  };
  const open = await add("o", addressee, "CREATED");
  const accepted = await add("a", "bob@pending.example", "ACCEPTED", {
    tenant: pending,
    by: accepter,
  });
  await add("c", "cy@cancelled.example", "CANCELLED", {
    tenant: cancelled,
    by: canceller,
  });

  return {
    ...world,
    pendingTenant: pending,
    open,
    accepted,
    viewers: {
      ...world.viewers,
      "pending: AA, who accepted": as(accepter),
      "pending: other AA": await user(pending, "ACCOUNT_ADMINISTRATOR"),
      "pending: client AA": as(
        await seed.client(pending, ["ACCOUNT_ADMINISTRATOR"]),
      ),
      "pending: disabled client AA": as(disabled),
      "pending: removed AA": as(removed),
      "pending: DS": await user(pending, "DATA_STEWARD"),
      "pending: user": await user(pending),
      "cancelled: AA, who had accepted": as(canceller),
      "stranger: client AA": as(
        await seed.client(stranger, ["ACCOUNT_ADMINISTRATOR"]),
      ),
      "stranger: DS": await user(stranger, "DATA_STEWARD"),
      "plain: AA of an unentitled tenant": await user(
        plain,
        "ACCOUNT_ADMINISTRATOR",
      ),
      "addressee: person without a tenant": {
        ...anonymous,
        person: {
          id: "00000000-0000-4000-8000-0000000000bb",
          email: addressee,
          name: "Ann",
        },
      },
      "addressee: user without roles": await user(
        stranger,
        undefined,
        addressee,
      ),
    },
  };
}

/** As every user has one. */
const giveEmails = ({ owner }: TestDatabase) =>
  owner.raw(`
    insert into tenant.users (tenant_id, identity_id, email)
    select tenant_id, id, 'user-' || id || '@example.com' from tenant.identities where kind = 'USER'`);

const operations: Record<string, (world: World) => string> = {
  see: ({ open: { token } }) =>
    `{ invitation(token: "${token}") { state communityName } }`,
  listed: ({ community }) =>
    `{ community(id: "${community.uuid}") { invitations { nodes { id } } } }`,
  received: () => `{ viewer { acceptedInvitations { nodes { id } } } }`,
  invite: ({ community }) =>
    `mutation { inviteTenant(input: { communityId: "${community.uuid}", email: "x@y.example" }) { id } }`,
  resend: ({ open: { id } }) =>
    `mutation { resendInvitation(id: "${id}") { id } }`,
  withdraw: ({ open: { id } }) =>
    `mutation { withdrawInvitation(id: "${id}") { id } }`,
  "withdraw accepted": ({ accepted: { id } }) =>
    `mutation { withdrawInvitation(id: "${id}") { id } }`,
  accept: ({ open: { token } }) =>
    `mutation { acceptInvitation(input: { token: "${token}", contactEmail: "x@y.example" }) { id } }`,
  decline: ({ open: { token } }) =>
    `mutation { declineInvitation(token: "${token}") { id } }`,
  cancel: ({ accepted: { id } }) =>
    `mutation { cancelAcceptance(id: "${id}") { id } }`,
  confirm: ({ accepted: { id }, pendingTenant }) =>
    `mutation { confirmInvitation(input: { id: "${id}", tenantId: "${pendingTenant.uuid}" }) { id } }`,
};

/** Rows of DOMAIN.md in the second line. Rules 2 and 3: who has only accepted sees no community; who owns it or is in cannot accept. */
const table = `
                                   see listed received invite resend withdraw withdraw_accepted accept decline cancel confirm
                                   C6  C5     C6       C5     C5     C5       C5                C6     C6      C6     C7
nobody: anonymous                  U   U      U        U      U      U        U                 U      U       U      U
nobody: person without a tenant    ok  N      -        N      N      N        N                 F      F       N      N
owner: user, ADMINISTRATOR         ok  ok     -        ok     ok     ok       ok                F      F       F      ok
owner: user, MODERATOR             ok  -      -        F      N      N        N                 F      F       N      N
owner: user, MEMBER                ok  -      -        F      N      N        N                 F      F       N      N
owner: client, MEMBER              N   -      -        F      N      N        N                 N      N       N      N
owner: AA, no role                 ok  -      ok       F      N      N        N                 C      ok      N      N
owner: DS, no role                 ok  N      -        N      N      N        N                 F      F       N      N
owner: CONTRIBUTOR, no role        ok  N      -        N      N      N        N                 F      F       N      N
owner: VIEWER, no role             ok  N      -        N      N      N        N                 F      F       N      N
owner: client AA, no role          N   -      ok       F      N      N        N                 N      N       N      N
owner: disabled client, MEMBER     U   U      U        U      U      U        U                 U      U       U      U
member: user, MODERATOR            ok  -      -        F      N      N        N                 F      F       N      N
member: user, MEMBER               ok  -      -        F      N      N        N                 F      F       N      N
member: client, MEMBER             N   -      -        F      N      N        N                 N      N       N      N
member: AA, no role                ok  -      ok       F      N      N        N                 C      ok      N      N
member: AA, MEMBER                 ok  -      ok       F      N      N        N                 C      ok      N      N
member: client AA, no role         N   -      ok       F      N      N        N                 N      N       N      N
member: DS, no role                ok  N      -        N      N      N        N                 F      F       N      N
member: removed user, MODERATOR    U   U      U        U      U      U        U                 U      U       U      U
member: disabled client, MODERATOR U   U      U        U      U      U        U                 U      U       U      U
former: AA, was MODERATOR          ok  N      ok       N      N      N        N                 ok     ok      N      N
former: user, was MEMBER           ok  N      -        N      N      N        N                 F      F       N      N
stranger: AA, not in               ok  N      ok       N      N      N        N                 ok     ok      N      N
unentitled: AA, MODERATOR          ok  -      ok       F      N      N        N                 F      ok      N      N
unentitled: user, MEMBER           ok  -      -        F      N      N        N                 F      F       N      N
pending: AA, who accepted          ok  N      ok       N      N      N        F                 C      ok      ok     F
pending: other AA                  ok  N      ok       N      N      N        F                 C      ok      ok     F
pending: client AA                 N   N      ok       N      N      N        F                 N      N       ok     F
pending: disabled client AA        U   U      U        U      U      U        U                 U      U       U      U
pending: removed AA                U   U      U        U      U      U        U                 U      U       U      U
pending: DS                        ok  N      -        N      N      N        N                 F      F       N      N
pending: user                      ok  N      -        N      N      N        N                 F      F       N      N
cancelled: AA, who had accepted    ok  N      ok       N      N      N        N                 ok     ok      N      N
stranger: client AA                N   N      ok       N      N      N        N                 N      N       N      N
stranger: DS                       ok  N      -        N      N      N        N                 F      F       N      N
plain: AA of an unentitled tenant  ok  N      ok       N      N      N        N                 F      ok      N      N
addressee: person without a tenant ok  N      -        N      N      N        N                 F      ok      N      N
addressee: user without roles      ok  N      -        N      N      N        N                 F      ok      N      N
`;

testMatrix<Caller, World>({
  subgraph: {
    name: "community",
    schema,
    createContext: (db) => createContext(db, settings),
  },
  callers,
  seed: seedInvitations,
  operations,
  table,
});
