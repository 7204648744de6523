import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
  type TenantRole,
} from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";
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

const fields = `{
  applied communityId community { id myRole myRights } membership { id status } members { identity { id } role }
  tenantCount identityCount shareCount streamCount stillReadableCount
  tenants { id } identities { id } streams { id } stillReadable { id }
}`;

const changeOf = ({ data, errors }: Answer) => {
  expect(errors).toEqual([]);
  return Object.values(data ?? {})[0] as unknown as Change;
};

type Reference = { id: string } | null;

interface Change {
  applied: boolean;
  communityId: string;
  community: Reference;
  membership: Reference;
  tenantCount: number;
  identityCount: number;
  shareCount: number;
  streamCount: number;
  stillReadableCount: number;
  tenants: Reference[];
  identities: Reference[];
  streams: Reference[];
  stillReadable: Reference[];
}

describe("what a change ends is what the gate opens before it and no longer after it", () => {
  interface Place {
    community: Row & { name: string };
    membership: Membership;
    tenant: Row;
    manager: Identity;
    members: Identity[];
    streams: Stream[];
    isOwner: boolean;
  }

  type Pick = (below: number) => number;

  /** The same worlds in every run. */
  const random = (state: number): Pick => {
    return (below) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  };

  async function seedPlaces(pick: Pick): Promise<Place[]> {
    const companies: Omit<Place, "community" | "membership" | "isOwner">[] = [];
    for (let i = 0; i < 6; i++) {
      const tenant = await seed.tenant(undefined, { entitled: pick(5) > 0 });
      const streams = [await seed.stream(tenant), await seed.stream(tenant)];
      const manager = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
      const members = [await seed.user(tenant), await seed.client(tenant)];
      if (pick(4) === 0)
        await database
          .owner("tenant.identities")
          .where({ id: members[pick(2)]?.id })
          .update({ enabled: false });
      companies.push({ tenant, streams, manager, members });
    }
    const places: Place[] = [];
    for (const [i, name] of [
      "first",
      "second",
      "third",
      "fourth",
      "fifth",
    ].entries()) {
      const owner = companies[i] as (typeof companies)[number];
      const community = { ...(await seed.community(owner.tenant)), name };
      await database
        .owner("community.communities")
        .where({ id: community.id })
        .update({ name });
      for (const company of companies) {
        const isOwner = company === owner;
        if (!isOwner && pick(2) === 0) continue;
        const membership = isOwner
          ? community.ownerMembership
          : await seed.membership(
              community,
              company.tenant,
              pick(4) === 0 ? "PAUSED" : "ACTIVE",
            );
        await seed.member(
          membership,
          company.manager,
          isOwner ? "ADMINISTRATOR" : "MODERATOR",
        );
        const members = company.members.filter(() => pick(3) > 0);
        for (const member of members) await seed.member(membership, member);
        for (const stream of company.streams)
          if (pick(2) > 0) await seed.share(stream, membership);
        places.push({ community, membership, isOwner, ...company, members });
      }
    }
    const waiting = places.flatMap((sharing) =>
      places
        .filter(
          (other) =>
            other !== sharing &&
            other.community === sharing.community &&
            pick(8) === 0,
        )
        .map(({ membership }) => ({
          sharing_id: sharing.membership.id,
          waiting_id: membership.id,
        })),
    );
    if (waiting.length > 0)
      await database.owner("community.waiting_tenants").insert(waiting);
    return places;
  }

  interface Pair {
    identity: string;
    tenant: string;
    share: string;
    stream: string;
    community: number;
  }

  const openPairs = async (places: readonly Place[]): Promise<Pair[]> => {
    const { rows } = await database.owner.raw(
      `select i.uuid as identity, t.uuid as tenant, h.uuid as share, s.uuid as stream, h.community_id as community
       from tenant.identities i
       join tenant.tenants t on t.id = i.tenant_id
       cross join lateral stream.open_shares(i.uuid) h
       join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
       where t.id = any (?)`,
      [places.map(({ tenant }) => tenant.id)],
    );
    return rows as Pair[];
  };

  const distinct = (values: readonly string[]) => [...new Set(values)].sort();

  const changes: Record<
    string,
    (
      place: Place,
      places: readonly Place[],
    ) => { by: Identity; mutation: string } | undefined
  > = {
    setCommunityRoles: ({ community, manager, members, isOwner }) => ({
      by: manager,
      mutation: `setCommunityRoles(input: { communityId: "${community.uuid}", members: [${[
        ...members.map(({ uuid }) => `{ identityId: "${uuid}", role: MEMBER }`),
        `{ identityId: "${manager.uuid}", role: ${isOwner ? "ADMINISTRATOR" : "MODERATOR"} }`,
      ].join()}], dryRun: false })`,
    }),
    pauseSharing: ({ community, manager }) => ({
      by: manager,
      mutation: `pauseSharing(communityId: "${community.uuid}", dryRun: false)`,
    }),
    leaveCommunity: ({ community, manager, isOwner }) =>
      isOwner
        ? undefined
        : {
            by: manager,
            mutation: `leaveCommunity(communityId: "${community.uuid}", dryRun: false)`,
          },
    removeTenant: ({ community, tenant, isOwner }, places) => {
      const owner = places.find(
        (place) => place.community === community && place.isOwner,
      );
      return isOwner || !owner
        ? undefined
        : {
            by: owner.manager,
            mutation: `removeTenant(communityId: "${community.uuid}", tenantId: "${tenant.uuid}", dryRun: false)`,
          };
    },
    removeCommunityMembers: ({ community, manager, members }) =>
      members.length === 0
        ? undefined
        : {
            by: manager,
            mutation: `removeCommunityMembers(input: { communityId: "${community.uuid}", identityIds: ${JSON.stringify(members.map(({ uuid }) => uuid))}, dryRun: false })`,
          },
    deleteCommunity: ({ community, manager, isOwner }) =>
      isOwner
        ? {
            by: manager,
            mutation: `deleteCommunity(id: "${community.uuid}", confirmName: "${community.name}", dryRun: false)`,
          }
        : undefined,
  };

  test.each([1, 2, 3, 4, 5, 7])("in world %i", async (number) => {
    const pick = random(number);
    const places = await seedPlaces(pick);
    let left = places;
    let ended = 0;
    let kept = 0;
    while (left.length > 0) {
      const place = left[pick(left.length)] as Place;
      const name = Object.keys(changes)[pick(6)] ?? "";
      const change = changes[name]?.(place, places);
      if (!change) continue;
      const before = await openPairs(places);
      const own = places.find(({ manager }) => manager === change.by)?.tenant;
      const seen = (await database
        .owner("community.memberships")
        .where({ tenant_id: own?.id })
        .pluck("community_id")) as number[];
      const make = async (mutation: string) =>
        changeOf(
          await run(
            subgraph,
            as(change.by),
            `mutation { ${mutation} ${fields} }`,
          ),
        );
      const written = await everythingWritten(database);
      const foreseen = await make(
        change.mutation.replace("dryRun: false", "dryRun: true"),
      );
      expect(await everythingWritten(database)).toEqual(written);
      const answer = await make(change.mutation);
      expect(foreseen).toEqual({ ...answer, applied: false });
      const after = await openPairs(places);
      const isOpen = (share: Pair) =>
        after.some(
          (pair) =>
            pair.identity === share.identity && pair.share === share.share,
        );
      const lost = before.filter((pair) => !isOpen(pair));
      const still = lost.filter((pair) =>
        after.some(
          (other) =>
            other.identity === pair.identity &&
            other.stream === pair.stream &&
            seen.includes(other.community),
        ),
      );
      const tenants = distinct(lost.map(({ tenant }) => tenant));
      const identities = distinct(lost.map(({ identity }) => identity));
      const streams = distinct(lost.map(({ stream }) => stream));
      const stillReadable = distinct(still.map(({ stream }) => stream));
      expect(answer).toMatchObject({
        applied: true,
        communityId: place.community.uuid,
        tenantCount: tenants.length,
        identityCount: identities.length,
        shareCount: distinct(lost.map(({ share }) => share)).length,
        streamCount: streams.length,
        stillReadableCount: stillReadable.length,
      });
      expect(answer.tenants).toHaveLength(tenants.length);
      expect(answer.identities).toHaveLength(identities.length);
      expect(answer.streams).toHaveLength(streams.length);
      expect(answer.stillReadable).toHaveLength(stillReadable.length);
      const shown = (list: Reference[]) =>
        list.flatMap((item) => item?.id ?? []);
      expect(tenants).toEqual(expect.arrayContaining(shown(answer.tenants)));
      expect(streams).toEqual(expect.arrayContaining(shown(answer.streams)));
      expect(stillReadable).toEqual(
        expect.arrayContaining(shown(answer.stillReadable)),
      );
      const ownLosers = lost.filter(({ tenant }) => tenant === own?.uuid);
      expect(shown(answer.identities).sort()).toEqual(
        distinct(ownLosers.map(({ identity }) => identity)),
      );
      ended += lost.length;
      kept += still.length;
      if (name === "deleteCommunity")
        left = left.filter(({ community }) => community !== place.community);
      else if (name !== "setCommunityRoles")
        left = left.filter((other) => other !== place);
    }
    expect(ended).toBeGreaterThan(10);
    expect(kept).toBeGreaterThan(0);
  });
});

test("names the first hundred of each, the own identities first, and counts them all", async () => {
  const [owner, guest] = [await seed.tenant(), await seed.tenant()];
  const community = await seed.community(owner);
  const administrator = await seed.user(owner);
  await seed.member(community.ownerMembership, administrator, "ADMINISTRATOR");
  const membership = await seed.membership(community, guest);
  const readers = `
    with added as (
      insert into tenant.identities (tenant_id, kind, name)
      select m.tenant_id, 'CLIENT', 'reader ' || n
      from community.memberships m, generate_series(1, 101) n where m.id = ?
      returning id, tenant_id
    )
    insert into community.members (membership_id, tenant_id, identity_id, role)
    select ?, tenant_id, id, 'MEMBER' from added`;
  await database.owner.raw(readers, [membership.id, membership.id]);
  const shared = await seed.stream(owner);
  const copies = `
    with copied as (
      insert into stream.streams (tenant_id, namespace_id, type_id, external_id, name, access_list_id)
      select tenant_id, namespace_id, type_id, name || n, name || n, access_list_id
      from stream.streams, generate_series(1, 101) n where id = ?
      returning id, uuid, name, tenant_id
    )
    insert into stream.shares (tenant_id, stream_id, membership_id, shared_by, community_id, stream_uuid, stream_name)
    select s.tenant_id, s.id, m.id, gen_random_uuid(), m.community_id, s.uuid, s.name
    from copied s, community.memberships m where m.id = ?`;
  await database.owner.raw(copies, [shared.id, community.ownerMembership.id]);
  await seed.share(await seed.stream(guest), membership);
  const answer = changeOf(
    await run(
      subgraph,
      as(administrator),
      `mutation { removeTenant(communityId: "${community.uuid}", tenantId: "${guest.uuid}") ${fields} }`,
    ),
  );
  expect(answer).toMatchObject({
    tenantCount: 2,
    identityCount: 102,
    shareCount: 102,
    streamCount: 102,
  });
  expect(answer.identities).toEqual([
    { id: administrator.uuid },
    ...Array<null>(99).fill(null),
  ]);
  expect(answer.streams).toHaveLength(100);
});

describe("of communities that the caller does not see", () => {
  const tell = async ({
    isIn = false,
    takesPart = false,
    roles = ["ACCOUNT_ADMINISTRATOR"],
  }: {
    isIn?: boolean;
    takesPart?: boolean;
    roles?: readonly TenantRole[];
  }) => {
    const [owner, sharer, reader] = [
      await seed.tenant(),
      await seed.tenant(),
      await seed.tenant(),
    ];
    const here = await seed.community(owner);
    const elsewhere = await seed.community(sharer);
    const administrator = await seed.user(owner, roles);
    await seed.member(here.ownerMembership, administrator, "ADMINISTRATOR");
    if (isIn) {
      const own = await seed.membership(elsewhere, owner);
      if (takesPart) await seed.member(own, administrator);
    }
    const user = await seed.user(reader);
    await seed.member(await seed.membership(here, reader), user);
    await seed.member(await seed.membership(elsewhere, reader), user);
    const sharing = await seed.membership(here, sharer);
    const stream = await seed.stream(sharer);
    await seed.share(stream, sharing);
    await seed.share(stream, elsewhere.ownerMembership);
    return changeOf(
      await run(
        subgraph,
        as(administrator),
        `mutation { removeTenant(communityId: "${here.uuid}", tenantId: "${sharer.uuid}") ${fields} }`,
      ),
    );
  };

  test.each([
    ["its tenant is not in", {}],
    [
      "its tenant is in, and it is neither AA nor takes part",
      { isIn: true, roles: [] },
    ],
  ])("it learns nothing: %s", async (_, place) => {
    expect(await tell(place)).toMatchObject({
      streamCount: 1,
      stillReadableCount: 0,
      stillReadable: [],
    });
  });

  test.each([
    ["it is AA of a tenant that is in", { isIn: true }],
    ["it takes part", { isIn: true, takesPart: true, roles: [] }],
  ])(
    "and of those that it sees, what they give still: %s",
    async (_, place) => {
      expect(await tell(place)).toMatchObject({
        streamCount: 1,
        stillReadableCount: 1,
      });
    },
  );
});

describe("of own shares in communities that the caller does not take part in (T4)", () => {
  test.each([
    [
      "an administrator sees them, with what others give",
      "ACCOUNT_ADMINISTRATOR",
      1,
      2,
    ],
    ["a data steward is told what they give still", "DATA_STEWARD", 1, 1],
    ["who is neither learns nothing", "VIEWER", 0, 0],
  ] as const)("%s", async (_, role, ofPausing, ofLeaving) => {
    const [owner, sharer, reader, other] = [
      await seed.tenant(),
      await seed.tenant(),
      await seed.tenant(),
      await seed.tenant(),
    ];
    const here = await seed.community(owner);
    const elsewhere = await seed.community(reader);
    const moderator = await seed.user(sharer, [role]);
    const [sharing, sharingElsewhere] = [
      await seed.membership(here, sharer),
      await seed.membership(elsewhere, sharer),
    ];
    await seed.member(sharing, moderator, "MODERATOR");
    const colleague = await seed.user(sharer);
    await seed.member(sharing, colleague);
    await seed.member(sharingElsewhere, colleague);
    const user = await seed.user(reader);
    await seed.member(await seed.membership(here, reader), user);
    await seed.member(elsewhere.ownerMembership, user);
    const stream = await seed.stream(sharer);
    await seed.share(stream, sharing);
    await seed.share(stream, sharingElsewhere);
    // The colleague loses and keeps it as the user does the own one, but it is no share of the own tenant.
    const foreign = await seed.stream(other);
    await seed.share(foreign, await seed.membership(here, other));
    await seed.share(foreign, await seed.membership(elsewhere, other));
    const change = (mutation: string) =>
      run(
        subgraph,
        as(moderator),
        `mutation { ${mutation}(communityId: "${here.uuid}", dryRun: true) ${fields} }`,
      ).then(changeOf);
    expect(await change("pauseSharing")).toMatchObject({
      streamCount: 1,
      stillReadableCount: ofPausing,
    });
    expect(await change("leaveCommunity")).toMatchObject({
      streamCount: 2,
      stillReadableCount: ofLeaving,
    });
  });
});

test("shows no stream to an account administrator who reads none of them", async () => {
  const [owner, guest] = [await seed.tenant(), await seed.tenant()];
  const community = await seed.community(owner);
  await seed.share(await seed.stream(owner), community.ownerMembership);
  const membership = await seed.membership(community, guest);
  await seed.member(membership, await seed.user(guest));
  const answer = changeOf(
    await run(
      subgraph,
      as(await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"])),
      `mutation { leaveCommunity(communityId: "${community.uuid}") ${fields} }`,
    ),
  );
  expect(answer).toMatchObject({ streamCount: 1, streams: [null] });
});

test("ends nothing where nobody else takes part", async () => {
  const [owner, guest] = [await seed.tenant(), await seed.tenant()];
  const community = await seed.community(owner);
  const administrator = await seed.user(owner);
  await seed.member(community.ownerMembership, administrator, "ADMINISTRATOR");
  await seed.share(await seed.stream(owner), community.ownerMembership);
  await seed.membership(community, guest);
  const answer = changeOf(
    await run(
      subgraph,
      as(administrator),
      `mutation { pauseSharing(communityId: "${community.uuid}") ${fields} }`,
    ),
  );
  expect(answer).toMatchObject({
    tenantCount: 0,
    identityCount: 0,
    shareCount: 0,
    streamCount: 0,
  });
});

test("tells the same asked for a part, and is not foreseen asked for none", async () => {
  const [owner, guest] = [await seed.tenant(), await seed.tenant()];
  const community = await seed.community(owner);
  const administrator = await seed.user(owner);
  await seed.member(community.ownerMembership, administrator, "ADMINISTRATOR");
  const stream = await seed.stream(owner);
  await seed.share(stream, community.ownerMembership);
  await seed.member(
    await seed.membership(community, guest),
    await seed.user(guest),
  );
  const tell = async (asked: string, dryRun = true) =>
    changeOf(
      await run(
        subgraph,
        as(administrator),
        `mutation { pauseSharing(communityId: "${community.uuid}", dryRun: ${dryRun}) { ${asked} } }`,
      ),
    );
  const parts = [
    "tenantCount",
    "identityCount",
    "shareCount",
    "streamCount",
    "stillReadableCount",
    "tenants { id }",
    "identities { id }",
    "streams { id }",
    "stillReadable { id }",
  ];
  const whole = await tell(parts.join(" "));
  expect(whole).toMatchObject({
    tenantCount: 1,
    streams: [{ id: stream.uuid }],
  });
  const told = await Promise.all(parts.map((part) => tell(part)));
  expect(Object.assign({}, ...told)).toEqual(whole);

  const right =
    "execute on function stream.ended_access(uuid, int, int[], int[])";
  await database.owner.raw(`revoke ${right} from tributary_community`);
  try {
    expect(await tell("applied membership { id }", false)).toMatchObject({
      applied: true,
    });
  } finally {
    await database.owner.raw(`grant ${right} to tributary_community`);
  }
});
