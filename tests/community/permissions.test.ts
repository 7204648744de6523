import { testCommunityMatrix, type Target } from "./matrix.ts";
import type { Tenant } from "./world.ts";

const roles = (input: string) =>
  `mutation { setCommunityRoles(input: ${input}) { communityId } }`;
const set =
  (who: keyof Tenant["identities"], role: string) =>
  ({ community, own }: Target) =>
    roles(
      `{ communityId: "${community.uuid}", members: [{ identityId: "${own.identities[who].uuid}", role: ${role} }] }`,
    );
const remove =
  (who: keyof Tenant["identities"]) =>
  ({ community, own }: Target) =>
    `mutation { removeCommunityMembers(input: { communityId: "${community.uuid}", identityIds: ["${own.identities[who].uuid}"] }) { communityId } }`;

/** What is tried, by the name of its column below. */
const operations: Record<string, (target: Target) => string> = {
  viewer: () => `{ viewer { communities { nodes { id } } } }`,
  communities: () => `{ communities { nodes { id } } }`,
  community: ({ community }) => `{ community(id: "${community.uuid}") { id } }`,
  create: () => `mutation { createCommunity(input: { name: "New" }) { id } }`,
  delete: ({ community }) =>
    `mutation { deleteCommunity(id: "${community.uuid}", confirmName: "${community.name}") { communityId } }`,
  removeTenant: ({ community, tenants }) =>
    `mutation { removeTenant(communityId: "${community.uuid}", tenantId: "${tenants.third.uuid}") { communityId } }`,
  leave: ({ community }) =>
    `mutation { leaveCommunity(communityId: "${community.uuid}") { communityId } }`,
  pause: ({ community }) =>
    `mutation { pauseSharing(communityId: "${community.uuid}") { communityId } }`,
  resume: ({ community }) =>
    `mutation { resumeSharing(communityId: "${community.uuid}") { id } }`,
  "none>MB": set("newcomer", "MEMBER"),
  "none>CM": set("newcomerAA", "MODERATOR"),
  "MB>CM": set("memberAA", "MODERATOR"),
  "CM>MB": set("moderator", "MEMBER"),
  "none>CA": set("newcomer", "ADMINISTRATOR"),
  "client>CA": set("newcomerClientAA", "ADMINISTRATOR"),
  "no AA>CM": set("newcomer", "MODERATOR"),
  "CA>CM": set("administrator", "MODERATOR"),
  "MB>none": remove("member"),
  "CM>none": remove("moderator"),
  "CA>none": remove("administrator"),
};

/** Rows of DOMAIN.md in the second line. The administrator that a column takes down is a moderator in a member tenant. */
const table = `
                                  viewer communities community create delete removeTenant leave pause resume none>MB none>CM MB>CM CM>MB none>CA client>CA no_AA>CM CA>CM CA>none MB>none CM>none
                                  T2     C2          C2        C1     C4     C8           C9    C10   C10    C11     C13,C16 C13   C13   C14,C16 C14       C13      C14   C14     C11     C13
nobody: anonymous                 U      U           U         U      U      U            U     U     U      U       U       U     U     U       U         U        U     U       U       U
nobody: person without a tenant   -      ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
owner: user, ADMINISTRATOR        ok     ok          ok        F      ok     ok           C     ok    ok     ok      ok      ok    ok    ok      F         F        ok    ok      ok      ok
owner: user, MODERATOR            ok     ok          ok        F      F      F            C     ok    ok     ok      ok      ok    ok    F       F         F        F     F       ok      ok
owner: user, MEMBER               ok     ok          ok        F      F      F            F     F     F      F       F       F     F     F       F         F        F     F       F       F
owner: client, MEMBER             ok     ok          ok        F      F      F            F     F     F      F       F       F     F     F       F         F        F     F       F       F
owner: AA, no role                ok     ok          ok        ok     F      F            C     ok    ok     F       F       F     F     ok      F         F        F     ok      F       F
owner: DS, no role                ok     ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
owner: CONTRIBUTOR, no role       ok     ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
owner: VIEWER, no role            ok     ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
owner: client AA, no role         ok     ok          ok        F      F      F            C     ok    ok     F       F       F     F     ok      F         F        F     ok      F       F
owner: disabled client, MEMBER    U      U           U         U      U      U            U     U     U      U       U       U     U     U       U         U        U     U       U       U
member: user, MODERATOR           ok     ok          ok        F      F      F            ok    ok    ok     ok      ok      ok    ok    F       F         F        ok    ok      ok      ok
member: user, MEMBER              ok     ok          ok        F      F      F            F     F     F      F       F       F     F     F       F         F        F     F       F       F
member: client, MEMBER            ok     ok          ok        F      F      F            F     F     F      F       F       F     F     F       F         F        F     F       F       F
member: AA, no role               ok     ok          ok        ok     F      F            ok    ok    ok     F       ok      ok    F     F       F         F        ok    ok      F       ok
member: AA, MEMBER                ok     ok          ok        ok     F      F            ok    ok    ok     F       ok      ok    F     F       F         F        ok    ok      F       ok
member: client AA, no role        ok     ok          ok        F      F      F            ok    ok    ok     F       ok      ok    F     F       F         F        ok    ok      F       ok
member: DS, no role               ok     ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
member: removed user, MODERATOR   U      U           U         U      U      U            U     U     U      U       U       U     U     U       U         U        U     U       U       U
member: disabled client, MODERATOR U     U           U         U      U      U            U     U     U      U       U       U     U     U       U         U        U     U       U       U
former: AA, was MODERATOR         ok     ok          N         ok     N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
former: user, was MEMBER          ok     ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
stranger: AA, not in              ok     ok          N         ok     N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
unentitled: AA, MODERATOR         ok     ok          ok        F      F      F            ok    ok    ok     ok      ok      ok    ok    F       F         F        ok    ok      ok      ok
unentitled: user, MEMBER          ok     ok          ok        F      F      F            F     F     F      F       F       F     F     F       F         F        F     F       F       F
invited: AA                       ok     ok          N         ok     N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
accepted: AA                      ok     ok          N         ok     N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
accepted: client AA               ok     ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
accepted: DS                      ok     ok          N         F      N      N            N     N     N      N       N       N     N     N       N         N        N     N       N       N
`;

testCommunityMatrix(
  operations,
  table,
  // Resuming what nobody paused is none, nor is making a moderator of whom another tenant than the owner has as one.
  (operation, caller) =>
    operation === "resume" ||
    (operation === "CA>CM" && !caller.startsWith("owner")),
);
