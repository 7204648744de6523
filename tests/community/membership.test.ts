import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { toldTenants } from "../support/ledger.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { attempt } from "../support/written.ts";
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

/** A community of two tenants, each with a moderator who is AA (the owner's is CA) and one shared stream. */
async function seedPair() {
  const side = async (
    tenant: Row,
    membership: Membership,
    role: "ADMINISTRATOR" | "MODERATOR",
  ) => {
    const manager = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
    await seed.member(membership, manager, role);
    const stream = await seed.stream(tenant);
    await seed.share(stream, membership);
    return { tenant, membership, manager, stream };
  };
  const owner = await seed.tenant();
  const guest = await seed.tenant();
  const community = await seed.community(owner);
  return {
    community,
    owner: await side(owner, community.ownerMembership, "ADMINISTRATOR"),
    guest: await side(
      guest,
      await seed.membership(community, guest),
      "MODERATOR",
    ),
  };
}

const mutate = (caller: Identity, mutation: string, fields: string) =>
  run(subgraph, as(caller), `mutation { ${mutation} { ${fields} } }`);
const first = ({ data, errors }: Answer): Record<string, unknown> => {
  expect(errors).toEqual([]);
  return Object.values(data ?? {})[0] as unknown as Record<string, unknown>;
};
const sharesOf = async (membership: Membership) =>
  database.owner("stream.shares").where({ membership_id: membership.id });
const statusOf = async ({ id }: Membership) =>
  (await database
    .owner("community.memberships")
    .where({ id })
    .first("status")) as unknown;
const entriesOf = async ({ uuid }: Row) =>
  database
    .owner("ledger.entries")
    .where({ community_id: uuid })
    .orderBy("id")
    .select("kind", "action", "subject_id", "before", "after")
    .select(database.owner.raw(toldTenants));

describe("the memberships of a community", () => {
  test("come with the owner first and then by date, in pages", async () => {
    const { community, owner, guest } = await seedPair();
    await database
      .owner("community.memberships")
      .where({ id: owner.membership.id })
      .update({ joined_at: "2030-01-01T00:00:00Z" });
    const early = await seed.tenant();
    const membership = await seed.membership(community, early, "PAUSED");
    await database
      .owner("community.memberships")
      .where({ id: membership.id })
      .update({ joined_at: "2020-01-01T00:00:00.000001Z" });
    const page = async (args: string) =>
      first(
        await run(
          subgraph,
          as(guest.manager),
          `{ community(id: "${community.uuid}") { memberships${args} {
             totalCount pageInfo { endCursor hasNextPage } nodes { tenant { id } isOwner status joinedAt }
           } } }`,
        ),
      )["memberships"] as {
        pageInfo: { endCursor: string };
      };
    const start = await page("(first: 2)");
    expect(start).toMatchObject({
      totalCount: 3,
      pageInfo: { hasNextPage: true },
      nodes: [
        { tenant: { id: owner.tenant.uuid }, isOwner: true, status: "ACTIVE" },
        {
          tenant: { id: early.uuid },
          isOwner: false,
          status: "PAUSED",
          joinedAt: "2020-01-01T00:00:00.000001+00:00",
        },
      ],
    });
    expect(
      await page(`(first: 2, after: "${start.pageInfo.endCursor}")`),
    ).toMatchObject({
      pageInfo: { hasNextPage: false },
      nodes: [{ tenant: { id: guest.tenant.uuid } }],
    });
  });

  test("are read with one statement for all communities of a page", async () => {
    const { owner } = await seedPair();
    for (let i = 0; i < 5; i++) {
      const community = await seed.community(owner.tenant);
      await seed.membership(community, await seed.tenant());
    }
    const statementsFor = async (total: string) => {
      let statements = 0;
      const count = () => (statements += 1);
      database.as("community").on("query", count);
      const { data } = await run(
        subgraph,
        as(owner.manager),
        `{ communities { ${total} nodes { membership { id } memberships {
             ${total} nodes { id userCount clientCount community { id } members { ${total} nodes { role } } }
           } } } }`,
      );
      database.as("community").off("query", count);
      expect(
        (data?.["communities"] as unknown as { nodes: unknown[] }).nodes,
      ).toHaveLength(6);
      return statements;
    };
    // Liveness, in how many communities, communities, own memberships, memberships, counts, community, members.
    expect(await statementsFor("")).toBe(8);
    // And what each of the three lists holds in all, which costs nothing where it is not asked for.
    expect(await statementsFor("totalCount")).toBe(11);
  });

  test("a cursor of one community's list is refused in another's, and costs the others nothing", async () => {
    const { owner, community } = await seedPair();
    const other = await seed.community(owner.tenant);
    const cursor = first(
      await run(
        subgraph,
        as(owner.manager),
        `{ community(id: "${community.uuid}") { memberships(first: 1) { pageInfo { endCursor } } } }`,
      ),
    ) as { memberships: { pageInfo: { endCursor: string } } };
    const after = cursor.memberships.pageInfo.endCursor;
    const { data, errors } = await run(
      subgraph,
      as(owner.manager),
      `query ($after: String) {
         right: community(id: "${community.uuid}") { memberships(first: 1, after: $after) { nodes { id } } }
         wrong: community(id: "${other.uuid}") { memberships(first: 1, after: $after) { nodes { id } } }
       }`,
      { after },
    );
    expect(data?.["right"]).toMatchObject({
      memberships: { nodes: [{ id: expect.any(String) }] },
    });
    expect(errors).toMatchObject([
      {
        path: ["wrong", "memberships"],
        extensions: { code: "BAD_USER_INPUT" },
      },
    ]);
  });

  test("are found by tenant; the own one without an id", async () => {
    const { community, owner, guest } = await seedPair();
    const { data } = await run(
      subgraph,
      as(guest.manager),
      `{ community(id: "${community.uuid}") {
           mine: membership { id isOwner }
           theirs: membership(tenantId: "${owner.tenant.uuid}") { id isOwner }
         } }`,
    );
    expect(data?.["community"]).toEqual({
      mine: { id: guest.membership.uuid, isOwner: false },
      theirs: { id: owner.membership.uuid, isOwner: true },
    });
    for (const tenantId of [
      (await seed.tenant()).uuid,
      "nonsense",
      "\\u0000",
    ]) {
      const answer = await run(
        subgraph,
        as(guest.manager),
        `{ community(id: "${community.uuid}") { membership(tenantId: "${tenantId}") { id } } }`,
      );
      expect(answer.errors[0]?.extensions).toEqual({
        code: "NOT_FOUND",
        at: "tenantId",
      });
    }
  });

  test("stay visible without the entitlement, for streams alone depend on it", async () => {
    const { community, guest } = await seedPair();
    await database
      .owner("tenant.entitlements")
      .where({ tenant_id: guest.tenant.id })
      .delete();
    const answer = await run(
      subgraph,
      as(guest.manager),
      `{ community(id: "${community.uuid}") { memberships { totalCount } } }`,
    );
    expect(first(answer)).toEqual({ memberships: { totalCount: 2 } });
  });
});

describe("pausing", () => {
  test("hides only the own streams, keeps the shares, and is undone by resuming", async () => {
    const { community, owner, guest } = await seedPair();
    const pause = await mutate(
      guest.manager,
      `pauseSharing(communityId: "${community.uuid}")`,
      `applied membership { id status } tenantCount identityCount shareCount streamCount
       tenants { id } identities { id } streams { id }`,
    );
    expect(first(pause)).toEqual({
      applied: true,
      membership: { id: guest.membership.uuid, status: "PAUSED" },
      tenantCount: 1,
      identityCount: 1,
      shareCount: 1,
      streamCount: 1,
      tenants: [{ id: owner.tenant.uuid }],
      identities: [null],
      streams: [{ id: guest.stream.uuid }],
    });
    expect(await sharesOf(guest.membership)).toHaveLength(1);
    expect(await statusOf(owner.membership)).toEqual({ status: "ACTIVE" });

    const again = await mutate(
      guest.manager,
      `pauseSharing(communityId: "${community.uuid}")`,
      "membership { status } shareCount tenants { id }",
    );
    expect(first(again)).toEqual({
      membership: { status: "PAUSED" },
      shareCount: 0,
      tenants: [],
    });

    for (let i = 0; i < 2; i++)
      expect(
        first(
          await mutate(
            guest.manager,
            `resumeSharing(communityId: "${community.uuid}")`,
            "id status",
          ),
        ),
      ).toEqual({ id: guest.membership.uuid, status: "ACTIVE" });

    expect(await entriesOf(community)).toEqual([
      expect.objectContaining({
        kind: "MEMBERSHIP",
        action: "pauseSharing",
        subject_id: guest.membership.uuid,
        before: { status: "ACTIVE" },
        after: { status: "PAUSED" },
        tenant_ids: [owner.tenant.uuid, guest.tenant.uuid],
      }),
      expect.objectContaining({
        action: "resumeSharing",
        before: { status: "PAUSED" },
        after: { status: "ACTIVE" },
      }),
    ]);
  });
});

describe("leaving", () => {
  test("ends the membership with its roles and shares, for good", async () => {
    const { community, guest } = await seedPair();
    const answer = await mutate(
      guest.manager,
      `leaveCommunity(communityId: "${community.uuid}")`,
      "community { id } membership { id } tenantCount identityCount shareCount tenants { id } identities { id } streams { id }",
    );
    expect(first(answer)).toEqual({
      community: null,
      membership: null,
      tenantCount: 2,
      identityCount: 2,
      shareCount: 2,
      // The tenant that was met here is met no more, nor is what it shared seen.
      tenants: [null, { id: guest.tenant.uuid }],
      identities: [{ id: guest.manager.uuid }, null],
      streams: [null, { id: guest.stream.uuid }],
    });
    expect(await statusOf(guest.membership)).toBeUndefined();
    expect(await sharesOf(guest.membership)).toEqual([]);
    expect(
      await database
        .owner("community.members")
        .where({ tenant_id: guest.tenant.id }),
    ).toEqual([]);
    expect(await entriesOf(community)).toEqual([
      expect.objectContaining({
        kind: "MEMBERSHIP",
        action: "leaveCommunity",
        before: { tenantId: guest.tenant.uuid, status: "ACTIVE" },
        after: { endedShareCount: 1 },
      }),
      expect.objectContaining({
        kind: "ROLE",
        subject_id: guest.membership.uuid,
        tenant_ids: [guest.tenant.uuid],
        before: { roles: { MODERATOR: [guest.manager.uuid] } },
      }),
    ]);

    const again = await seed.membership(community, guest.tenant);
    expect(await sharesOf(again)).toEqual([]);
  });

  test("is refused to the owner tenant, with what to do instead, and nothing written", async () => {
    const { community, owner } = await seedPair();
    const answer = await attempt(database, () =>
      mutate(
        owner.manager,
        `leaveCommunity(communityId: "${community.uuid}")`,
        "applied",
      ),
    );
    expect(answer.errors[0]).toMatchObject({
      message: expect.stringMatching(/transfer its ownership.* or delete it/i),
      extensions: { code: "CONFLICT" },
    });
  });
});

describe("removing a tenant", () => {
  test("ends its membership with roles and shares, and tells nothing of it any more", async () => {
    const { community, owner, guest } = await seedPair();
    const answer = await mutate(
      owner.manager,
      `removeTenant(communityId: "${community.uuid}", tenantId: "${guest.tenant.uuid}")`,
      "community { id } membership { id } tenantCount shareCount tenants { id } identities { id } streams { id }",
    );
    expect(first(answer)).toEqual({
      community: { id: community.uuid },
      membership: { id: owner.membership.uuid },
      tenantCount: 2,
      shareCount: 2,
      tenants: [{ id: owner.tenant.uuid }, null],
      identities: [{ id: owner.manager.uuid }, null],
      streams: [{ id: owner.stream.uuid }, null],
    });
    expect(await statusOf(guest.membership)).toBeUndefined();
    expect(await sharesOf(guest.membership)).toEqual([]);
    expect(
      outcome(
        await run(
          subgraph,
          as(guest.manager),
          `{ community(id: "${community.uuid}") { id } }`,
        ),
      ),
    ).toBe("NOT_FOUND");
    expect(await entriesOf(community)).toMatchObject([
      {
        action: "removeTenant",
        subject_id: guest.membership.uuid,
        tenant_ids: [owner.tenant.uuid, guest.tenant.uuid],
      },
      { kind: "ROLE", tenant_ids: [guest.tenant.uuid] },
    ]);
  });

  test.each([
    ["the owner", "CONFLICT"],
    ["a tenant that is not in", "NOT_FOUND"],
    ["nonsense", "NOT_FOUND"],
  ])("is refused for %s, and nothing written: %s", async (whom, code) => {
    const { community, owner } = await seedPair();
    const tenantId =
      { "the owner": owner.tenant.uuid, nonsense: "nonsense" }[whom] ??
      (await seed.tenant()).uuid;
    const answer = await attempt(database, () =>
      mutate(
        owner.manager,
        `removeTenant(communityId: "${community.uuid}", tenantId: "${tenantId}")`,
        "applied",
      ),
    );
    expect(answer.errors[0]?.extensions).toEqual({ code, at: "tenantId" });
  });
});
