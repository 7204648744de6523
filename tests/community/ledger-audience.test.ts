import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Subgraph } from "../../common/schema.ts";
import { isLong } from "../support/cases.ts";
import { TestDatabase } from "../support/database.ts";
import { joinByHandshake } from "../support/invitations.ts";
import { as, run } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { communitySubgraph, settings } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
beforeAll(async () => {
  database = await TestDatabase.create();
  const { invitations } = settings;
  subgraph = communitySubgraph(database, {
    ...settings,
    invitations: { ...invitations, perDay: 10_000 },
  });
});
afterAll(() => database.drop());

/** What happens next: of which community, and to or by which of the other tenants. */
const step = fc.record({
  does: fc.constantFrom(
    "join",
    "join",
    "join",
    "leave",
    "remove",
    "pause",
    "alias",
    "edit",
    "delete",
  ),
  community: fc.nat(5),
  tenant: fc.nat(3),
});

test.each(isLong ? [1, 2, 3] : [1])(
  "in history %i each tenant reads what was told while it was in, and keeps that",
  async (seed) => {
    const world = await start();
    for (const { does, community, tenant } of fc.sample(step, {
      seed,
      numRuns: 100,
    }))
      await world.happens(does, community, tenant);
    await world.compare();
  },
  120_000,
);

async function start() {
  const seed = new Seed(database.owner);
  const owner = await seed.tenant("Owner");
  const administrator = await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]);
  const others: { tenant: Row; user: Identity }[] = [];
  for (const name of ["Plant", "Vendor", "Lab", "Carrier"]) {
    const tenant = await seed.tenant(name);
    const user = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
    others.push({ tenant, user });
  }
  const all = [{ tenant: owner, user: administrator }, ...others];
  const told = new Map(
    all.map(({ tenant }): [string, string[]] => [tenant.uuid, []]),
  );
  const communityIds: string[] = [];
  let last = "0";

  const does = async (by: Identity, mutation: string) => {
    const { data, errors } = await run(
      subgraph,
      as(by),
      `mutation { done: ${mutation} }`,
    );
    expect(errors).toEqual([]);
    return (data as unknown as { done: { id: string } }).done;
  };
  const tenantsIn = async (communityId: string): Promise<string[]> =>
    database
      .owner("community.memberships as m")
      .join("community.communities as c", "c.id", "m.community_id")
      .join("tenant.tenants as t", "t.id", "m.tenant_id")
      .where("c.uuid", communityId)
      .pluck("t.uuid");
  /** Notes for each tenant what the new entries are to tell it: those that name it, or those of all that are in. */
  const note = async (present: readonly string[]) => {
    const entries = (await database
      .owner("ledger.entries")
      .where("id", ">", last)
      .orderBy("id")
      .select("id", "uuid", "tenant_ids")) as {
      id: string;
      uuid: string;
      tenant_ids: string[] | null;
    }[];
    for (const { id, uuid, tenant_ids } of entries) {
      for (const tenantId of tenant_ids ?? present)
        told.get(tenantId)?.unshift(uuid);
      last = id;
    }
  };
  const create = async (place: number) => {
    const { id } = await does(
      administrator,
      `createCommunity(input: { name: "Community" }) { id }`,
    );
    communityIds[place] = id;
    await note([owner.uuid]);
  };
  const { rows } = await database.owner.raw<{ rows: [{ id: string }] }>(
    "select coalesce(max(id), 0) as id from ledger.entries",
  );
  last = rows[0].id;
  for (let place = 0; place < 6; place += 1) await create(place);

  return {
    async happens(what: string, place: number, n: number) {
      const communityId = communityIds[place] ?? "";
      const { tenant, user } = others[n] as (typeof others)[number];
      const before = await tenantsIn(communityId);
      const of = `communityId: "${communityId}"`;
      if ((what === "join") === before.includes(tenant.uuid)) return;
      switch (what) {
        case "join":
          await joinByHandshake(database, subgraph, {
            communityId,
            issuer: administrator,
            accepter: user,
          });
          break;
        case "leave":
          await does(user, `leaveCommunity(${of}) { applied }`);
          break;
        case "remove":
          await does(
            administrator,
            `removeTenant(${of}, tenantId: "${tenant.uuid}") { applied }`,
          );
          break;
        case "pause":
          await does(user, `pauseSharing(${of}) { applied }`);
          await does(user, `resumeSharing(${of}) { id }`);
          break;
        case "alias":
          await does(
            user,
            `updateMembership(input: { ${of}, alias: "${tenant.uuid}" }) { id }`,
          );
          break;
        case "edit":
          await does(
            administrator,
            `updateCommunity(input: { id: "${communityId}", description: "New" }) { id }`,
          );
          break;
        case "delete":
          await does(
            administrator,
            `deleteCommunity(id: "${communityId}", confirmName: "Community") { applied }`,
          );
      }
      const after = await tenantsIn(communityId);
      await note([...new Set([...before, ...after])]);
      if (what === "delete") await create(place);
    },

    /** All of each tenant's ledger, by pages of several sizes from both ends. */
    async compare() {
      for (const { tenant, user } of all) {
        const expected = told.get(tenant.uuid) ?? [];
        expect(expected.length).toBeGreaterThan(5);
        for (const size of [1, 4, 1000])
          expect(await ledgerOf(tenant, user, "first", "after", size)).toEqual(
            expected,
          );
        expect(await ledgerOf(tenant, user, "last", "before", 3)).toEqual(
          expected.toReversed(),
        );
      }
    },
  };
}

async function ledgerOf(
  tenant: Row,
  user: Identity,
  size: "first" | "last",
  cursor: "after" | "before",
  count: number,
): Promise<string[]> {
  const ids: string[] = [];
  let from: string | null = null;
  do {
    const { data, errors } = await run(
      subgraph,
      as(user),
      `query ($of: [_Any!]!, $from: String) { _entities(representations: $of) { ... on Tenant {
         ledger(${size}: ${count}, ${cursor}: $from) { edges { cursor node { id } } totalCount } } } }`,
      { of: [{ __typename: "Tenant", id: tenant.uuid }], from },
    );
    expect(errors).toEqual([]);
    const { edges, totalCount } = (
      data as unknown as {
        _entities: [
          {
            ledger: {
              edges: { cursor: string; node: { id: string } }[];
              totalCount: number;
            };
          },
        ];
      }
    )._entities[0].ledger;
    for (const { cursor, node } of edges) expect(heldBy(cursor)).toBe(node.id);
    if (size === "last") edges.reverse();
    ids.push(...edges.map(({ node }) => node.id));
    from = ids.length < totalCount ? (edges.at(-1)?.cursor ?? null) : null;
  } while (from !== null);
  return ids;
}

/** What a cursor holds beside its checksum: nothing that counts what others do. */
function heldBy(cursor: string): string | undefined {
  const [, ...held] = JSON.parse(
    Buffer.from(cursor, "base64url").toString(),
  ) as string[];
  return held.join();
}
