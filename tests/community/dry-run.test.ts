import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Knex } from "../../common/database.ts";
import { createContext as createCommunityContext } from "../../subgraphs/community/context.ts";
import { schema as communitySchema } from "../../subgraphs/community/schema.ts";
import { createContext as createStreamContext } from "../../subgraphs/stream/context.ts";
import { schema as streamSchema } from "../../subgraphs/stream/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { outcome, run, type Answer } from "../support/run.ts";
import { Seed, type Stream } from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";
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
/** Of each tenant a stream; the tenants that are in the community share it there. */
let streams: Map<Tenant, Stream>;
beforeAll(async () => {
  database = await TestDatabase.create();
  world = await seedWorld(database);
  const seed = new Seed(database.owner);
  streams = new Map();
  for (const name of Object.keys(world.tenants) as TenantName[]) {
    const tenant = world.tenants[name];
    const stream = await seed.stream(tenant);
    if (tenant.membership !== null && name !== "former")
      await seed.share(stream, tenant.membership);
    streams.set(tenant, stream);
  }
});
afterAll(() => database.drop());

interface Target {
  readonly id: string;
  readonly own: Tenant;
  readonly stream: Stream;
}

const roles = (
  { id, own }: Target,
  who: keyof Tenant["identities"],
  role: string,
) =>
  `communityId: "${id}", members: [{ identityId: "${own.identities[who].uuid}", role: ${role} }]`;

const change = `applied communityId community { id myRole myRights } membership { id status alias isOwner } members { identity { id } role }
  tenantCount identityCount shareCount streamCount stillReadableCount
  tenants { id } identities { id } streams { id } stillReadable { id }`;
const readersChange = `applied endedShareIds tenantCount identityCount streamCount stillReadableCount
  streams { id myRights } stillReadable { id } tenants { id }`;

type Name = "community" | "stream";

/** Every operation that has a dry run. */
const operations: Record<
  string,
  readonly [Name, (target: Target, dryRun: boolean) => string]
> = {
  deleteCommunity: [
    "community",
    ({ id }, dryRun) =>
      `deleteCommunity(id: "${id}", confirmName: "${world.community.name}", dryRun: ${dryRun}) { ${change} }`,
  ],
  "deleteCommunity by another name": [
    "community",
    ({ id }, dryRun) =>
      `deleteCommunity(id: "${id}", confirmName: "Other", dryRun: ${dryRun}) { ${change} }`,
  ],
  removeTenant: [
    "community",
    ({ id }, dryRun) =>
      `removeTenant(communityId: "${id}", tenantId: "${world.tenants.third.uuid}", dryRun: ${dryRun}) { ${change} }`,
  ],
  "removeTenant of the owner": [
    "community",
    ({ id }, dryRun) =>
      `removeTenant(communityId: "${id}", tenantId: "${world.tenants.owner.uuid}", dryRun: ${dryRun}) { ${change} }`,
  ],
  leaveCommunity: [
    "community",
    ({ id }, dryRun) =>
      `leaveCommunity(communityId: "${id}", dryRun: ${dryRun}) { ${change} }`,
  ],
  pauseSharing: [
    "community",
    ({ id }, dryRun) =>
      `pauseSharing(communityId: "${id}", dryRun: ${dryRun}) { ${change} }`,
  ],
  ...Object.fromEntries(
    (
      [
        ["newcomer", "MEMBER"],
        ["newcomerAA", "MODERATOR"],
        ["newcomer", "MODERATOR"],
        ["administrator", "MEMBER"],
        ["newcomer", "ADMINISTRATOR"],
      ] as const
    ).map(([who, role]) => [
      `setCommunityRoles: ${who} ${role}`,
      [
        "community" as const,
        (target: Target, dryRun: boolean) =>
          `setCommunityRoles(input: { ${roles(target, who, role)}, dryRun: ${dryRun} }) { ${change} }`,
      ],
    ]),
  ),
  removeCommunityMembers: [
    "community",
    ({ id, own }, dryRun) =>
      `removeCommunityMembers(input: { communityId: "${id}", identityIds: ["${own.identities.member.uuid}", "${own.identities.memberAA.uuid}"], dryRun: ${dryRun} }) { ${change} }`,
  ],
  unshareStreams: [
    "stream",
    ({ stream }, dryRun) =>
      `unshareStreams(input: { streamIds: ["${stream.uuid}"], dryRun: ${dryRun} }) { ${readersChange} }`,
  ],
  setStreamAccess: [
    "stream",
    ({ stream }, dryRun) =>
      `setStreamAccess(input: { streamIds: ["${stream.uuid}"], access: [], dryRun: ${dryRun} }) { ${readersChange} }`,
  ],
};

const graphs = {
  community: (db: Knex) => ({
    name: "community",
    schema: communitySchema,
    createContext: createCommunityContext(db, settings),
  }),
  stream: (db: Knex) => ({
    name: "stream",
    schema: streamSchema,
    createContext: createStreamContext(db, unrecorded),
  }),
};

/** Changes something for real, in a transaction that is rolled back, so that one world serves all. */
async function changeForReal(
  name: Name,
  caller: Caller,
  mutation: string,
): Promise<Answer> {
  const transaction = await database.as(name).transaction();
  try {
    return await run(
      graphs[name](transaction),
      world.viewers[caller],
      `mutation { change: ${mutation} }`,
    );
  } finally {
    await transaction.rollback();
  }
}

describe.each(callers)("%s", (caller) => {
  test("is answered and refused by a dry run as by the change, and nothing is written", async () => {
    const [who = ""] = caller.split(":");
    const own = world.tenants[who as TenantName] ?? world.tenants.stranger;
    const target = {
      id: world.community.uuid,
      own,
      stream: streams.get(own) as Stream,
    };
    const before = await everythingWritten(database);
    for (const [name, mutation] of Object.values(operations)) {
      const real = await changeForReal(name, caller, mutation(target, false));
      const dry = await run(
        graphs[name](database.as(name)),
        world.viewers[caller],
        `mutation { change: ${mutation(target, true)} }`,
      );
      const expected =
        outcome(real) === "ok"
          ? {
              ...real,
              data: {
                change: {
                  ...(real.data?.["change"] as object | undefined),
                  applied: false,
                },
              },
            }
          : real;
      expect(dry).toEqual(expected);
    }
    expect(await everythingWritten(database)).toEqual(before);
  });
});
