import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  defaultAccess,
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

const fields = `{
  applied endedShareIds tenantCount identityCount streamCount stillReadableCount
  streams { id } stillReadable { id } tenants { id }
}`;
const unshare = `mutation ($input: UnshareStreamsInput!) { change: unshareStreams(input: $input) ${fields} }`;
const deletion = `mutation ($input: DeleteStreamsInput!) { change: deleteStreams(input: $input) ${fields} }`;
const setAccess = `mutation ($input: SetStreamAccessInput!) { change: setStreamAccess(input: $input) ${fields} }`;

interface Change {
  applied: boolean;
  endedShareIds: string[];
  tenantCount: number;
  identityCount: number;
  streamCount: number;
  stillReadableCount: number;
  streams: ({ id: string } | null)[];
  stillReadable: ({ id: string } | null)[];
  tenants: { id: string }[];
}

const distinct = (values: readonly string[]) => [...new Set(values)].sort();
const shown = (list: Change["streams"]) =>
  list.flatMap((item) => item?.id ?? []).sort();

/** The dry run's answer, which wrote nothing, and the real one's right after. */
async function both(caller: Identity, mutation: string, input: object) {
  const make = (dryRun: boolean) =>
    run(subgraph, as(caller), mutation, { input: { ...input, dryRun } });
  const written = await everythingWritten(database);
  const foreseen = await make(true);
  expect(await everythingWritten(database)).toEqual(written);
  const answer = await make(false);
  if (outcome(answer) !== "ok")
    expect(await everythingWritten(database)).toEqual(written);
  expect(foreseen).toEqual(
    answer.data?.["change"]
      ? { ...answer, data: { change: { ...changeOf(answer), applied: false } } }
      : answer,
  );
  return answer;
}

const changeOf = ({ data }: Answer) => data?.["change"] as unknown as Change;

describe("a change of readers is foreseen as it is made, and takes what the gate no longer opens", () => {
  type Pick = (below: number) => number;

  /** The same worlds in every run. */
  const random = (state: number): Pick => {
    return (below) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  };

  interface Company {
    tenant: Row;
    /** By what each may know of shares (T4, S8): all, or those where it leads. */
    callers: { seesAll: Identity[]; leader: Identity };
    identities: Identity[];
    streams: Stream[];
    memberships: (Membership & { community: Row })[];
    /** The communities that the leader leads. */
    led: Set<number>;
  }

  async function seedCompanies(pick: Pick): Promise<Company[]> {
    const companies: Company[] = [];
    for (let i = 0; i < 5; i++) {
      const tenant = await seed.tenant(undefined, { entitled: pick(6) > 0 });
      const administrator = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
      const steward = await seed.user(tenant, ["DATA_STEWARD"]);
      const sharer = await seed.user(tenant);
      const leader = await seed.user(tenant);
      const client = await seed.client(tenant, ["VIEWER"]);
      const access = [...defaultAccess, { rights: 16, identity: sharer }];
      const streams = [
        await seed.stream(tenant, { access }),
        await seed.stream(tenant, { access, owner: leader }),
        await seed.stream(tenant, { access }),
      ];
      companies.push({
        tenant,
        callers: { seesAll: [administrator, steward, sharer], leader },
        identities: [administrator, steward, sharer, leader, client],
        streams,
        memberships: [],
        led: new Set(),
      });
    }
    for (const owner of companies.slice(0, 4)) {
      const { ownerMembership, ...community } = await seed.community(
        owner.tenant,
      );
      for (const company of companies) {
        if (company !== owner && pick(3) === 0) continue;
        const membership =
          company === owner
            ? ownerMembership
            : await seed.membership(
                community,
                company.tenant,
                pick(5) === 0 ? "PAUSED" : "ACTIVE",
              );
        company.memberships.push({ ...membership, community });
        for (const identity of company.identities) {
          if (pick(3) === 0) continue;
          const leads = identity === company.callers.leader && pick(2) === 0;
          if (leads) company.led.add(community.id);
          await seed.member(
            membership,
            identity,
            leads ? "MODERATOR" : "MEMBER",
          );
        }
      }
    }
    const waiting = companies.flatMap(({ memberships }) =>
      memberships.flatMap((sharing) =>
        companies
          .flatMap((other) => other.memberships)
          .filter(
            ({ id, community }) =>
              id !== sharing.id &&
              community.id === sharing.community.id &&
              pick(6) === 0,
          )
          .map(({ id }) => ({ sharing_id: sharing.id, waiting_id: id })),
      ),
    );
    if (waiting.length > 0)
      await database.owner("community.waiting_tenants").insert(waiting);
    return companies;
  }

  const shareSome = async (companies: readonly Company[], pick: Pick) => {
    const shares = companies.flatMap(({ streams, memberships }) =>
      streams.flatMap((stream) =>
        memberships
          .filter(() => pick(2) === 0)
          .map((membership) => ({ stream, membership })),
      ),
    );
    await database.owner.raw(
      `insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
       select s.tenant_id, s.id, m.id, gen_random_uuid(), m.community_id, s.uuid, s.name
       from unnest(?::int[], ?::int[]) as h (stream_id, membership_id)
       join stream.streams s on s.id = h.stream_id
       join community.memberships m on m.id = h.membership_id
       on conflict on constraint shares_once do nothing`,
      [
        shares.map(({ stream }) => stream.id),
        shares.map(({ membership }) => membership.id),
      ],
    );
  };

  interface Pair {
    identity: string;
    tenant: string;
    share: string;
    stream: string;
    community: number;
  }

  const openShares = async (companies: readonly Company[]) => {
    const { rows } = await database.owner.raw<{ rows: Pair[] }>(
      `select i.uuid as identity, t.uuid as tenant, h.uuid as share, s.uuid as stream, h.community_id as community
       from tenant.identities i
       join tenant.tenants t on t.id = i.tenant_id
       cross join lateral stream.open_shares(i.uuid) h
       join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
       where t.id = any (?)`,
      [companies.map(({ tenant }) => tenant.id)],
    );
    return rows;
  };

  const readByOwners = async ({ tenant }: Company) => {
    const { rows } = await database.owner.raw<{
      rows: { identity: string; stream: string }[];
    }>(
      `select i.uuid as identity, o.uuid as stream
       from tenant.identities i cross join lateral stream.own(i.uuid) o
       where i.tenant_id = ? and o.rights & 1 = 1`,
      [tenant.id],
    );
    return rows;
  };

  const some = <T>(list: readonly T[], pick: Pick): T[] => {
    const chosen = list.filter(() => pick(2) === 0);
    return chosen.length > 0 ? chosen : list.slice(0, 1);
  };

  test.each([1, 3, 6])("unsharing, in world %i", async (number) => {
    const pick = random(number);
    const companies = await seedCompanies(pick);
    const counts = { lost: 0, kept: 0, refused: 0 };
    for (let step = 0; step < 12; step++) {
      await shareSome(companies, pick);
      const company = companies[pick(5)] as Company;
      const { seesAll, leader } = company.callers;
      const caller = [...seesAll, leader][pick(4)] as Identity;
      const where = company.memberships.map(({ community }) => community.uuid);
      const before = await openShares(companies);
      const answer = await both(caller, unshare, {
        streamIds: some(company.streams, pick).map(({ uuid }) => uuid),
        ...(pick(2) === 0 && { communityIds: some(where, pick) }),
      });
      if (outcome(answer) !== "ok") {
        counts.refused += 1;
        continue;
      }
      const after = await openShares(companies);
      const isOpen = (pair: Pair) =>
        after.some(
          ({ identity, share }) =>
            identity === pair.identity && share === pair.share,
        );
      const lost = before.filter((pair) => !isOpen(pair));
      const still = lost.filter((pair) =>
        after.some(
          ({ identity, stream, community }) =>
            identity === pair.identity &&
            stream === pair.stream &&
            (caller !== leader || company.led.has(community)),
        ),
      );
      const streams = distinct(lost.map(({ stream }) => stream));
      const stillReadable = distinct(still.map(({ stream }) => stream));
      const change = changeOf(answer);
      expect(change).toMatchObject({
        tenantCount: distinct(lost.map(({ tenant }) => tenant)).length,
        identityCount: distinct(lost.map(({ identity }) => identity)).length,
        streamCount: streams.length,
        stillReadableCount: stillReadable.length,
      });
      expect(change.endedShareIds).toEqual(
        expect.arrayContaining(distinct(lost.map(({ share }) => share))),
      );
      expect(streams).toEqual(expect.arrayContaining(shown(change.streams)));
      expect(stillReadable).toEqual(
        expect.arrayContaining(shown(change.stillReadable)),
      );
      counts.lost += lost.length;
      counts.kept += still.length;
    }
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
  });

  test.each([1, 2])("deleting, in world %i", async (number) => {
    const pick = random(number);
    const companies = await seedCompanies(pick);
    await shareSome(companies, pick);
    let ended = 0;
    for (const company of companies) {
      const { seesAll, leader } = company.callers;
      const [first, owned] = company.streams as [Stream, Stream];
      for (const [caller, streams] of [
        [leader, [owned]],
        [seesAll[0] as Identity, [first]],
      ] as const) {
        const ids = streams.map(({ uuid }) => uuid);
        const mine = ({ stream }: { stream: string }) => ids.includes(stream);
        const foreign = (await openShares(companies)).filter(
          (pair) =>
            mine(pair) &&
            (caller !== leader || company.led.has(pair.community)),
        );
        // T4: who leads a community and has no such role is not told of colleagues.
        const own =
          caller === leader ? [] : (await readByOwners(company)).filter(mine);
        const answer = await both(caller, deletion, { streamIds: ids });
        expect(outcome(answer)).toBe("ok");
        expect((await openShares(companies)).filter(mine)).toEqual([]);
        expect((await readByOwners(company)).filter(mine)).toEqual([]);
        const lost = [...foreign, ...own];
        const change = changeOf(answer);
        expect(change).toMatchObject({
          tenantCount:
            distinct(foreign.map(({ tenant }) => tenant)).length +
            Math.min(own.length, 1),
          identityCount: distinct(lost.map(({ identity }) => identity)).length,
          streamCount: distinct(lost.map(({ stream }) => stream)).length,
          stillReadableCount: 0,
        });
        expect(change.endedShareIds).toEqual(
          expect.arrayContaining(distinct(foreign.map(({ share }) => share))),
        );
        ended += foreign.length;
      }
    }
    expect(ended).toBeGreaterThan(0);
  });

  test.each([4, 5])("access lists, in world %i", async (number) => {
    const pick = random(number);
    const companies = await seedCompanies(pick);
    let ended = 0;
    for (let step = 0; step < 12; step++) {
      const company = companies[pick(5)] as Company;
      const [administrator] = company.callers.seesAll as [Identity];
      const roles = [
        "ACCOUNT_ADMINISTRATOR",
        "DATA_STEWARD",
        "VIEWER",
        "MEMBER",
      ];
      const before = await readByOwners(company);
      const answer = await both(administrator, setAccess, {
        streamIds: some(company.streams, pick).map(({ uuid }) => uuid),
        access: some(roles, pick).map((role) => ({
          role,
          rights: ["READ"],
          effect: pick(4) === 0 ? "DENY" : "ALLOW",
        })),
      });
      expect(outcome(answer)).toBe("ok");
      const after = await readByOwners(company);
      const lost = before.filter(
        (pair) =>
          !after.some(
            ({ identity, stream }) =>
              identity === pair.identity && stream === pair.stream,
          ),
      );
      const change = changeOf(answer);
      const streams = distinct(lost.map(({ stream }) => stream));
      expect(change).toMatchObject({
        endedShareIds: [],
        tenantCount: Math.min(lost.length, 1),
        identityCount: distinct(lost.map(({ identity }) => identity)).length,
        streamCount: streams.length,
        stillReadableCount: 0,
      });
      expect(shown(change.streams)).toEqual(streams);
      ended += lost.length;
    }
    expect(ended).toBeGreaterThan(0);
  });
});

test("a moderator is not told of a community of its own tenant in which it takes no part", async () => {
  const [plant, vendor] = [await seed.tenant(), await seed.tenant()];
  const [here, there] = [
    await seed.community(plant),
    await seed.community(plant),
  ];
  const reader = await seed.user(vendor);
  const moderator = await seed.user(plant);
  const administrator = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
  await seed.member(here.ownerMembership, moderator, "MODERATOR");
  const stream = await seed.stream(plant);
  for (const community of [here, there]) {
    await seed.member(await seed.membership(community, vendor), reader);
    await seed.share(stream, community.ownerMembership);
  }
  const input = {
    streamIds: [stream.uuid],
    communityIds: [here.uuid],
    dryRun: true,
  };
  const told = async (caller: Identity) =>
    changeOf(await run(subgraph, as(caller), unshare, { input }));
  expect(await told(moderator)).toMatchObject({
    applied: false,
    streamCount: 1,
    stillReadableCount: 0,
    stillReadable: [],
  });
  expect(await told(administrator)).toMatchObject({
    streamCount: 1,
    stillReadableCount: 1,
    stillReadable: [{ id: stream.uuid }],
  });
  await seed.member(there.ownerMembership, moderator, "MODERATOR");
  expect(await told(moderator)).toMatchObject({ stillReadableCount: 1 });
});
