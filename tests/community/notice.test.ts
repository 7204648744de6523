import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { notify, type NewNotice } from "../../notices/store.ts";
import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { createSubgraphs } from "../../installation/subgraphs.ts";
import { readConfig } from "../../installation/config.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

let database: TestDatabase;
let seed: Seed;
let subgraphs: Readonly<Record<string, Subgraph>>;
let world: World;

beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  subgraphs = Object.fromEntries(
    createSubgraphs(
      { connect: (role) => database.as(role) },
      readConfig({}),
      unrecorded,
    ).map((subgraph) => [subgraph.name, subgraph]),
  );
});
beforeEach(async () => {
  world = await seedWorld();
});
afterAll(() => database.drop());

const names = [
  "ownerCA",
  "ownerCM",
  "ownerMB",
  "ownerAA",
  "guestCM",
  "guestMB",
  "guestClient",
  "guestAA",
  "guestNobody",
  "thirdCM",
  "strangerAA",
] as const;
type Name = (typeof names)[number];

interface World {
  readonly community: Row;
  readonly guest: Row;
  readonly third: Row;
  readonly guestMembership: Membership;
  readonly people: Readonly<Record<Name, Identity>>;
  readonly stream: Stream;
}

async function seedWorld(): Promise<World> {
  const [owner, guest, third, stranger] = [
    await seed.tenant("Owner"),
    await seed.tenant("Guest"),
    await seed.tenant("Third"),
    await seed.tenant("Stranger"),
  ];
  const community = await seed.community(owner, "Partners");
  const guestMembership = await seed.membership(community, guest);
  const thirdMembership = await seed.membership(community, third);
  const AA = ["ACCOUNT_ADMINISTRATOR"] as const;
  const people = {
    ownerCA: await seed.user(owner, AA),
    ownerCM: await seed.user(owner, AA),
    ownerMB: await seed.user(owner),
    ownerAA: await seed.user(owner, AA),
    guestCM: await seed.user(guest, [...AA, "DATA_STEWARD"]),
    guestMB: await seed.user(guest),
    guestClient: await seed.client(guest),
    guestAA: await seed.user(guest, AA),
    guestNobody: await seed.user(guest),
    thirdCM: await seed.user(third, AA),
    strangerAA: await seed.user(stranger, AA),
  };
  const { ownerMembership } = community;
  await seed.member(ownerMembership, people.ownerCA, "ADMINISTRATOR");
  await seed.member(ownerMembership, people.ownerCM, "MODERATOR");
  await seed.member(ownerMembership, people.ownerMB);
  await seed.member(guestMembership, people.guestCM, "MODERATOR");
  await seed.member(guestMembership, people.guestMB);
  await seed.member(guestMembership, people.guestClient);
  await seed.member(thirdMembership, people.thirdCM, "MODERATOR");
  const stream = await seed.stream(guest);
  return { community, guest, third, guestMembership, people, stream };
}

const query = `query ($since: DateTime, $first: Int, $after: String) { viewer { notices(since: $since, first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id kind at text community { id } communityName tenant { id } tenantName identity { id } identityCount role streamCount dueAt }
} } }`;

interface SeenNotice {
  readonly id: string;
  readonly kind: string;
  readonly at: string;
  readonly text: string;
  readonly community: { id: string } | null;
  readonly tenant: { id: string } | null;
  readonly identity: { id: string } | null;
  readonly identityCount: number;
}

const ask = (viewer: Viewer, variables: Record<string, unknown> = {}) =>
  run(subgraphs["community"] as Subgraph, viewer, query, variables);

const listOf = ({ data }: Answer) =>
  (
    data as unknown as {
      viewer: {
        notices: {
          nodes: SeenNotice[];
          totalCount: number;
          pageInfo: { hasNextPage: boolean; endCursor: string };
        };
      };
    }
  ).viewer.notices;

const seenBy = async (name: Name): Promise<SeenNotice[]> =>
  listOf(await ask(as(world.people[name]))).nodes;

/** Who sees a notice, and with which sentence. */
async function told(): Promise<Record<string, string[]>> {
  const seen: Record<string, string[]> = {};
  for (const name of names)
    for (const { kind, text } of await seenBy(name))
      (seen[`${kind}: ${text}`] ??= []).push(name);
  return seen;
}

async function change(
  subgraph: "community" | "stream",
  name: Name,
  operation: string,
): Promise<void> {
  const answer = await run(
    subgraphs[subgraph] as Subgraph,
    as(world.people[name]),
    `mutation { ${operation} }`,
  );
  expect([outcome(answer), answer.errors]).toEqual(["ok", []]);
}

const leaders = ["ownerCA", "ownerCM", "guestCM", "thirdCM"];

describe("who is told of what", () => {
  test("a tenant that leaves: who leads the others there, and its own moderators and administrators", async () => {
    await change(
      "community",
      "guestAA",
      `leaveCommunity(communityId: "${world.community.uuid}") { applied }`,
    );
    expect(await told()).toEqual({
      'TENANT_LEFT: Guest has left the community "Partners". What it shared there can no longer be read.':
        ["ownerCA", "ownerCM", "guestCM", "guestAA", "thirdCM"],
    });
    const [seen] = await seenBy("guestAA");
    expect(seen).toMatchObject({
      community: null,
      tenant: { id: world.guest.uuid },
    });
    const [other] = await seenBy("ownerCM");
    expect(other).toMatchObject({
      community: { id: world.community.uuid },
      tenant: null,
    });
  });

  test("a tenant that is removed", async () => {
    await change(
      "community",
      "ownerCA",
      `removeTenant(communityId: "${world.community.uuid}", tenantId: "${world.guest.uuid}") { applied }`,
    );
    expect(await told()).toEqual({
      'TENANT_REMOVED: Guest was removed from the community "Partners". What it shared there can no longer be read.':
        ["ownerCA", "ownerCM", "guestCM", "guestAA", "thirdCM"],
    });
  });

  test("a community that is deleted: who led there, and the administrators of its tenants", async () => {
    await change(
      "community",
      "ownerCA",
      `deleteCommunity(id: "${world.community.uuid}", confirmName: "Partners") { applied }`,
    );
    expect(await told()).toEqual({
      'COMMUNITY_DELETED: The community "Partners" was deleted. What was shared there can no longer be read.':
        ["ownerCA", "ownerCM", "ownerAA", "guestCM", "guestAA", "thirdCM"],
    });
  });

  test("sharing that is paused and resumed: who leads there; nothing where nothing changes", async () => {
    const of = `(communityId: "${world.community.uuid}")`;
    await change("community", "guestAA", `pauseSharing${of} { applied }`);
    await change("community", "guestAA", `pauseSharing${of} { applied }`);
    await change("community", "guestCM", `resumeSharing${of} { id }`);
    expect(await told()).toEqual({
      'SHARING_PAUSED: Guest has paused what it shares in the community "Partners".':
        leaders,
      'SHARING_RESUMED: Guest has resumed what it shares in the community "Partners".':
        leaders,
    });
    expect((await seenBy("thirdCM")).map(({ kind }) => kind)).toEqual([
      "SHARING_RESUMED",
      "SHARING_PAUSED",
    ]);
  });

  test("streams that are shared and unshared: who leads there, one notice a call", async () => {
    const other = await seed.stream(world.guest);
    const input = `(input: { streamIds: ["${world.stream.uuid}", "${other.uuid}"], communityIds: ["${world.community.uuid}"] })`;
    await change("stream", "guestCM", `shareStreams${input} { id }`);
    await change("stream", "guestCM", `shareStreams${input} { id }`);
    await change("stream", "guestCM", `unshareStreams${input} { applied }`);
    expect(await told()).toEqual({
      'STREAMS_SHARED: Guest shares 2 streams in the community "Partners".':
        leaders,
      'STREAMS_UNSHARED: Guest no longer shares 2 streams in the community "Partners".':
        leaders,
    });
  });

  test("streams that are shared while sharing is paused: the own tenant's leaders alone", async () => {
    await database
      .owner("community.memberships")
      .where({ id: world.guestMembership.id })
      .update({ status: "PAUSED" });
    const input = `(input: { streamIds: ["${world.stream.uuid}"], communityIds: ["${world.community.uuid}"] })`;
    await change("stream", "guestCM", `shareStreams${input} { id }`);
    await change("stream", "guestCM", `unshareStreams${input} { applied }`);
    expect(await told()).toEqual({
      'STREAMS_SHARED: Guest shares 1 stream in the community "Partners".': [
        "guestCM",
      ],
      'STREAMS_UNSHARED: Guest no longer shares 1 stream in the community "Partners".':
        ["guestCM"],
    });
  });

  test("roles that are given and taken: who has them, and who leads the own tenant here, nobody else's", async () => {
    const { guestAA, guestNobody, guestMB } = world.people;
    await change(
      "community",
      "guestCM",
      `setCommunityRoles(input: { communityId: "${world.community.uuid}", members: [
        { identityId: "${guestAA.uuid}", role: MODERATOR }, { identityId: "${guestNobody.uuid}", role: MEMBER },
        { identityId: "${guestMB.uuid}", role: MEMBER }] }) { applied }`,
    );
    expect(await told()).toEqual({
      'ROLE_GIVEN: 1 identity of your tenant is now MODERATOR in the community "Partners".':
        ["guestCM"],
      'ROLE_GIVEN: 1 identity of your tenant is now MEMBER in the community "Partners".':
        ["guestCM", "guestAA"],
      'ROLE_GIVEN: You are now MODERATOR in the community "Partners".': [
        "guestAA",
      ],
      'ROLE_GIVEN: You are now MEMBER in the community "Partners".': [
        "guestNobody",
      ],
    });
    await change(
      "community",
      "guestCM",
      `removeCommunityMembers(input: { communityId: "${world.community.uuid}", identityIds: ["${guestNobody.uuid}", "${guestMB.uuid}"] }) { applied }`,
    );
    const [taken] = await seenBy("guestNobody");
    expect(taken).toMatchObject({
      kind: "ROLE_TAKEN",
      text: 'You are no longer MEMBER in the community "Partners".',
      role: "MEMBER",
      community: null,
      identity: { id: guestNobody.uuid },
      identityCount: 1,
    });
    const [toLeader] = await seenBy("guestCM");
    expect(toLeader).toMatchObject({
      text: '2 identities of your tenant are no longer MEMBER in the community "Partners".',
      identity: null,
      identityCount: 2,
    });
  });

  test("a dry run and a refusal tell nobody", async () => {
    await change(
      "community",
      "guestAA",
      `leaveCommunity(communityId: "${world.community.uuid}", dryRun: true) { applied }`,
    );
    await run(
      subgraphs["community"] as Subgraph,
      as(world.people.guestMB),
      `mutation { pauseSharing(communityId: "${world.community.uuid}") { applied } }`,
    );
    expect(await told()).toEqual({});
  });
});

describe("what a viewer may not see does not exist for it", () => {
  const write = (...notices: NewNotice[]) =>
    database
      .as("community")
      .transaction((transaction) =>
        notify(
          transaction,
          { viewer: as(world.people.ownerCA), requestId: "" },
          notices,
        ),
      );
  const joined = (): NewNotice => ({
    kind: "TENANT_JOINED",
    communityId: world.community.uuid,
    tenantId: world.third.uuid,
    audience: [{ role: "MODERATOR" }],
  });

  test("a tenant that joins later, or has left and returned, sees nothing of what was before", async () => {
    await write(joined());
    const fourth = await seed.tenant("Fourth");
    const membership = await seed.membership(world.community, fourth);
    const late = await seed.user(fourth);
    await seed.member(membership, late, "MODERATOR");
    expect(listOf(await ask(as(late)))).toMatchObject({
      nodes: [],
      totalCount: 0,
    });

    expect(await seenBy("guestCM")).toHaveLength(1);
    await database
      .owner("community.memberships")
      .where({ id: world.guestMembership.id })
      .delete();
    expect(await seenBy("guestCM")).toEqual([]);
    const again = await seed.membership(world.community, world.guest);
    await seed.member(again, world.people.guestCM, "MODERATOR");
    expect(await seenBy("guestCM")).toEqual([]);
  });

  test("roles are asked when it is read: a new moderator sees, one who is none any more does not", async () => {
    await write(joined());
    const { guestMB, guestCM } = world.people;
    await database
      .owner("community.members")
      .where({ identity_id: guestMB.id })
      .update({ role: "MODERATOR" });
    await database
      .owner("community.members")
      .where({ identity_id: guestCM.id })
      .update({ role: "MEMBER" });
    expect(await seenBy("guestMB")).toHaveLength(1);
    expect(await seenBy("guestCM")).toEqual([]);
  });

  test("a disabled or removed identity is nobody, and a person without a tenant has no viewer", async () => {
    await write(joined());
    const { guestCM } = world.people;
    await database
      .owner("tenant.identities")
      .where({ id: guestCM.id })
      .update({ enabled: false });
    expect(outcome(await ask(as(guestCM)))).toBe("UNAUTHENTICATED");
    await database
      .owner("tenant.identities")
      .where({ id: guestCM.id })
      .delete();
    expect(outcome(await ask(as(guestCM)))).toBe("UNAUTHENTICATED");
    expect(outcome(await ask(anonymous))).toBe("UNAUTHENTICATED");
    const person = await ask({
      ...anonymous,
      person: { id: guestCM.uuid, email: "x@example.com", name: null },
    });
    expect(person).toMatchObject({ data: { viewer: null }, errors: [] });
  });

  test("names stay as they were for who no longer sees community and tenant", async () => {
    await change(
      "community",
      "ownerCA",
      `removeTenant(communityId: "${world.community.uuid}", tenantId: "${world.guest.uuid}") { applied }`,
    );
    await database
      .owner("community.communities")
      .where({ id: world.community.id })
      .update({ name: "Renamed" });
    const [seen] = await seenBy("guestCM");
    expect(seen).toMatchObject({ communityName: "Partners", community: null });
  });

  test("a page goes on by its cursor, newest first, and since leaves out what is older", async () => {
    const kinds = [
      "SHARING_PAUSED",
      "SHARING_RESUMED",
      "TENANT_JOINED",
    ] as const;
    for (const kind of kinds) await write({ ...joined(), kind });
    const viewer = as(world.people.guestCM);
    const first = listOf(await ask(viewer, { first: 2 }));
    expect(first).toMatchObject({
      nodes: [{ kind: "TENANT_JOINED" }, { kind: "SHARING_RESUMED" }],
      totalCount: 3,
      pageInfo: { hasNextPage: true },
    });
    const { endCursor: after } = first.pageInfo;
    const second = listOf(await ask(viewer, { first: 2, after }));
    expect(second.nodes.map(({ kind }) => kind)).toEqual(["SHARING_PAUSED"]);
    const since = first.nodes[1]?.at;
    expect(
      listOf(await ask(viewer, { since })).nodes.map(({ kind }) => kind),
    ).toEqual(["TENANT_JOINED", "SHARING_RESUMED"]);
    // A cursor holds a position and no permission.
    const other = listOf(
      await ask(as(world.people.strangerAA), { first: 2, after }),
    );
    expect(other.nodes).toEqual([]);
    // What is removed after a time was older than all that is left.
    const last = second.pageInfo.endCursor;
    await database.owner.raw(
      "delete from mail.notices where kind = 'SHARING_PAUSED'",
    );
    const beyond = listOf(await ask(viewer, { first: 2, after: last }));
    expect(beyond.nodes).toEqual([]);
    const left = listOf(await ask(viewer, { last: 5, before: last }));
    expect(left.nodes).toEqual(first.nodes);
  });
});
