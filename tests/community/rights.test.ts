import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { GraphQLEnumType } from "graphql";
import type { Knex } from "../../common/database.ts";
import type { Subgraph } from "../../common/schema.ts";
import { createContext as createCommunityContext } from "../../subgraphs/community/context.ts";
import type { CommunityRight } from "../../subgraphs/community/generated.ts";
import { schema as communitySchema } from "../../subgraphs/community/schema.ts";
import { createContext as createStreamContext } from "../../subgraphs/stream/context.ts";
import { schema as streamSchema } from "../../subgraphs/stream/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { outcome, run, type Answer } from "../support/run.ts";
import { Seed, type Membership, type Stream } from "../support/seed.ts";
import {
  callers,
  seedWorld,
  settings,
  type Caller,
  type CommunityWorld,
  type Tenant,
} from "./world.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

type TenantName = keyof CommunityWorld["tenants"];

let database: TestDatabase;
let world: CommunityWorld;
/** Of each tenant a stream that is shared, and one that is not; everybody there may share both. */
let streams: Map<Tenant, { shared: Stream; unshared: Stream }>;
beforeAll(async () => {
  database = await TestDatabase.create();
  world = await seedWorld(database);
  const seed = new Seed(database.owner);
  accepted = await seedAcceptance(seed);
  await seed.offer(
    world.community,
    world.tenants.unentitled.membership as Membership,
    { by: world.tenants.owner.identities.administrator },
  );
  streams = new Map();
  for (const name of Object.keys(world.tenants) as TenantName[]) {
    const tenant = world.tenants[name];
    const access = [{ rights: 1 + 16, role: "MEMBER" }] as const;
    const [shared, unshared] = [
      await seed.stream(tenant, { access }),
      await seed.stream(tenant, { access }),
    ];
    if (tenant.membership !== null && name !== "former")
      await seed.share(shared, tenant.membership);
    streams.set(tenant, { shared, unshared });
  }
});
afterAll(() => database.drop());

/** An invitation of the community that waits for confirmation, and the tenant that accepted it. */
let accepted: { id: string; tenantId: string };

async function seedAcceptance(seed: Seed) {
  const tenant = await seed.tenant();
  const user = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  const now = new Date();
  const [row] = (await database
    .owner("community.invitations")
    .insert({
      community_id: world.community.id,
      community_name: world.community.name,
      issuing_tenant_id: world.tenants.owner.id,
      issued_by: world.tenants.owner.identities.administrator.uuid,
      issued_by_name: "Ada",
      email: "ann@example.com",
      token_hash: Buffer.from("hash"),
      expires_at: new Date(now.getTime() + 86_400_000),
      state: "ACCEPTED",
      accepting_tenant_id: tenant.id,
      accepting_tenant_created_at: now,
      accepted_by: user.uuid,
      accepted_by_name: "Ann",
      accepted_by_email: "ann@example.com",
      accepted_at: now,
      moderators: [user.uuid],
      contact_email: "ann@example.com",
      new_tenants_read: "AT_ONCE",
    })
    .returning("uuid")) as [{ uuid: string }];
  return { id: row.uuid, tenantId: tenant.uuid };
}

interface Target {
  readonly id: string;
  readonly own: Tenant;
  readonly shared: Stream;
  readonly unshared: Stream;
}

const give = (
  { id, own }: Target,
  who: keyof Tenant["identities"],
  role: string,
) =>
  `mutation { setCommunityRoles(input: { communityId: "${id}", members: [{ identityId: "${own.identities[who].uuid}", role: ${role} }] }) { communityId } }`;

/** What each right is a right to. */
const trials: Record<
  CommunityRight,
  readonly [subgraph: "community" | "stream", (target: Target) => string]
> = {
  EDIT: [
    "community",
    ({ id }) =>
      `mutation { updateCommunity(input: { id: "${id}", description: "New" }) { id } }`,
  ],
  DELETE: [
    "community",
    ({ id }) =>
      `mutation { deleteCommunity(id: "${id}", confirmName: "${world.community.name}") { communityId } }`,
  ],
  REMOVE_TENANT: [
    "community",
    ({ id }) =>
      `mutation { removeTenant(communityId: "${id}", tenantId: "${world.tenants.third.uuid}") { communityId } }`,
  ],
  LEAVE: [
    "community",
    ({ id }) =>
      `mutation { leaveCommunity(communityId: "${id}") { communityId } }`,
  ],
  PAUSE_SHARING: [
    "community",
    ({ id }) =>
      `mutation { pauseSharing(communityId: "${id}") { communityId } }`,
  ],
  MANAGE_MEMBERS: ["community", (target) => give(target, "newcomer", "MEMBER")],
  APPOINT_MODERATORS: [
    "community",
    (target) => give(target, "newcomerAA", "MODERATOR"),
  ],
  APPOINT_ADMINISTRATORS: [
    "community",
    (target) => give(target, "newcomer", "ADMINISTRATOR"),
  ],
  EDIT_MEMBERSHIP: [
    "community",
    ({ id }) =>
      `mutation { updateMembership(input: { communityId: "${id}", alias: "New" }) { id } }`,
  ],
  INVITE: [
    "community",
    ({ id }) =>
      `mutation { inviteTenant(input: { communityId: "${id}", email: "new@example.com" }) { id } }`,
  ],
  CONFIRM: [
    "community",
    () =>
      `mutation { confirmInvitation(input: { id: "${accepted.id}", tenantId: "${accepted.tenantId}" }) { id } }`,
  ],
  APPROVE_NEW_TENANTS: [
    "community",
    ({ id }) =>
      `mutation { approveNewTenant(communityId: "${id}", tenantId: "${world.tenants.third.uuid}") { id } }`,
  ],
  // What is offered already is not offered again; who lacks the entitlement to accept may decline.
  OFFER_OWNERSHIP: [
    "community",
    ({ id }) =>
      `mutation { withdrawOwnershipOffer(communityId: "${id}") { id } }`,
  ],
  ACCEPT_OWNERSHIP: [
    "community",
    ({ id }) => `mutation { declineOwnership(communityId: "${id}") { id } }`,
  ],
  READ_LEDGER: [
    "community",
    ({ id }) => `{ community(id: "${id}") { ledger { totalCount } } }`,
  ],
  READ_STREAMS: [
    "stream",
    () =>
      `{ stream(id: "${streams.get(world.tenants.third)?.shared.uuid}") { id } }`,
  ],
  SHARE_STREAMS: [
    "stream",
    ({ id, unshared }) =>
      `mutation { shareStreams(input: { streamIds: ["${unshared.uuid}"], communityIds: ["${id}"] }) { id } }`,
  ],
  END_SHARES: [
    "stream",
    ({ id, shared }) =>
      `mutation { unshareStreams(input: { streamIds: ["${shared.uuid}"], communityIds: ["${id}"] }) { applied } }`,
  ],
};

const subgraphs: Record<string, (db: Knex) => Subgraph> = {
  community: (db) => ({
    name: "community",
    schema: communitySchema,
    createContext: createCommunityContext(db, settings),
  }),
  stream: (db) => ({
    name: "stream",
    schema: streamSchema,
    createContext: createStreamContext(db, unrecorded),
  }),
};

/** Tries something in a transaction that is rolled back, so that one world serves all. */
async function tryOut(
  name: "community" | "stream",
  caller: Caller,
  operation: string,
) {
  const transaction = await database.as(name).transaction();
  try {
    const subgraph = subgraphs[name]?.(transaction) as Subgraph;
    return await run(subgraph, world.viewers[caller], operation);
  } finally {
    await transaction.rollback();
  }
}

/** What a field does not show to this caller is null. */
const isHidden = ({ data }: Answer) => JSON.stringify(data).includes("null");

test("every right can be tried", () => {
  const { name, ...values } = communitySchema
    .getType("CommunityRight")
    ?.toConfig() as ReturnType<GraphQLEnumType["toConfig"]>;
  expect(name).toBe("CommunityRight");
  expect(Object.keys(trials).sort()).toEqual(Object.keys(values.values).sort());
});

describe.each(callers)("%s", (caller) => {
  test("may do what myRights names, and nothing else", async () => {
    const [who = ""] = caller.split(":");
    const own = world.tenants[who as TenantName] ?? world.tenants.stranger;
    const target = {
      id: world.community.uuid,
      own,
      ...(streams.get(own) as { shared: Stream; unshared: Stream }),
    };
    const { data } = await tryOut(
      "community",
      caller,
      `{ community(id: "${target.id}") { myRights } }`,
    );
    const community = data?.["community"] as { myRights: string[] } | undefined;
    const possible: string[] = [];
    for (const [right, [subgraph, operation]] of Object.entries(trials)) {
      const answer = await tryOut(subgraph, caller, operation(target));
      if (outcome(answer) === "ok" && !isHidden(answer)) possible.push(right);
    }
    expect(possible.sort()).toEqual([...(community?.myRights ?? [])].sort());
  });
});
