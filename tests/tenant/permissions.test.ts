import { createContext } from "../../subgraphs/tenant/context.ts";
import { schema } from "../../subgraphs/tenant/schema.ts";
import { testMatrix } from "../support/matrix.ts";
import {
  seedTenants,
  settings,
  type Caller,
  type TenantWorld,
} from "../support/tenant-world.ts";

const callers: readonly Caller[] = [
  "an administrator",
  "a client who is administrator",
  "a data steward",
  "a user without roles",
  "the client itself",
  "the administrator of a partner tenant",
  "the administrator of a tenant never met",
  "a disabled client",
  "a removed identity",
  "a person without a tenant",
  "an anonymous caller",
];

type World = TenantWorld & { readonly viewers: TenantWorld["callers"] };

const tenant =
  (name: "home" | "partner" | "stranger", fields = "name") =>
  (world: World) =>
    `{ tenant(id: "${world[name].uuid}") { ${fields} } }`;
const onUser =
  (mutation: (id: string) => string) =>
  ({ identities }: World) =>
    `mutation { ${mutation(identities.user.uuid)} }`;
const onClient =
  (mutation: (id: string) => string) =>
  ({ identities }: World) =>
    `mutation { ${mutation(identities.client.uuid)} }`;

const operations: Record<string, (world: World) => string> = {
  viewer: () => `{ viewer { roles } }`,
  home: tenant("home"),
  partner: tenant("partner"),
  stranger: tenant("stranger"),
  region: tenant("home", "createdAt"),
  users: tenant("home", "users { totalCount }"),
  clients: tenant("home", "clients { totalCount }"),
  signUp: () => `mutation { signUpTenant(input: { name: "New" }) { id } }`,
  update: () =>
    `mutation { updateTenant(input: { usesPseudonyms: true }) { id } }`,
  createUser: () =>
    `mutation { createUser(input: { name: "Eve", email: "eve@example.com" }) { id } }`,
  userRoles: onUser(
    (id) => `setUserRoles(input: { id: "${id}", roles: [VIEWER] }) { id }`,
  ),
  removeUser: onUser((id) => `removeUser(id: "${id}")`),
  createClient: () =>
    `mutation { createClient(input: { name: "Pump" }) { client { id } } }`,
  clientRoles: onClient(
    (id) => `setClientRoles(input: { id: "${id}", roles: [] }) { id }`,
  ),
  enabled: onClient(
    (id) => `setClientEnabled(id: "${id}", enabled: false) { id }`,
  ),
  removeClient: onClient((id) => `removeClient(id: "${id}")`),
  rotate: onClient(
    (id) => `rotateClientSecret(input: { id: "${id}" }) { plainSecret }`,
  ),
  removeSecret: ({ secret }) =>
    `mutation { removeClientSecret(id: "${secret}") { id } }`,
};

testMatrix<Caller, World>({
  subgraph: {
    name: "tenant",
    schema,
    createContext: (db) => createContext(db, settings),
  },
  callers,
  seed: async (database) => {
    const world = await seedTenants(database);
    return { ...world, viewers: world.callers };
  },
  operations,
  // Rows of DOMAIN.md in the second line. The partner is met in a community in which the user without roles takes part.
  table: `
                                        viewer home partner stranger region users clients signUp update createUser userRoles removeUser createClient clientRoles enabled removeClient rotate removeSecret
                                        T2     T2   T3      T3       T2     T2    T2      T5     T1     T1         T1        T1         T1           T1          T1      T1           T1     T1
an administrator                        ok     ok   ok      N        ok     ok    ok      F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok
a client who is administrator           ok     ok   ok      N        ok     ok    ok      F      ok     ok         ok        ok         ok           ok          ok      ok           ok     ok
a data steward                          ok     ok   N       N        ok     ok    ok      F      F      F          F         F          F            F           F       F            F      N
a user without roles                    ok     ok   ok      N        ok     ok    ok      F      F      F          F         F          F            F           F       F            F      N
the client itself                       ok     ok   N       N        ok     ok    ok      F      F      F          F         F          F            F           F       F            F      F
the administrator of a partner tenant   ok     ok   ok      N        -      -     -       F      ok     ok         N         N          ok           N           N       N            N      N
the administrator of a tenant never met ok     N    N       ok       N      N     N       F      ok     ok         N         N          ok           N           N       N            N      N
a disabled client                       U      U    U       U        U      U     U       U      U      U          U         U          U            U           U       U            U      U
a removed identity                      U      U    U       U        U      U     U       U      U      U          U         U          U            U           U       U            U      U
a person without a tenant               -      N    N       N        N      N     N       ok     F      F          N         N          F            N           N       N            N      N
an anonymous caller                     U      U    U       U        U      U     U       U      U      U          U         U          U            U           U       U            U      U
`,
});
