import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { record, type LedgerEntry } from "../../common/ledger-store.ts";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import {
  callers as streamCallers,
  seedWorld as seedStreamWorld,
} from "../stream/world.ts";
import { TestDatabase } from "../support/database.ts";
import { ledgerOf, type TestLedger } from "../support/ledger.ts";
import { outcome, run } from "../support/run.ts";
import {
  callers,
  communitySubgraph,
  seedWorld,
  type Caller,
  type CommunityWorld,
} from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let ledger: TestLedger;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = communitySubgraph(database);
  ledger = await ledgerOf(database);
});
afterAll(() => database.drop());

const write = (
  action: string,
  entries: readonly LedgerEntry[],
  viewer = anonymous,
) =>
  database
    .as("tenant")
    .transaction((transaction) =>
      record(transaction, { viewer, requestId: "test" }, action, entries),
    );

/** The actions that somebody reads of a ledger, newest first; null where it is closed. */
async function read(
  viewer: Viewer,
  type: "Tenant" | "Stream",
  id: string,
  args = "",
) {
  const answer = await run(
    subgraph,
    viewer,
    `query ($of: [_Any!]!) { _entities(representations: $of) { ... on ${type} {
       ledger${args} { nodes { action } totalCount } } } }`,
    { of: [{ __typename: type, id }] },
  );
  if (outcome(answer) !== "ok") return outcome(answer);
  const [entity] = (
    answer.data as unknown as {
      _entities: [{ ledger: { nodes: { action: string }[] } | null } | null];
    }
  )._entities;
  return entity?.ledger?.nodes.map(({ action }) => action) ?? null;
}

describe("each kind of caller", () => {
  const inside = (tenantIds: string[], communityId?: string): LedgerEntry => ({
    kind: "ROLE",
    subjectType: "Identity",
    subjectId: tenantIds[0] as string,
    tenantIds,
    ...(communityId && { communityId }),
  });
  let world: CommunityWorld;
  beforeAll(async () => {
    world = await seedWorld(database);
    const { community, tenants } = world;
    for (const [name, { uuid }] of Object.entries(tenants)) {
      await write(`${name} inside`, [inside([uuid])]);
      await write(`${name} in the community`, [inside([uuid], community.uuid)]);
    }
    await write("all of the community", [
      {
        ...inside([tenants.owner.uuid], community.uuid),
        kind: "MEMBERSHIP",
        tenantIds: null,
      },
    ]);
  });

  /** T4 of the own tenant: W the whole, P its part of the community, - nothing; C17 of the community: its tenant's part. */
  const table: Readonly<
    Record<Caller, readonly [tenant: string, community: string]>
  > = {
    "nobody: anonymous": ["U", "U"],
    "nobody: person without a tenant": ["-", "N"],
    "owner: user, ADMINISTRATOR": ["P", "P"],
    "owner: user, MODERATOR": ["P", "P"],
    "owner: user, MEMBER": ["-", "-"],
    "owner: client, MEMBER": ["-", "-"],
    "owner: AA, no role": ["W", "-"],
    "owner: DS, no role": ["W", "N"],
    "owner: CONTRIBUTOR, no role": ["-", "N"],
    "owner: VIEWER, no role": ["-", "N"],
    "owner: client AA, no role": ["W", "-"],
    "owner: disabled client, MEMBER": ["U", "U"],
    "member: user, MODERATOR": ["P", "P"],
    "member: user, MEMBER": ["-", "-"],
    "member: client, MEMBER": ["-", "-"],
    "member: AA, no role": ["W", "-"],
    "member: AA, MEMBER": ["W", "-"],
    "member: client AA, no role": ["W", "-"],
    "member: DS, no role": ["W", "N"],
    "member: removed user, MODERATOR": ["U", "U"],
    "member: disabled client, MODERATOR": ["U", "U"],
    "former: AA, was MODERATOR": ["W", "N"],
    "former: user, was MEMBER": ["-", "N"],
    "stranger: AA, not in": ["W", "N"],
    "unentitled: AA, MODERATOR": ["W", "P"],
    "unentitled: user, MEMBER": ["-", "-"],
  };

  const seen = (tenant: string, cell: string) => {
    const codes: Readonly<Record<string, string>> = {
      U: "UNAUTHENTICATED",
      N: "NOT_FOUND",
    };
    if (cell in codes) return codes[cell];
    if (cell === "-") return null;
    return [
      ...(["former", "stranger"].includes(tenant)
        ? []
        : ["all of the community"]),
      `${tenant} in the community`,
      ...(cell === "W" ? [`${tenant} inside`] : []),
    ];
  };

  test.each(callers)(
    "%s reads of its tenant's ledger what T4 says, of another's nothing",
    async (caller) => {
      const [name = ""] = caller.split(":");
      const { tenants, viewers } = world;
      const own = tenants[name as keyof typeof tenants] ?? tenants.stranger;
      const [cell] = table[caller];
      expect(await read(viewers[caller], "Tenant", own.uuid)).toEqual(
        seen(name, cell),
      );
      expect(await read(viewers[caller], "Tenant", tenants.third.uuid)).toEqual(
        cell === "U" ? "UNAUTHENTICATED" : null,
      );
    },
  );

  test.each(callers)(
    "%s reads of the community's ledger what C17 says",
    async (caller) => {
      const answer = await run(
        subgraph,
        world.viewers[caller],
        `{ community(id: "${world.community.uuid}") { ledger { nodes { action } totalCount } } }`,
      );
      const [name = ""] = caller.split(":");
      const [, cell] = table[caller];
      const expected = seen(name, cell);
      if (typeof expected === "string") {
        expect(outcome(answer)).toBe(expected);
        return;
      }
      expect(answer.errors).toEqual([]);
      expect(answer.data).toEqual({
        community: {
          ledger: expected && {
            nodes: expected.map((action) => ({ action })),
            totalCount: expected.length,
          },
        },
      });
    },
  );

  test.each(callers)(
    "%s fetches the heads that T4 and C17 open to it",
    async (caller) => {
      await ledger.seal();
      const [name = ""] = caller.split(":");
      const { tenants, viewers, community } = world;
      const own = tenants[name as keyof typeof tenants] ?? tenants.stranger;
      const [ofTenant, ofCommunity] = table[caller];
      const answer = await run(
        subgraph,
        viewers[caller],
        `query ($of: [_Any!]!) { _entities(representations: $of) {
         ... on Tenant { ledgerHead { chainId } } ... on Community { ledgerHead { chainId } } } }`,
        {
          of: [
            { __typename: "Tenant", id: own.uuid },
            { __typename: "Community", id: community.uuid },
          ],
        },
      );
      if (ofTenant === "U") {
        expect(outcome(answer)).toBe("UNAUTHENTICATED");
        return;
      }
      expect(answer.data).toEqual({
        _entities: [
          { ledgerHead: ofTenant === "W" ? { chainId: own.uuid } : null },
          ofCommunity === "N"
            ? null
            : {
                ledgerHead:
                  ofCommunity === "P" ? { chainId: community.uuid } : null,
              },
        ],
      });
    },
  );
});

test("each kind of caller reads of a stream's ledger what S8 and T4 say", async () => {
  const world = await seedStreamWorld(database);
  const { stream, tenants, community } = world;
  const plant = tenants["plant"]?.uuid as string;
  const entry = {
    subjectType: "Stream",
    subjectId: stream.uuid,
    tenantIds: [plant],
  } as const;
  await write("edited", [{ ...entry, kind: "STREAM" }]);
  await write("shared", [
    {
      ...entry,
      kind: "SHARE",
      subjectType: "Share",
      subjectId: community.uuid,
      communityId: community.uuid,
      after: { streamId: stream.uuid },
    },
  ]);
  const whole = ["shared", "edited"];
  const expected = (caller: string) => {
    if (/^nobody: anonymous|disabled|removed/.test(caller))
      return "UNAUTHENTICATED";
    if (!caller.startsWith("plant")) return null;
    if (/AA|DS/.test(caller)) return whole;
    return /MODERATOR|ADMINISTRATOR/.test(caller) ? ["shared"] : null;
  };
  for (const caller of streamCallers)
    expect([
      caller,
      await read(world.viewers[caller], "Stream", stream.uuid),
    ]).toEqual([caller, expected(caller)]);

  const page = async (args: string) => {
    const { data, errors } = await run(
      subgraph,
      world.viewers["plant: AA, no role"],
      `query ($of: [_Any!]!) { _entities(representations: $of) { ... on Stream { ledger(${args}) {
         nodes { action } pageInfo { startCursor endCursor } } } } }`,
      { of: [{ __typename: "Stream", id: stream.uuid }] },
    );
    expect(errors).toEqual([]);
    return (
      data as unknown as {
        _entities: [
          {
            ledger: {
              nodes: object[];
              pageInfo: { startCursor: string; endCursor: string };
            };
          },
        ];
      }
    )._entities[0].ledger;
  };
  const newest = await page("first: 1");
  const oldest = await page(`first: 1, after: "${newest.pageInfo.endCursor}"`);
  const back = await page(`last: 1, before: "${oldest.pageInfo.startCursor}"`);
  expect([newest, oldest, back].map(({ nodes }) => nodes)).toEqual([
    [{ action: "shared" }],
    [{ action: "edited" }],
    [{ action: "shared" }],
  ]);
});

test("of a call that wrote to several streams, each stream's ledger tells its own part alone", async () => {
  const { stream, tenants, viewers } = await seedStreamWorld(database);
  const tenantId = tenants["plant"]?.uuid as string;
  const other = randomUUID();
  const window = {
    from: "2026-01-01T00:00:00+00:00",
    to: "2026-01-02T00:00:00+00:00",
  };
  await write("writeEvents", [
    {
      kind: "EVENTS",
      subjectType: "Tenant",
      subjectId: tenantId,
      tenantIds: [tenantId],
      after: {
        mode: "INSERT",
        streams: [
          { id: other, window, count: 7 },
          { id: stream.uuid, window, count: 2 },
        ],
      },
    },
  ]);
  const { data } = await run(
    subgraph,
    viewers["plant: AA, no role"],
    `query ($of: [_Any!]!) { _entities(representations: $of) {
       ... on Stream { ledger { nodes { subjectType subjectId before after } totalCount } } } }`,
    { of: [{ __typename: "Stream", id: stream.uuid }] },
  );
  const told = {
    ...{ subjectType: "Stream", subjectId: stream.uuid, before: null },
    after: { mode: "INSERT", window, count: 2 },
  };
  expect(data).toEqual({
    _entities: [{ ledger: { nodes: [told], totalCount: 1 } }],
  });
});

test("pages go from the newest to the oldest, by kind if asked, and a link names the one before it", async () => {
  const world = await seedWorld(database);
  const { uuid } = world.tenants.stranger;
  const viewer = world.viewers["stranger: AA, not in"];
  for (let i = 1; i <= 5; i += 1)
    await write(
      `change ${i}`,
      [
        {
          kind: i % 2 ? "TENANT" : "IDENTITY",
          subjectType: "Tenant",
          subjectId: uuid,
          tenantIds: [uuid],
          before: { count: i - 1 },
          after: { count: i },
        },
      ],
      viewer,
    );
  await ledger.seal();
  await write("not sealed yet", [
    {
      kind: "TENANT",
      subjectType: "Tenant",
      subjectId: uuid,
      tenantIds: [uuid],
    },
  ]);
  const page = async (args: string) => {
    const { data, errors } = await run(
      subgraph,
      viewer,
      `query ($of: [_Any!]!) { _entities(representations: $of) { ... on Tenant { ledger(${args}) {
         nodes { action hash previousHash before after outcome actor { id } actorTenant { id } }
         pageInfo { hasNextPage endCursor } totalCount } } } }`,
      { of: [{ __typename: "Tenant", id: uuid }] },
    );
    expect(errors).toEqual([]);
    return (data as unknown as { _entities: [{ ledger: Page }] })._entities[0]
      .ledger;
  };
  interface Page {
    nodes: {
      action: string;
      hash: string | null;
      previousHash: string | null;
    }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
    totalCount: number;
  }
  const actions = ({ nodes }: Page) => nodes.map(({ action }) => action);

  const first = await page("first: 3");
  expect(actions(first)).toEqual(["not sealed yet", "change 5", "change 4"]);
  expect(first.totalCount).toBe(6);
  expect(first.nodes[0]).toMatchObject({ hash: null, previousHash: null });
  expect(first.nodes[1]).toMatchObject({
    outcome: "DONE",
    before: { count: 4 },
    after: { count: 5 },
    actor: { id: viewer.identityId },
    actorTenant: { id: uuid },
    previousHash: first.nodes[2]?.hash,
  });
  const second = await page(`first: 3, after: "${first.pageInfo.endCursor}"`);
  expect(actions(second)).toEqual(["change 3", "change 2", "change 1"]);
  expect(second.pageInfo.hasNextPage).toBe(false);
  expect(actions(await page("kinds: [IDENTITY]"))).toEqual([
    "change 4",
    "change 2",
  ]);
});

test("a tenant keeps what concerned it after it has left, and the owner after the community is gone", async () => {
  const world = await seedWorld(database);
  const { community, viewers, tenants } = world;
  const administrator = viewers["member: AA, no role"];
  const left = await run(
    subgraph,
    viewers["member: user, MODERATOR"],
    `mutation { leaveCommunity(communityId: "${community.uuid}") { applied } }`,
  );
  expect(outcome(left)).toBe("ok");
  const deleted = await run(
    subgraph,
    viewers["owner: user, ADMINISTRATOR"],
    `mutation { deleteCommunity(id: "${community.uuid}", confirmName: "${community.name}") { applied } }`,
  );
  expect(outcome(deleted)).toBe("ok");
  expect(await read(administrator, "Tenant", tenants.member.uuid)).toEqual([
    "leaveCommunity",
    "leaveCommunity",
  ]);
  expect(
    await read(viewers["owner: AA, no role"], "Tenant", tenants.owner.uuid),
  ).toEqual(["deleteCommunity", "deleteCommunity", "leaveCommunity"]);
});

test("of what another tenant's identity did, its tenant is told and not the identity", async () => {
  const { community, viewers, tenants } = await seedWorld(database);
  const paused = await run(
    subgraph,
    viewers["member: user, MODERATOR"],
    `mutation { pauseSharing(communityId: "${community.uuid}") { applied } }`,
  );
  expect(outcome(paused)).toBe("ok");
  const actorFor = async (caller: Caller) => {
    const { data } = await run(
      subgraph,
      viewers[caller],
      `{ community(id: "${community.uuid}") { ledger { nodes { actor { id } actorTenant { id } } } } }`,
    );
    return data;
  };
  const told = (actor: string | null) => ({
    community: {
      ledger: {
        nodes: [
          {
            actor: actor && { id: actor },
            actorTenant: { id: tenants.member.uuid },
          },
        ],
      },
    },
  });
  expect(await actorFor("owner: user, ADMINISTRATOR")).toEqual(told(null));
  expect(await actorFor("member: user, MODERATOR")).toEqual(
    told(viewers["member: user, MODERATOR"].identityId),
  );
});

test("an identity that removes itself is the actor of its tenant all the same", async () => {
  const { viewers, tenants } = await seedWorld(database);
  const viewer = viewers["stranger: AA, not in"];
  await database
    .owner("tenant.identities")
    .where({ uuid: viewer.identityId })
    .delete();
  await write(
    "removeUser",
    [
      {
        kind: "IDENTITY",
        subjectType: "User",
        subjectId: viewer.identityId as string,
        tenantIds: [tenants.stranger.uuid],
      },
    ],
    viewer,
  );
  const entries = await database
    .owner("ledger.entries")
    .where({ actor_identity: viewer.identityId })
    .select("actor_tenant");
  expect(entries).toEqual([{ actor_tenant: tenants.stranger.uuid }]);
});
