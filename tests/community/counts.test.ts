import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { neverIssued, tenantSubgraph } from "../support/tenant-world.ts";
import { callers, communitySubgraph, seedWorld } from "./world.ts";

let database: TestDatabase;
let community: Subgraph;
let tenant: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  community = communitySubgraph(database);
  tenant = tenantSubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

/** The memberships whose kept counts are not those of the identities that take part. */
async function wrongCounts(): Promise<unknown[]> {
  const { rows } = await database.owner.raw<{ rows: unknown[] }>(
    `select * from (
       select m.id, count(*) filter (where i.kind = 'USER') as users, count(*) filter (where i.kind = 'CLIENT') as clients
       from community.memberships m
       left join community.members r on r.membership_id = m.id
       left join tenant.identities i on i.id = r.identity_id
       group by m.id) counted
     full join community.member_counts kept on kept.membership_id = counted.id
     where (kept.users, kept.clients) is distinct from (counted.users::int, counted.clients::int)`,
  );
  return rows;
}

/** The same numbers in every run. */
function* numbers(): Generator<number, never> {
  for (let n = 1; ; n = (n * 48_271) % 2_147_483_647) yield n;
}

interface Company extends Row {
  readonly administrator: Identity;
  readonly memberships: Membership[];
  /** What may be added, given another role, and removed. */
  readonly colleagues: Identity[];
}

describe("after concurrent work of all kinds", () => {
  let communities: (Row & { ownerMembership: Membership })[];
  let companies: Company[];
  beforeAll(async () => {
    companies = [];
    for (let n = 0; n < 3; n += 1) {
      const row = await seed.tenant();
      const colleagues: Identity[] = [];
      for (let n = 0; n < 8; n += 1)
        colleagues.push(await seed[n % 2 ? "user" : "client"](row));
      companies.push({
        ...row,
        administrator: await seed.user(row, ["ACCOUNT_ADMINISTRATOR"]),
        memberships: [],
        colleagues,
      });
    }
    communities = [];
    for (const owner of companies) {
      const place = await seed.community(owner);
      communities.push(place);
      for (const company of companies) {
        const isOwner = company === owner;
        const membership = isOwner
          ? place.ownerMembership
          : await seed.membership(place, company);
        await seed.member(
          membership,
          company.administrator,
          isOwner ? "ADMINISTRATOR" : "MODERATOR",
        );
      }
    }
  });

  const next = numbers();
  const pick = <T>(from: readonly T[]) =>
    from[next.next().value % from.length] as T;

  const inCommunity = (caller: Identity, mutation: string) =>
    run(community, as(caller), `mutation { ${mutation} }`);

  const work: readonly ((
    company: Company,
    place: Row,
  ) => Promise<{ errors: unknown }>)[] = [
    ...["MEMBER", "MODERATOR", "MEMBER"].map(
      (role) => (company: Company, place: Row) =>
        inCommunity(
          company.administrator,
          `setCommunityRoles(input: { communityId: "${place.uuid}", members: [${[
            ...new Set([pick(company.colleagues), pick(company.colleagues)]),
          ]
            .map(({ uuid }) => `{ identityId: "${uuid}", role: ${role} }`)
            .join(" ")}] }) { applied }`,
        ),
    ),
    (company, place) =>
      inCommunity(
        company.administrator,
        `removeCommunityMembers(input: { communityId: "${place.uuid}", identityIds: ["${pick(company.colleagues).uuid}"] }) { applied }`,
      ),
    (company, place) =>
      inCommunity(
        company.administrator,
        `setCommunityRoles(input: { communityId: "${place.uuid}", dryRun: true, members: [{ identityId: "${pick(company.colleagues).uuid}", role: MEMBER }] }) { applied }`,
      ),
    async (company) => {
      const gone = pick(company.colleagues);
      const kind = company.colleagues.indexOf(gone) % 2 ? "User" : "Client";
      return run(
        tenant,
        as(company.administrator),
        `mutation { remove${kind}(id: "${gone.uuid}") }`,
      );
    },
  ];

  test("each kept count is what counting gives, and nobody meets a deadlock", async () => {
    const done = new Map<string, number>();
    for (let round = 0; round < 40; round += 1) {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () =>
          pick(work)(pick(companies), pick(communities)),
        ),
      );
      for (const answer of answers) {
        const how = outcome(answer as Parameters<typeof outcome>[0]);
        done.set(how, (done.get(how) ?? 0) + 1);
      }
      expect(await wrongCounts()).toEqual([]);
      // Who is gone is replaced.
      for (const company of companies)
        for (const [n, { id }] of company.colleagues.entries()) {
          const there = await database
            .owner("tenant.identities")
            .where({ id })
            .pluck("id");
          if (there.length === 0)
            company.colleagues[n] =
              await seed[n % 2 ? "user" : "client"](company);
        }
    }
    const allowed = [
      "ok",
      "FORBIDDEN",
      "NOT_FOUND",
      "CONFLICT",
      "BAD_USER_INPUT",
    ];
    expect([...done.keys()].filter((how) => !allowed.includes(how))).toEqual(
      [],
    );
    expect(done.get("ok")).toBeGreaterThan(100);
  });

  test("also where a tenant leaves or is removed while others join in, and a community ends", async () => {
    const [owner, second, third] = companies as [Company, Company, Company];
    const [place, other] = communities as unknown as [Row, Row];
    const join = ({ administrator, colleagues }: Company, { uuid }: Row) =>
      inCommunity(
        administrator,
        `setCommunityRoles(input: { communityId: "${uuid}", members: [${colleagues
          .map(({ uuid }) => `{ identityId: "${uuid}", role: MEMBER }`)
          .join(" ")}] }) { applied }`,
      );
    const remove = (company: Company) =>
      run(
        tenant,
        as(company.administrator),
        `mutation { removeClient(id: "${company.colleagues[0]?.uuid}") }`,
      );
    const answers = await Promise.all([
      inCommunity(
        second.administrator,
        `leaveCommunity(communityId: "${place.uuid}") { applied }`,
      ),
      join(second, place),
      remove(second),
      join(third, place),
      inCommunity(
        owner.administrator,
        `removeTenant(communityId: "${place.uuid}", tenantId: "${third.uuid}") { applied }`,
      ),
      remove(third),
      join(second, other),
      join(owner, other),
    ]);
    for (const answer of answers)
      expect(["ok", "NOT_FOUND", "CONFLICT"]).toContain(outcome(answer));
    expect(await wrongCounts()).toEqual([]);
    const [name] = (await database
      .owner("community.communities")
      .where({ id: other.id })
      .pluck("name")) as [string];
    await Promise.all([
      inCommunity(
        second.administrator,
        `deleteCommunity(id: "${other.uuid}", confirmName: "${name}") { applied }`,
      ),
      join(owner, other),
      remove(owner),
    ]);
    expect(await wrongCounts()).toEqual([]);
  });

  test("an identity takes its name along into lists, and a transfer the owner's mark", async () => {
    const owner = await seed.tenant();
    const heir = await seed.tenant();
    const place = await seed.community(owner);
    const inherited = await seed.membership(place, heir);
    const one = await seed.user(heir);
    await seed.member(inherited, one);
    await database
      .owner("tenant.identities")
      .where({ id: one.id })
      .update({ name: "Zoe" });
    expect(
      await database
        .owner("community.members")
        .where({ identity_id: one.id })
        .select("name", "kind"),
    ).toEqual([{ name: "Zoe", kind: "USER" }]);
    await database
      .owner("community.communities")
      .where({ id: place.id })
      .update({ owner_tenant_id: heir.id });
    expect(
      await database
        .owner("community.memberships")
        .where({ community_id: place.id, is_owner: true })
        .pluck("id"),
    ).toEqual([inherited.id]);
  });
});

test("counts are told to those who see the community, and others learn not even that it is there", async () => {
  const world = await seedWorld(database);
  const { uuid: id } = world.tenants.owner.membership as Row;
  const countsOf = async (caller: (typeof callers)[number], id: string) => {
    const { data } = await run(
      community,
      world.viewers[caller],
      `query ($id: ID!) { _entities(representations: [{ __typename: "Membership", id: $id }]) {
         ... on Membership { userCount clientCount } } }`,
      { id },
    );
    return data;
  };
  const seen = {
    _entities: [
      { userCount: expect.any(Number), clientCount: expect.any(Number) },
    ],
  };
  let blind = 0;
  for (const caller of callers) {
    const { data } = await run(
      community,
      world.viewers[caller],
      `query ($id: ID!) { community(id: $id) { id } }`,
      { id: world.community.uuid },
    );
    const counts = await countsOf(caller, id);
    if ((data as { community: unknown } | null)?.community)
      expect(counts).toEqual(seen);
    else {
      blind += 1;
      expect(counts).toEqual(await countsOf(caller, neverIssued));
    }
  }
  expect(blind).toBeGreaterThan(3);
});
