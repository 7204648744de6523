import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { tokenSent } from "../support/invitations.ts";
import { as, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { communitySubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = communitySubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

let owner: Row;
let guest: Row;
let community: Row & { ownerMembership: Membership };
let CA: Identity;
let CM: Identity;
let AA: Identity;
let DS: Identity;
let invited: { AA: Identity; DS: Identity };
let invitationId: string;
beforeEach(async () => {
  owner = await seed.tenant("Owner");
  guest = await seed.tenant("Guest");
  community = await seed.community(owner, "Pumps");
  CA = await seed.user(owner);
  CM = await seed.user(owner);
  AA = await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]);
  DS = await seed.user(owner, ["DATA_STEWARD"]);
  await seed.member(community.ownerMembership, CA, "ADMINISTRATOR");
  await seed.member(community.ownerMembership, CM, "MODERATOR");
  invited = {
    AA: await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]),
    DS: await seed.user(guest, ["DATA_STEWARD"]),
  };
  const email = `${guest.uuid}@guest.example`;
  const { id } = await does(
    CA,
    `inviteTenant(input: { communityId: "${community.uuid}", email: "${email}" }) { id }`,
  );
  invitationId = id;
  await does(
    invited.AA,
    `acceptInvitation(input: { token: "${await tokenSent(database, email)}", contactEmail: "${email}" }) { id }`,
  );
});

async function does(by: Identity, mutation: string): Promise<{ id: string }> {
  const { data, errors } = await run(
    subgraph,
    as(by),
    `mutation { done: ${mutation} }`,
  );
  expect(errors).toEqual([]);
  return data?.["done"] as unknown as { id: string };
}

const confirm = () =>
  does(
    CA,
    `confirmInvitation(input: { id: "${invitationId}", tenantId: "${guest.uuid}", acceptMismatch: true }) { id }`,
  );
const cancel = () =>
  does(invited.AA, `cancelAcceptance(id: "${invitationId}") { id }`);

/** Each step of the handshake, oldest first, with whose it was and whom it names. */
async function steps(
  reader: Identity,
  type: "Tenant" | "Community",
  { uuid }: Row,
): Promise<string[]> {
  const { data, errors } = await run(
    subgraph,
    as(reader),
    `{ _entities(representations: [{ __typename: "${type}", id: "${uuid}" }]) { ... on ${type} {
         ledger(kinds: [INVITATION]) { nodes { action actorTenant { id } after } } } } }`,
  );
  expect(errors).toEqual([]);
  const [{ ledger }] = data?.["_entities"] as unknown as [
    {
      ledger: {
        nodes: {
          action: string;
          actorTenant: { id: string } | null;
          after: { tenantId?: string };
        }[];
      };
    },
  ];
  const nameOf = (id: string | undefined) =>
    id === owner.uuid ? "owner" : id === guest.uuid ? "guest" : "nobody";
  return ledger.nodes
    .map(
      ({ action, actorTenant, after }) =>
        `${action} by ${nameOf(actorTenant?.id)}, of ${nameOf(after.tenantId)}`,
    )
    .reverse();
}

const invitedByOwner = "inviteTenant by owner, of nobody";

test("who may invite, and the administrators of both sides, read whose tenant accepted, and keep that", async () => {
  await cancel();
  const whole = [
    "acceptInvitation by guest, of guest",
    "cancelAcceptance by guest, of guest",
  ];
  expect(await steps(CA, "Community", community)).toEqual([
    invitedByOwner,
    ...whole,
  ]);
  expect(await steps(AA, "Tenant", owner)).toEqual([invitedByOwner, ...whole]);
  expect(await steps(invited.AA, "Tenant", guest)).toEqual(whole);
});

test("nobody else of the owner reads which tenant it was that merely accepted (T3)", async () => {
  const parts = [
    invitedByOwner,
    "acceptInvitation by nobody, of nobody",
    "cancelAcceptance by nobody, of nobody",
  ];
  expect(await steps(CM, "Community", community)).toEqual(parts.slice(0, 2));
  await cancel();
  expect(await steps(CM, "Community", community)).toEqual(parts);
  expect(await steps(CM, "Tenant", owner)).toEqual(parts);
  expect(await steps(DS, "Tenant", owner)).toEqual(parts);
});

test("nobody else of who accepted reads which tenant it was that confirmed", async () => {
  await confirm();
  expect(await steps(invited.DS, "Tenant", guest)).toEqual([
    "acceptInvitation by guest, of guest",
    "confirmInvitation by nobody, of guest",
  ]);
});

test("a moderator reads it of a tenant that is in by now", async () => {
  await confirm();
  const whole = [
    "acceptInvitation by guest, of guest",
    "confirmInvitation by owner, of guest",
  ];
  expect(await steps(CM, "Community", community)).toEqual([
    invitedByOwner,
    ...whole,
  ]);
  const moderator = await seed.user(guest);
  const row = await database
    .owner("community.memberships")
    .where({ community_id: community.id, tenant_id: guest.id })
    .first<{ id: number; uuid: string }>("id", "uuid");
  const membership = { ...row, tenantId: guest.id };
  await seed.member(membership, moderator, "MODERATOR");
  expect(await steps(moderator, "Community", community)).toEqual(whole);
});
