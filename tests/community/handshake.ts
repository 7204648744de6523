import { afterAll, beforeAll, beforeEach, expect } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { tokenSent } from "../support/invitations.ts";
import { as, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { communitySubgraph } from "./world.ts";

export let database: TestDatabase;
let subgraph: Subgraph;
export let seed: Seed;

/* A community, its administrator, and a company that is invited. */
export let owner: Row;
export let community: Row & { ownerMembership: Membership };
export let administrator: Identity;
export let guest: Row;
export let guestAdministrator: Identity;
export let email: string;

/** Makes a database for this test file, and anew for each test a community and a company to invite. */
export function useHandshake(): void {
  let count = 0;
  beforeAll(async () => {
    database = await TestDatabase.create();
    subgraph = communitySubgraph(database);
    seed = new Seed(database.owner);
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    count += 1;
    email = `gina-${count}@guest.example`;
    owner = await seed.tenant("Owner");
    community = await seed.community(owner, "Pumps");
    administrator = await seed.user(owner);
    await seed.member(
      community.ownerMembership,
      administrator,
      "ADMINISTRATOR",
    );
    guest = await seed.tenant("Guest");
    guestAdministrator = await seed.user(
      guest,
      ["ACCOUNT_ADMINISTRATOR"],
      email,
    );
  });
}

export const person = (email: string): Viewer => ({
  ...anonymous,
  person: { id: "00000000-0000-4000-8000-0000000000aa", email, name: "Pia" },
  isEmailProven: true,
});

export const ask = (
  viewer: Viewer,
  operation: string,
  variables: object = {},
  at = subgraph,
): Promise<Answer> =>
  attempt(database, () => run(at, viewer, operation, { ...variables }));
export const read = (viewer: Viewer, query: string, variables: object = {}) =>
  run(subgraph, viewer, query, { ...variables });

export const fields = `id state email message communityName communityDescription issuingTenantName issuedByName expiresAt
  community { id } issuingTenant { id } acceptingTenant { id } acceptedByName acceptedByEmail acceptedByAddressee
  acceptedAt acceptingTenantCreatedAt`;

export const invite = (input: object = {}, by = administrator, at = subgraph) =>
  ask(
    as(by),
    `mutation ($input: InviteTenantInput!) { inviteTenant(input: $input) { ${fields} } }`,
    { input: { communityId: community.uuid, email, ...input } },
    at,
  );
export const accept = (
  token: string,
  input: object = {},
  by: Viewer = as(guestAdministrator),
) =>
  ask(
    by,
    `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { ${fields} } }`,
    { input: { token, contactEmail: "data@guest.example", ...input } },
  );
export const confirm = (id: string, input: object = {}, by = administrator) =>
  ask(
    as(by),
    `mutation ($input: ConfirmInvitationInput!) {
      confirmInvitation(input: $input) { id isOwner status alias contactEmail tenant { id } } }`,
    { input: { id, tenantId: guest.uuid, ...input } },
  );
const byId =
  (mutation: string) =>
  (id: string, by: Identity = administrator, at = subgraph) =>
    ask(
      as(by),
      `mutation ($id: ID!) { ${mutation}(id: $id) { ${fields} } }`,
      { id },
      at,
    );
export const resend = byId("resendInvitation");
export const withdraw = byId("withdrawInvitation");
const cancelBy = byId("cancelAcceptance");
export const cancel = (id: string, by = guestAdministrator) => cancelBy(id, by);
export const decline = (token: string, by: Viewer = as(guestAdministrator)) =>
  ask(
    by,
    `mutation ($token: String!) { declineInvitation(token: $token) { ${fields} } }`,
    { token },
  );
export const see = (token: string, by: Viewer) =>
  read(
    by,
    `query ($token: String!) { invitation(token: $token) { ${fields} joiningMeans } }`,
    { token },
  );

/** The one field of an answer that must have succeeded. */
export function got<T = { id: string; state: string }>({
  data,
  errors,
}: Answer): T {
  expect(errors).toEqual([]);
  return Object.values(data ?? {})[0] as T;
}

export async function invited(input: object = {}) {
  const { id } = got(await invite(input));
  return { id, token: await tokenSent(database) };
}

export async function accepted(input: object = {}) {
  const invitation = await invited();
  got(await accept(invitation.token, input));
  return invitation;
}

/** Lets time pass for one invitation: moves all that it says of time. */
export const pass = (id: string, time: string) =>
  database.owner.raw(
    `update community.invitations set issued_at = issued_at - :time::interval, sent_at = sent_at - :time::interval,
       expires_at = expires_at - :time::interval, accepted_at = accepted_at - :time::interval where uuid = :id`,
    { id, time },
  );

export const memberships = () =>
  database
    .owner("community.memberships as m")
    .where({ "m.community_id": community.id })
    .pluck("m.tenant_id") as Promise<number[]>;

export const hoursFromNow = (time: string) =>
  Math.round((Date.parse(time) - Date.now()) / 3_600_000);
