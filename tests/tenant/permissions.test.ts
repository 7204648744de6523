import { createContext } from "../../subgraphs/tenant/context.ts";
import { schema } from "../../subgraphs/tenant/schema.ts";
import {
  inCommunity,
  seedMatrixWorld,
  ownTenant,
  type MatrixCaller,
  type Target,
  type World,
} from "../community/matrix.ts";
import type { TestDatabase } from "../support/database.ts";
import { testMatrix } from "../support/matrix.ts";
import type { Identity } from "../support/seed.ts";
import { seedSecret, settings } from "../support/tenant-world.ts";

interface TenantWorld extends World {
  /** By the client's id. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** Users get e-mails and clients what they sign in with, as the graph would have given them. */
async function seed(database: TestDatabase): Promise<TenantWorld> {
  const world = await seedMatrixWorld(database);
  const { owner: db } = database;
  await db.raw(`
    insert into tenant.users (tenant_id, identity_id, email)
    select i.tenant_id, i.id, 'user-' || i.id || '@example.com' from tenant.identities i where i.kind = 'USER'
    on conflict do nothing`);
  await db.raw(`
    insert into tenant.clients (tenant_id, identity_id, client_id)
    select i.tenant_id, i.id, i.uuid from tenant.identities i where i.kind = 'CLIENT' on conflict do nothing`);
  const secrets = new Map<string, string>();
  for (const { identities } of Object.values(world.tenants)) {
    const client = identities.newcomerClientAA;
    secrets.set(client.uuid, await seedSecret(database, client));
  }
  return { ...world, secrets };
}

const tenant =
  (which: (target: Target) => { uuid: string }, field = "name") =>
  (target: Target) =>
    `{ tenant(id: "${which(target).uuid}") { ${field} } }`;
const on =
  (which: (target: Target) => Identity, mutation: (id: string) => string) =>
  (target: Target) =>
    `mutation { ${mutation(which(target).uuid)} }`;
const user = ({ own }: Target) => own.identities.newcomer;
const client = ({ own }: Target) => own.identities.newcomerClientAA;
const setRoles = (id: string) =>
  `setUserRoles(input: { id: "${id}", roles: [VIEWER] }) { id }`;

const operations: Record<
  string,
  (target: Target & Pick<TenantWorld, "secrets">) => string
> = {
  viewer: () => `{ viewer { roles } }`,
  own: tenant(({ own }) => own),
  region: tenant(({ own }) => own, "createdAt"),
  owner: tenant(({ tenants }) => tenants.owner),
  third: tenant(({ tenants }) => tenants.third),
  signUp: () => `mutation { signUpTenant(input: { name: "New" }) { id } }`,
  update: () =>
    `mutation { updateTenant(input: { usesPseudonyms: true }) { id } }`,
  createUser: () =>
    `mutation { createUser(input: { name: "Eve", email: "eve@example.com" }) { id } }`,
  userRoles: on(user, setRoles),
  removeUser: on(user, (id) => `removeUser(id: "${id}")`),
  createClient: () =>
    `mutation { createClient(input: { name: "Pump" }) { client { id } } }`,
  clientRoles: on(
    client,
    (id) => `setClientRoles(input: { id: "${id}", roles: [] }) { id }`,
  ),
  enabled: on(
    client,
    (id) => `setClientEnabled(id: "${id}", enabled: false) { id }`,
  ),
  removeClient: on(client, (id) => `removeClient(id: "${id}")`),
  rotate: on(
    client,
    (id) => `rotateClientSecret(input: { id: "${id}" }) { plainSecret }`,
  ),
  removeSecret: (target) =>
    `mutation { removeClientSecret(id: "${target.secrets.get(client(target).uuid)}") { id } }`,
  foreign: on(({ tenants }) => tenants.third.identities.newcomer, setRoles),
};

testMatrix<MatrixCaller, TenantWorld>({
  subgraph: {
    name: "tenant",
    schema,
    createContext: (db) => createContext(db, settings),
  },
  callers: inCommunity,
  seed,
  operations: Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (world: TenantWorld, caller: MatrixCaller) =>
        operation({ ...world, own: ownTenant(world, caller) }),
    ]),
  ),
  // Rows of DOMAIN.md in the second line. Whose tenant is pending, or who has none, tries what belongs to the stranger.
  table: `
                                  viewer own region owner third signUp update createUser userRoles removeUser createClient clientRoles enabled removeClient rotate removeSecret foreign
                                  T2     T2  T2     T3    T3    T5     T1     T1         T1        T1         T1           T1          T1      T1           T1     T1           T1
nobody: anonymous                 U      U   U      U     U     U      U      U          U         U          U            U           U       U            U      U            U
nobody: person without a tenant   -      N   N      N     N     ok     F      F          N         N          F            N           N       N            N      N            N
owner: user, ADMINISTRATOR        ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
owner: user, MODERATOR            ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
owner: user, MEMBER               ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
owner: client, MEMBER             ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
owner: AA, no role                ok     ok  ok     ok    ok    F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
owner: DS, no role                ok     ok  ok     ok    N     F      F      F          F         F          F            F           F       F            F      N            N
owner: CONTRIBUTOR, no role       ok     ok  ok     ok    N     F      F      F          F         F          F            F           F       F            F      N            N
owner: VIEWER, no role            ok     ok  ok     ok    N     F      F      F          F         F          F            F           F       F            F      N            N
owner: client AA, no role         ok     ok  ok     ok    ok    F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
owner: disabled client, MEMBER    U      U   U      U     U     U      U      U          U         U          U            U           U       U            U      U            U
member: user, MODERATOR           ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
member: user, MEMBER              ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
member: client, MEMBER            ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
member: AA, no role               ok     ok  ok     ok    ok    F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
member: AA, MEMBER                ok     ok  ok     ok    ok    F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
member: client AA, no role        ok     ok  ok     ok    ok    F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
member: DS, no role               ok     ok  ok     N     N     F      F      F          F         F          F            F           F       F            F      N            N
member: removed user, MODERATOR   U      U   U      U     U     U      U      U          U         U          U            U           U       U            U      U            U
member: disabled client, MODERATOR U      U   U      U     U     U      U      U          U         U          U            U           U       U            U      U            U
former: AA, was MODERATOR         ok     ok  ok     N     N     F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
former: user, was MEMBER          ok     ok  ok     N     N     F      F      F          F         F          F            F           F       F            F      N            N
stranger: AA, not in              ok     ok  ok     N     N     F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
unentitled: AA, MODERATOR         ok     ok  ok     ok    ok    F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok           N
unentitled: user, MEMBER          ok     ok  ok     ok    ok    F      F      F          F         F          F            F           F       F            F      N            N
invited: AA                       ok     N   N      N     N     F      ok     ok         N         N          ok           N           N       N            N      N            N
accepted: AA                      ok     N   N      ok    N     F      ok     ok         N         N          ok           N           N       N            N      N            N
accepted: client AA               ok     N   N      ok    N     F      ok     ok         N         N          ok           N           N       N            N      N            N
accepted: DS                      ok     N   N      N     N     F      F      F          N         N          F            N           N       N            N      N            N
`,
});
