import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { joinByHandshake } from "../support/invitations.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
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

let owner: Row;
let community: Row & { ownerMembership: Membership };
let administrator: Identity;
let plant: Row;
let moderator: Identity;
/** What the owner shares at once, and the plant after approval. */
let open: Stream;
let guarded: Stream;
let newcomer: Row;
let founder: Identity;
beforeEach(async () => {
  owner = await seed.tenant();
  community = await seed.community(owner);
  administrator = await seed.user(owner);
  await seed.member(community.ownerMembership, administrator, "ADMINISTRATOR");
  open = await seed.stream(owner);
  await seed.share(open, community.ownerMembership);
  plant = await seed.tenant();
  const membership = await seed.membership(community, plant);
  moderator = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
  await seed.member(membership, moderator, "MODERATOR");
  guarded = await seed.stream(plant);
  await seed.share(guarded, membership);
  await ask("AFTER_APPROVAL");
  newcomer = await seed.tenant();
  founder = await seed.user(newcomer, ["ACCOUNT_ADMINISTRATOR"]);
});

const mutate = (caller: Identity, mutation: string): Promise<Answer> =>
  run(subgraph, as(caller), `mutation { ${mutation} }`);
const ask = (newTenantsRead: string) =>
  mutate(
    moderator,
    `updateMembership(input: { communityId: "${community.uuid}", newTenantsRead: ${newTenantsRead} }) { newTenantsRead }`,
  );
const decide =
  (mutation: string) =>
  (caller = moderator, tenant = newcomer) =>
    mutate(
      caller,
      `${mutation}(communityId: "${community.uuid}", tenantId: "${tenant.uuid}") { id waitingTenants { nodes { id } } }`,
    );
const approve = decide("approveNewTenant");
const refuse = decide("refuseNewTenant");
const leave = (caller = founder) =>
  mutate(
    caller,
    `leaveCommunity(communityId: "${community.uuid}") { applied }`,
  );
const join = () =>
  joinByHandshake(database, subgraph, {
    communityId: community.uuid,
    issuer: administrator,
    accepter: founder,
  });

/** Which of the two streams somebody reads, through the gate itself. */
async function reads({ uuid }: Identity): Promise<Stream[]> {
  const { rows } = await database
    .as("stream")
    .raw<{ rows: { uuid: string }[] }>(
      "select uuid from stream.all_visible(?) where not is_own",
      [uuid],
    );
  return [open, guarded].filter((stream) =>
    rows.some((row) => row.uuid === stream.uuid),
  );
}

const waiting = (caller: Identity, tenant: Row, args = "(first: 10)") =>
  run(
    subgraph,
    as(caller),
    `{ community(id: "${community.uuid}") { membership(tenantId: "${tenant.uuid}") {
       waitingTenants${args} { totalCount nodes { id } } } } }`,
  ).then(({ data }) => data?.["community"]?.["membership"]?.["waitingTenants"]);
const listed = (...tenants: Row[]) => ({
  totalCount: tenants.length,
  nodes: tenants.map(({ uuid }) => ({ id: uuid })),
});

test("a new tenant reads at once what is shared at once, and the rest when it is approved", async () => {
  await join();
  expect(await reads(founder)).toEqual([open]);
  expect(await waiting(moderator, plant)).toEqual(listed(newcomer));

  const answer = await attempt(database, () => approve());
  expect(answer.data?.["approveNewTenant"]?.["waitingTenants"]).toEqual({
    nodes: [],
  });
  expect(await reads(founder)).toEqual([open, guarded]);
});

test("whoever was refused does not read until it is approved after all", async () => {
  await join();
  expect(outcome(await attempt(database, () => refuse()))).toBe("ok");
  expect(await reads(founder)).toEqual([open]);
  expect(await waiting(moderator, plant)).toEqual(listed());
  expect(await waiting(moderator, plant, "(areRefused: true)")).toEqual(
    listed(newcomer),
  );
  expect(outcome(await attempt(database, () => approve()))).toBe("ok");
  expect(await reads(founder)).toEqual([open, guarded]);
});

test("the tenants that were in before it do not wait, nor does it wait for those that come later", async () => {
  expect(await reads(administrator)).toEqual([guarded]);
  await join();
  const reader = await seed.user(plant);
  expect(await waiting(founder, newcomer)).toEqual(listed());
  expect(await reads(reader)).toEqual([]);
});

test("asking from now on closes to nobody who reads, and asking no more opens to nobody who waits", async () => {
  await ask("AT_ONCE");
  await join();
  await ask("AFTER_APPROVAL");
  expect(await reads(founder)).toEqual([open, guarded]);
  await leave();
  await join();
  await ask("AT_ONCE");
  expect(await reads(founder)).toEqual([open]);
  await leave();
  await join();
  expect(await reads(founder)).toEqual([open, guarded]);
});

test("whoever leaves and returns waits anew, though it was approved or refused before", async () => {
  await join();
  await approve();
  await leave();
  await join();
  expect(await reads(founder)).toEqual([open]);
  await refuse();
  await leave();
  await join();
  expect(await waiting(moderator, plant)).toEqual(listed(newcomer));
});

test("a pause and the end of a share count nobody who waits", async () => {
  await join();
  const paused = () =>
    mutate(
      moderator,
      `pauseSharing(communityId: "${community.uuid}") { tenantCount identityCount tenants { id } }`,
    ).then(({ data }) => data?.["pauseSharing"]);
  const resume = `resumeSharing(communityId: "${community.uuid}") { id }`;
  const alone = {
    tenantCount: 1,
    identityCount: 1,
    tenants: [{ id: owner.uuid }],
  };
  expect(await paused()).toEqual(alone);
  await mutate(moderator, resume);
  await approve();
  expect(await paused()).toMatchObject({ tenantCount: 2, identityCount: 2 });
});

describe("it is refused, and nothing written:", () => {
  test("to refuse a tenant that reads", async () => {
    await join();
    await approve();
    expect(outcome(await attempt(database, () => refuse()))).toBe("CONFLICT");
    expect(outcome(await attempt(database, () => refuse(administrator)))).toBe(
      "CONFLICT",
    );
  });

  test("to approve or refuse a tenant that is not in, or was never there", async () => {
    for (const decision of [approve, refuse])
      for (const tenant of [newcomer, { id: 0, uuid: "no id" }])
        expect(
          outcome(await attempt(database, () => decision(moderator, tenant))),
        ).toBe("NOT_FOUND");
  });

  test("to say null of new tenants", async () => {
    expect(outcome(await attempt(database, () => ask("null")))).toBe(
      "BAD_USER_INPUT",
    );
  });
});

test("approving whoever reads already, or refusing twice, changes nothing and is not recorded", async () => {
  await join();
  await refuse();
  const entries = () =>
    database.owner("ledger.entries").count("* as count").first();
  const before = await entries();
  expect(outcome(await refuse())).toBe("ok");
  expect(outcome(await approve(administrator))).toBe("ok");
  expect(await entries()).toEqual(before);
});

test("a new tenant is told that it was approved, once, and nothing of a refusal", async () => {
  await join();
  const told = async (by: Identity): Promise<string[]> => {
    const { data } = await run(
      subgraph,
      as(by),
      "{ viewer { notices { nodes { kind text } } } }",
    );
    const { notices } = data?.["viewer"] as unknown as {
      notices: { nodes: { kind: string; text: string }[] };
    };
    return notices.nodes
      .filter(({ kind }) => kind.startsWith("APPROVAL"))
      .map(({ text }) => text);
  };
  const before = await told(moderator);
  await refuse();
  expect(await told(founder)).toEqual([]);
  await approve();
  await approve();
  expect(await told(founder)).toEqual([
    expect.stringMatching(
      /^.+ has approved that your tenant reads what it shares in the community ".+"\.$/,
    ),
  ]);
  expect(await told(await seed.user(newcomer))).toEqual([]);
  expect(await told(moderator)).toEqual(before);
  expect(await told(administrator)).toEqual([]);
});

test("who waits for a tenant is shown to that tenant alone", async () => {
  await join();
  expect(await waiting(administrator, plant)).toBeNull();
  expect(await waiting(founder, plant)).toBeNull();
  expect(await waiting(administrator, owner)).toEqual(listed());
  const member = await seed.client(plant);
  const [membership] = (await database
    .owner("community.memberships")
    .where({ tenant_id: plant.id })
    .select("id")) as [Row];
  await seed.member({ ...membership, tenantId: plant.id }, member);
  expect(await waiting(member, plant)).toEqual(listed(newcomer));
  const settings = await run(
    subgraph,
    as(administrator),
    `{ community(id: "${community.uuid}") { memberships { nodes { newTenantsRead } } } }`,
  );
  expect(settings.data?.["community"]?.["memberships"]).toEqual({
    nodes: [
      { newTenantsRead: "AT_ONCE" },
      { newTenantsRead: null },
      { newTenantsRead: null },
    ],
  });
  const concerned: unknown = await database
    .owner("ledger.entries")
    .where({ action: "updateMembership" })
    .orderBy("id", "desc")
    .first("tenant_ids", "after");
  expect(concerned).toEqual({
    tenant_ids: [plant.uuid],
    after: { newTenantsRead: "AFTER_APPROVAL" },
  });
});

test("the ledger tells the sharing tenant alone", async () => {
  await join();
  await approve();
  const entry: unknown = await database
    .owner("ledger.entries")
    .where({ action: "approveNewTenant" })
    .orderBy("id", "desc")
    .first("tenant_ids", "before", "after");
  expect(entry).toEqual({
    tenant_ids: [plant.uuid],
    before: { newTenantId: newcomer.uuid, state: "WAITING" },
    after: { newTenantId: newcomer.uuid, state: "APPROVED" },
  });
});

describe("at the same time", () => {
  test("an approval and the new tenant's leaving leave nothing behind", async () => {
    for (let round = 0; round < 5; round++) {
      await join();
      const [approval, leaving] = await Promise.all([approve(), leave()]);
      expect(["ok", "NOT_FOUND"]).toContain(outcome(approval));
      expect(outcome(leaving)).toBe("ok");
      expect(await reads(founder)).toEqual([]);
      expect(await waiting(moderator, plant)).toEqual(listed());
    }
  });

  test("an approval and a refusal end as one of both", async () => {
    for (let round = 0; round < 5; round++) {
      await join();
      const [approval, refusal] = await Promise.all([approve(), refuse()]);
      expect(outcome(approval)).toBe("ok");
      expect(["ok", "CONFLICT"]).toContain(outcome(refusal));
      expect(await reads(founder)).toEqual([open, guarded]);
      await leave();
    }
  });

  test("a tenant that joins while its sharer begins to ask either waits or reads", async () => {
    await ask("AT_ONCE");
    await Promise.all([join(), ask("AFTER_APPROVAL")]);
    const isListed = (await waiting(moderator, plant)) as unknown as {
      totalCount: number;
    };
    expect((await reads(founder)).includes(guarded)).toBe(
      isListed.totalCount === 0,
    );
  });
});
