import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous } from "../../common/viewer.ts";
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
import {
  callers,
  communitySubgraph,
  seedWorld,
  type Caller,
  type CommunityWorld,
} from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = communitySubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

const administrator = async (tenant: Row) =>
  seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);

const create = (caller: Identity, input: object) =>
  attempt(database, () =>
    run(
      subgraph,
      as(caller),
      `mutation ($input: CreateCommunityInput!) { createCommunity(input: $input) {
         id name description preferredRegion myRole ownerTenant { id }
         memberships { nodes { alias contactEmail status isOwner userCount } }
       } }`,
      { input },
    ),
  );

describe("creating a community", () => {
  test("makes the caller's tenant its owner and the caller its administrator", async () => {
    const tenant = await seed.tenant();
    const { data, errors } = await create(await administrator(tenant), {
      name: "  Compressor partners ",
      description: "Line one\nline two",
      preferredRegion: "eu-west",
      alias: "The plant",
      contactEmail: "Data@Example.com",
    });
    expect(errors).toEqual([]);
    expect(data?.["createCommunity"]).toEqual({
      id: expect.any(String),
      name: "Compressor partners",
      description: "Line one\nline two",
      preferredRegion: "eu-west",
      myRole: "ADMINISTRATOR",
      ownerTenant: { id: tenant.uuid },
      memberships: {
        nodes: [
          {
            alias: "The plant",
            contactEmail: "data@example.com",
            status: "ACTIVE",
            isOwner: true,
            userCount: 1,
          },
        ],
      },
    });
  });

  test("is recorded, with names and e-mails apart from the entries", async () => {
    const tenant = await seed.tenant();
    const founder = await administrator(tenant);
    const { data } = await create(founder, {
      name: "Recorded",
      contactEmail: "a@example.com",
    });
    const { id } = data?.["createCommunity"] as unknown as { id: string };
    const entries = await database
      .owner("ledger.entries")
      .where({ community_id: id })
      .orderBy("id");
    expect(entries).toMatchObject([
      { kind: "COMMUNITY", subject_id: id, actor_identity: founder.uuid },
      { kind: "MEMBERSHIP", after: { tenantId: tenant.uuid } },
      { kind: "ROLE", subject_id: founder.uuid },
    ]);
    expect(JSON.stringify(entries)).not.toMatch(/Recorded|example\.com/);
    expect(
      await database.owner("ledger.names").where({ name: "Recorded" }),
    ).toHaveLength(1);
  });

  test.each([
    ["name", { name: " " }],
    ["name", { name: "x".repeat(201) }],
    ["name", { name: "two\nlines" }],
    ["name", { name: "nul\0" }],
    ["description", { name: "x", description: "x".repeat(2001) }],
    ["description", { name: "x", description: "nul\0" }],
    ["preferredRegion", { name: "x", preferredRegion: "" }],
    ["alias", { name: "x", alias: "\u0007" }],
    ["contactEmail", { name: "x", contactEmail: "nobody" }],
  ])("refuses a bad %s and writes nothing", async (field, input) => {
    const caller = await administrator(await seed.tenant());
    const answer = await create(caller, input);
    expect(answer.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: `input.${field}`,
    });
  });
});

const names = ({ data, errors }: Answer, field: string): string[] => {
  expect(errors).toEqual([]);
  const { nodes } = data?.[field] as unknown as { nodes: { name: string }[] };
  return nodes.map(({ name }) => name);
};

describe("the list of communities", () => {
  let caller: Identity;
  beforeAll(async () => {
    const tenant = await seed.tenant();
    caller = await administrator(tenant);
    for (const name of ["Zinc", "alpha 50%", "Beta pumps", "beta alpha", "_x"])
      await seed.community(tenant, name);
    await seed.community(await seed.tenant(), "Beta of others");
  });
  const list = (args: string, fields = "nodes { name }") =>
    run(subgraph, as(caller), `{ communities${args} { ${fields} } }`);

  test("is in the order of names, whatever their case", async () => {
    const expected = ["_x", "alpha 50%", "beta alpha", "Beta pumps", "Zinc"];
    expect(names(await list(""), "communities")).toEqual(expected);
    const { data } = await run(
      subgraph,
      as(caller),
      `{ viewer { communities { totalCount nodes { name } } } }`,
    );
    expect(data?.["viewer"]).toMatchObject({
      communities: {
        totalCount: 5,
        nodes: expected.map((name) => ({ name })),
      },
    });
  });

  test.each([
    ["beta", ["beta alpha", "Beta pumps"]],
    ["ALPHA beta", ["beta alpha"]],
    ["50%", ["alpha 50%"]],
    ["%", ["alpha 50%"]],
    ["_", ["_x"]],
    ["  ", ["_x", "alpha 50%", "beta alpha", "Beta pumps", "Zinc"]],
    ["gamma", []],
  ])("has those that contain every word of %j", async (search, expected) => {
    const answer = await list(`(search: "${search}")`);
    expect(names(answer, "communities")).toEqual(expected);
  });

  test("is paged in both directions, with an exact total", async () => {
    const fields =
      "totalCount nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";
    const page = async (args: string) =>
      (await list(args, fields)).data?.["communities"] as unknown as {
        totalCount: number;
        nodes: { name: string }[];
        pageInfo: Record<string, unknown>;
      };
    const first = await page("(first: 2)");
    expect(first).toMatchObject({
      totalCount: 5,
      nodes: [{ name: "_x" }, { name: "alpha 50%" }],
      pageInfo: { hasNextPage: true, hasPreviousPage: false },
    });
    const cursor = String(first.pageInfo["endCursor"]);
    const second = await page(`(first: 3, after: "${cursor}")`);
    expect(second).toMatchObject({
      nodes: [{ name: "beta alpha" }, { name: "Beta pumps" }, { name: "Zinc" }],
      pageInfo: { hasNextPage: false, hasPreviousPage: true },
    });
    const back = await page(
      `(last: 1, before: "${String(second.pageInfo["startCursor"])}")`,
    );
    expect(back).toMatchObject({
      nodes: [{ name: "alpha 50%" }],
      pageInfo: { hasNextPage: true, hasPreviousPage: true },
    });
    expect(outcome(await list(`(search: "beta", after: "${cursor}")`))).toBe(
      "BAD_USER_INPUT",
    );
  });

  test("of who is in many is whole, however many of others stand between", async () => {
    const tenant = await seed.tenant();
    const takesPart = await seed.user(tenant);
    const own: string[] = [];
    for (let n = 10; n < 50; n += 1) {
      const name = `${n < 30 ? "a" : "z"} many ${n}`;
      const { ownerMembership } = await seed.community(tenant, name);
      if (n % 10 === 0) await seed.member(ownerMembership, takesPart);
      own.push(name);
    }
    await database.owner.raw(
      `insert into community.communities (name, owner_tenant_id)
       select 'm many ' || n, ? from generate_series(1, 60) n`,
      [(await seed.tenant()).id],
    );
    const page = async (viewer: Identity, args: Record<string, unknown>) => {
      const answer = await run(
        subgraph,
        as(viewer),
        `query ($first: Int, $after: String, $last: Int, $before: String, $search: String) {
           communities(first: $first, after: $after, last: $last, before: $before, search: $search) {
             nodes { name } pageInfo { hasNextPage startCursor endCursor } } }`,
        args,
      );
      const { pageInfo } = answer.data?.["communities"] as unknown as {
        pageInfo: {
          hasNextPage: boolean;
          startCursor: string;
          endCursor: string;
        };
      };
      return { ...pageInfo, found: names(answer, "communities") };
    };
    const all = async (viewer: Identity, search = "") => {
      const found: string[] = [];
      let after: string | null = null;
      for (let hasNextPage = true; hasNextPage;) {
        const next = await page(viewer, { first: 7, after, search });
        found.push(...next.found);
        ({ hasNextPage, endCursor: after } = next);
      }
      return found;
    };
    const sees = await administrator(tenant);
    expect(await all(sees)).toEqual(own);
    expect(await all(sees, "many 4")).toEqual(
      own.filter((name) => name.includes("4")),
    );
    expect(await all(takesPart)).toEqual(own.filter((_, n) => n % 10 === 0));
    const last = await page(sees, { first: 20, after: null });
    const { startCursor: before } = await page(sees, {
      first: 7,
      after: last.endCursor,
    });
    expect((await page(sees, { last: 20, before })).found).toEqual(
      own.slice(0, 20),
    );
  });

  test("is refused beyond a thousand a page", async () => {
    const { errors } = await list("(first: 1001)");
    expect(errors[0]?.extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: 1000,
      value: 1001,
      at: "first",
    });
  });
});

describe("who sees a community", () => {
  let world: CommunityWorld;
  beforeAll(async () => {
    world = await seedWorld(database);
  });

  const insiders = callers.filter((caller) =>
    /^(owner|member|unentitled)/.test(caller),
  );
  const sees = (caller: Caller) =>
    insiders.includes(caller) &&
    !/DS|CONTRIBUTOR|VIEWER|removed|disabled/.test(caller);

  test.each(callers)(
    "by its id, in lists and by reference: %s",
    async (caller) => {
      const { community, tenants, viewers } = world;
      const answer = await run(
        subgraph,
        viewers[caller],
        `query ($references: [_Any!]!) {
         viewer { communities { nodes { id } } }
         communities { nodes { id } }
         _entities(representations: $references) {
           ... on Community { id name memberships { nodes { id } } }
           ... on Membership { id tenant { id } community { id } }
         }
       }`,
        {
          references: [
            { __typename: "Community", id: community.uuid },
            {
              __typename: "Membership",
              id: tenants.third.membership?.uuid,
            },
          ],
        },
      );
      if (/anonymous|removed|disabled/.test(caller)) {
        expect(outcome(answer)).toBe("UNAUTHENTICATED");
        expect(answer.data).toBeNull();
        return;
      }
      expect(answer.errors).toEqual([]);
      const listed = { nodes: sees(caller) ? [{ id: community.uuid }] : [] };
      expect(answer.data).toEqual({
        viewer: caller.startsWith("nobody") ? null : { communities: listed },
        communities: listed,
        _entities: sees(caller)
          ? [
              {
                id: community.uuid,
                name: community.name,
                memberships: { nodes: expect.any(Array) },
              },
              {
                id: tenants.third.membership?.uuid,
                tenant: { id: tenants.third.uuid },
                community: { id: community.uuid },
              },
            ]
          : [null, null],
      });
    },
  );

  test("an id of another kind, a malformed one and one never issued read the same", async () => {
    const viewer = world.viewers["stranger: AA, not in"];
    const ids = [
      world.community.uuid,
      world.tenants.owner.membership?.uuid,
      "11111111-1111-4111-8111-111111111111",
      "nonsense",
      "",
      "'; drop",
      "\0",
    ];
    const answers = await Promise.all(
      ids.map((id) =>
        run(
          subgraph,
          viewer,
          `query ($id: ID!) { community(id: $id) { id } }`,
          {
            id,
          },
        ),
      ),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(outcome(answers[0] as Answer)).toBe("NOT_FOUND");
  });

  test("nobody without a token, not even the type's name", async () => {
    const answer = await run(
      subgraph,
      anonymous,
      `query ($references: [_Any!]!) { _entities(representations: $references) { __typename } }`,
      { references: [{ __typename: "Community", id: world.community.uuid }] },
    );
    expect(outcome(answer)).toBe("UNAUTHENTICATED");
    expect(answer.data).toBeNull();
  });

  test("a caller's own role, and none for an account administrator without one", async () => {
    const role = async (caller: Caller) => {
      const { data } = await run(
        subgraph,
        world.viewers[caller],
        `{ community(id: "${world.community.uuid}") { myRole } }`,
      );
      return data?.["community"];
    };
    expect(await role("owner: user, MODERATOR")).toEqual({
      myRole: "MODERATOR",
    });
    expect(await role("member: AA, no role")).toEqual({ myRole: null });
  });
});

describe("deleting a community", () => {
  test("asks for its name, and takes memberships, roles and shares with it", async () => {
    const { community, tenants, viewers } = await seedWorld(database);
    const stream = await seed.stream(tenants.member);
    await seed.share(stream, tenants.member.membership as Membership);
    const viewer = viewers["owner: user, ADMINISTRATOR"];
    const remove = (confirmName: string) =>
      attempt(database, () =>
        run(
          subgraph,
          viewer,
          `mutation ($id: ID!, $confirmName: String!) { deleteCommunity(id: $id, confirmName: $confirmName) {
             applied communityId community { id } membership { id } tenantCount identityCount shareCount
           } }`,
          { id: community.uuid, confirmName },
        ),
      );
    const rows = async () => {
      const { rows } = await database.owner.raw(
        `select (select count(*) from community.communities where id = :id) as communities,
                (select count(*) from community.memberships where community_id = :id) as memberships,
                (select count(*) from stream.shares where stream_id = :stream) as shares`,
        { id: community.id, stream: stream.id },
      );
      return rows[0] as unknown;
    };

    const wrong = await remove(community.name.toUpperCase());
    expect(wrong.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: "confirmName",
    });
    expect(await rows()).toEqual({ communities: 1, memberships: 4, shares: 1 });

    const { data, errors } = await remove(community.name);
    expect(errors).toEqual([]);
    expect(data?.["deleteCommunity"]).toMatchObject({
      applied: true,
      communityId: community.uuid,
      community: null,
      membership: null,
      // The owner: the third tenant waits to be approved, and the unentitled one reads nothing.
      tenantCount: 1,
      shareCount: 1,
    });
    expect(await rows()).toEqual({ communities: 0, memberships: 0, shares: 0 });

    const [deletion, ...others] = (await database
      .owner("ledger.entries")
      .where({ community_id: community.uuid, action: "deleteCommunity" })
      .select("kind", "subject_id", "before", "after")
      .select(database.owner.raw(toldTenants))
      .orderBy("id")) as { tenant_ids: string[] }[];
    const present = Object.values(tenants)
      .filter(({ uuid }) => deletion?.tenant_ids.includes(uuid))
      .sort((one, other) => one.id - other.id);
    expect(deletion).toMatchObject({
      kind: "COMMUNITY",
      before: {
        ownerTenantId: tenants.owner.uuid,
        memberships: present.map(({ uuid, membership }) => ({
          id: membership?.uuid,
          tenantId: uuid,
          status: "ACTIVE",
        })),
      },
      after: { endedShareCount: 1 },
    });
    expect(present).toHaveLength(4);
    // Who took part for a tenant is for that tenant's eyes.
    expect(others).toMatchObject(
      present.map(({ uuid, membership, identities }) => ({
        kind: "ROLE",
        subject_id: membership?.uuid,
        tenant_ids: [uuid],
        before: {
          roles: {
            MEMBER: expect.arrayContaining([identities.member.uuid]),
            MODERATOR: expect.arrayContaining([identities.moderator.uuid]),
          },
        },
      })),
    );
  });
});
