import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Knex } from "../../common/database.ts";
import type { Subgraph } from "../../common/schema.ts";
import { streamSubgraph } from "../stream/world.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { whileHolding } from "../support/waiting.ts";
import { tenantSubgraph } from "../support/tenant-world.ts";
import { communitySubgraph } from "./world.ts";

const rounds = 6;

let database: TestDatabase;
let subgraphs: Record<"tenant" | "community" | "stream", Subgraph>;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraphs = {
    tenant: tenantSubgraph(database),
    community: communitySubgraph(database),
    stream: streamSubgraph(database),
  };
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

let owner: Row;
let community: Row & { ownerMembership: Membership };
let administrators: [Identity, Identity];
let guest: Row;
let membership: Membership;
/** AA and moderator; the second a client. */
let moderators: [Identity, Identity];
/** AA of the guest without a role. */
let outsider: Identity;
let steward: Identity;
let stream: Stream;

async function seedCommunity() {
  owner = await seed.tenant();
  community = await seed.community(owner, "Pumps");
  administrators = [
    await seed.user(owner, ["ACCOUNT_ADMINISTRATOR"]),
    await seed.user(owner),
  ];
  guest = await seed.tenant();
  membership = await seed.membership(community, guest);
  moderators = [
    await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]),
    await seed.client(guest, ["ACCOUNT_ADMINISTRATOR"]),
  ];
  outsider = await seed.user(guest, ["ACCOUNT_ADMINISTRATOR"]);
  steward = await seed.user(guest, ["DATA_STEWARD"]);
  for (const one of administrators)
    await seed.member(community.ownerMembership, one, "ADMINISTRATOR");
  for (const one of moderators) await seed.member(membership, one, "MODERATOR");
  await seed.member(membership, steward);
  stream = await seed.stream(guest);
}
beforeEach(seedCommunity);

const at =
  (name: keyof typeof subgraphs) => (caller: Identity, mutation: string) =>
    run(subgraphs[name], as(caller), `mutation { ${mutation} }`);
const [inTenant, inCommunity, inStream] = [
  at("tenant"),
  at("community"),
  at("stream"),
];

const set = (caller: Identity, identity: Identity, role: string) =>
  inCommunity(
    caller,
    `setCommunityRoles(input: { communityId: "${community.uuid}", members: [{ identityId: "${identity.uuid}", role: ${role} }] }) { applied }`,
  );
const remove = (caller: Identity, identity: Identity, dryRun = false) =>
  inCommunity(
    caller,
    `removeCommunityMembers(input: { communityId: "${community.uuid}", identityIds: ["${identity.uuid}"], dryRun: ${dryRun} }) { shareCount }`,
  );
const leave = (caller: Identity, dryRun = false) =>
  inCommunity(
    caller,
    `leaveCommunity(communityId: "${community.uuid}", dryRun: ${dryRun}) { shareCount }`,
  );
const pause = (caller: Identity) =>
  inCommunity(
    caller,
    `pauseSharing(communityId: "${community.uuid}") { shareCount }`,
  );
const removeGuest = (caller: Identity) =>
  inCommunity(
    caller,
    `removeTenant(communityId: "${community.uuid}", tenantId: "${guest.uuid}") { shareCount }`,
  );
const invite = (caller: Identity) =>
  inCommunity(
    caller,
    `inviteTenant(input: { communityId: "${community.uuid}", email: "new@example.com" }) { id }`,
  );
const rename = (caller: Identity) =>
  inCommunity(
    caller,
    `updateMembership(input: { communityId: "${community.uuid}", alias: "Works" }) { id }`,
  );
const share = (caller: Identity) =>
  inStream(
    caller,
    `shareStreams(input: { streamIds: ["${stream.uuid}"], communityIds: ["${community.uuid}"] }) { id }`,
  );
const unshare = (caller: Identity, dryRun = false) =>
  inStream(
    caller,
    `unshareStreams(input: { streamIds: ["${stream.uuid}"], dryRun: ${dryRun} }) { applied }`,
  );
const setPolicy = (caller: Identity, moderatorsAreAdministrators: boolean) =>
  inTenant(
    caller,
    `updateTenant(input: { moderatorsAreAdministrators: ${moderatorsAreAdministrators} }) { id }`,
  );
const disable = (caller: Identity, client: Identity) =>
  inTenant(
    caller,
    `setClientEnabled(id: "${client.uuid}", enabled: false) { id }`,
  );
const removeUser = (caller: Identity, user: Identity) =>
  inTenant(caller, `removeUser(id: "${user.uuid}")`);

/** Both at once, whichever is sent first; the outcomes in the order of the arguments. */
async function together(
  round: number,
  first: () => Promise<Answer>,
  second: () => Promise<Answer>,
): Promise<string> {
  const both =
    round % 2 === 0
      ? await Promise.all([first(), second()])
      : (await Promise.all([second(), first()])).reverse();
  return both.map(outcome).join(" ");
}

const rolesOf = async ({ id }: Identity) =>
  (await database
    .owner("community.members")
    .where({ identity_id: id })
    .pluck("role")) as string[];
const isIn = async ({ id }: Membership) =>
  (await database.owner("community.memberships").where({ id })).length === 1;
const sharesOf = async ({ id }: Membership) =>
  (await database.owner("stream.shares").where({ membership_id: id })).length;
const effectiveModerators = async () => {
  const { rows } = await database.owner.raw<{ rows: unknown[] }>(
    `select from community.members r
     join tenant.identities i on i.id = r.identity_id and i.enabled
     join tenant.tenants t on t.id = i.tenant_id
     where r.membership_id = ? and r.role = 'MODERATOR'
       and (not t.moderators_are_administrators
         or exists (select from tenant.identity_roles a where a.identity_id = i.id and a.role = 'ACCOUNT_ADMINISTRATOR'))`,
    [membership.id],
  );
  return rows.length;
};

/** Tries it often, each time in a new community. */
async function eachRound(play: (round: number) => Promise<void>) {
  for (let round = 0; round < rounds; round++) {
    await seedCommunity();
    await play(round);
  }
}

describe("of two at once", () => {
  test("administrators who lower each other, one stays", () =>
    eachRound(async (round) => {
      const [a, b] = administrators;
      const got = await together(
        round,
        () => set(a, b, "MEMBER"),
        () => set(b, a, "MEMBER"),
      );
      expect(["ok FORBIDDEN", "FORBIDDEN ok"]).toContain(got);
      expect([...(await rolesOf(a)), ...(await rolesOf(b))].sort()).toEqual([
        "ADMINISTRATOR",
        "MEMBER",
      ]);
    }));

  test("moderators who step down, one stays", () =>
    eachRound(async (round) => {
      const [a, b] = moderators;
      const got = await together(
        round,
        () => remove(a, a),
        () => set(b, b, "MEMBER"),
      );
      expect(["ok CONFLICT", "CONFLICT ok"]).toContain(got);
      expect(await effectiveModerators()).toBe(1);
    }));

  test("the last moderator's stepping down and the tenant's leaving, the leaving happens", () =>
    eachRound(async (round) => {
      const [a, b] = moderators;
      await remove(a, b);
      const got = await together(
        round,
        () => remove(a, a),
        () => leave(a),
      );
      expect(["CONFLICT ok", "NOT_FOUND ok"]).toContain(got);
      expect(await isIn(membership)).toBe(false);
    }));

  test("a tenant's removal and its share, nothing is shared by who is out", () =>
    eachRound(async (round) => {
      const got = await together(
        round,
        () => removeGuest(administrators[0]),
        () => share(steward),
      );
      expect(["ok ok", "ok NOT_FOUND"]).toContain(got);
      expect(await isIn(membership)).toBe(false);
      expect(await sharesOf(membership)).toBe(0);
    }));

  test("a pause and a share, both happen and nobody reads", () =>
    eachRound(async (round) => {
      const [reader] = administrators;
      const got = await together(
        round,
        () => pause(moderators[0]),
        () => share(steward),
      );
      expect(got).toBe("ok ok");
      expect(await sharesOf(membership)).toBe(1);
      const read = `{ stream(id: "${stream.uuid}") { id } }`;
      expect(outcome(await run(subgraphs.stream, as(reader), read))).toBe(
        "NOT_FOUND",
      );
    }));

  test("the end of a sharer's part and its share, nothing is shared by who is out later", () =>
    eachRound(async (round) => {
      const got = await together(
        round,
        () => remove(moderators[0], steward),
        () => share(steward),
      );
      expect(["ok ok", "ok NOT_FOUND"]).toContain(got);
      expect(await sharesOf(membership)).toBe(got === "ok ok" ? 1 : 0);
    }));

  test("the switch of the policy and a grant that it forbids, what is refused is not written", () =>
    eachRound(async (round) => {
      await setPolicy(outsider, false);
      const receiver = await seed.user(guest);
      const got = await together(
        round,
        () => setPolicy(outsider, true),
        () => set(moderators[0], receiver, "MODERATOR"),
      );
      expect(["ok ok", "ok FORBIDDEN"]).toContain(got);
      expect(await rolesOf(receiver)).toEqual(
        got === "ok ok" ? ["MODERATOR"] : [],
      );
      const late = await set(
        moderators[0],
        await seed.user(guest),
        "MODERATOR",
      );
      expect(outcome(late)).toBe("FORBIDDEN");
    }));

  test("the disabling of an identity and a role for it, both happen; it is not effective", () =>
    eachRound(async (round) => {
      const client = await seed.client(guest, ["ACCOUNT_ADMINISTRATOR"]);
      await remove(moderators[0], moderators[1]);
      const got = await together(
        round,
        () => disable(outsider, client),
        () => set(moderators[0], client, "MODERATOR"),
      );
      expect(got).toBe("ok ok");
      expect(await effectiveModerators()).toBe(1);
      expect(outcome(await remove(moderators[0], moderators[0]))).toBe(
        "CONFLICT",
      );
    }));

  test("the removal of an identity and a role for it, none has a role who is gone", () =>
    eachRound(async (round) => {
      const got = await together(
        round,
        () => removeUser(outsider, steward),
        () => set(moderators[0], steward, "MEMBER"),
      );
      expect(["ok ok", "ok NOT_FOUND"]).toContain(got);
      expect(await rolesOf(steward)).toEqual([]);
    }));

  test("an administrator's fall and its invitation, whoever is refused invites nobody", () =>
    eachRound(async (round) => {
      const [a, b] = administrators;
      const got = await together(
        round,
        () => set(a, b, "MEMBER"),
        () => invite(b),
      );
      expect(["ok ok", "ok FORBIDDEN"]).toContain(got);
      const invitations = await database
        .owner("community.invitations")
        .where({ community_id: community.id });
      expect(invitations).toHaveLength(got === "ok ok" ? 1 : 0);
    }));

  test("a dry run and the change itself, the dry run neither hinders it nor writes", () =>
    eachRound(async (round) => {
      const got = await together(
        round,
        () => leave(moderators[0], true),
        () => removeGuest(administrators[0]),
      );
      expect(["ok ok", "NOT_FOUND ok"]).toContain(got);
      const left = await database
        .owner("ledger.entries")
        .where({ community_id: community.uuid, action: "leaveCommunity" });
      expect(left).toEqual([]);
    }));
});

test("whatever all try at once, nobody meets a deadlock and no forbidden state comes about", async () => {
  for (let round = 0; round < rounds; round++) {
    await seedCommunity();
    const [a, b] = administrators;
    const [c, d] = moderators;
    const storm: (() => Promise<Answer>)[] = [
      () => set(a, b, "MEMBER"),
      () => set(b, a, "MEMBER"),
      () => remove(c, d),
      () => remove(d, c),
      () => remove(c, steward, true),
      () => set(c, outsider, "MODERATOR"),
      () => set(outsider, d, "MODERATOR"),
      () => pause(c),
      () => invite(b),
      () => rename(d),
      () => share(steward),
      () => unshare(outsider),
      () => unshare(steward, true),
      () => setPolicy(outsider, false),
      () => setPolicy(c, true),
      () => disable(outsider, d),
      () => removeUser(outsider, steward),
      () => leave(outsider, true),
      ...(round % 2 === 1 ? [() => leave(c), () => removeGuest(a)] : []),
    ];
    const turn = storm.map(
      (_, i) => storm[(i * 7 + round * 3) % storm.length] ?? storm[0],
    );
    const outcomes = await Promise.all(
      turn.map(async (attempt) => outcome((await attempt?.()) as Answer)),
    );
    expect(
      outcomes.filter(
        (code) =>
          !/^(ok|FORBIDDEN|NOT_FOUND|CONFLICT|UNAUTHENTICATED)$/.test(code),
      ),
    ).toEqual([]);
    expect(
      [...(await rolesOf(a)), ...(await rolesOf(b))].includes("ADMINISTRATOR"),
    ).toBe(true);
    if (!(await isIn(membership))) expect(await sharesOf(membership)).toBe(0);
    expect(await rolesOf(steward)).toEqual([]);
  }
});

describe("what a change waited for counts", () => {
  /** Starts a mutation that finds the tenant's settings claimed by a change, which then commits. */
  async function afterWaitingFor(
    change: (transaction: Knex) => Promise<unknown>,
    attempt: () => Promise<Answer>,
  ): Promise<string> {
    const answer = await whileHolding(
      database.owner,
      async (transaction) => {
        await transaction.raw(
          "select from tenant.claim_settings(array[?::int])",
          [guest.id],
        );
        await change(transaction);
      },
      attempt,
    );
    return outcome(answer);
  }

  const decide = (settings: object) => (transaction: Knex) =>
    transaction("tenant.tenants").where({ id: guest.id }).update(settings);

  test("a policy that is switched on refuses the grant", async () => {
    await decide({ moderators_are_administrators: false })(database.owner);
    const receiver = await seed.user(guest);
    expect(
      await afterWaitingFor(
        decide({ moderators_are_administrators: true }),
        () => set(moderators[0], receiver, "MODERATOR"),
      ),
    ).toBe("FORBIDDEN");
    expect(await rolesOf(receiver)).toEqual([]);
  });

  test("a policy that is switched on leaves no effective moderator to step down for", async () => {
    await decide({ moderators_are_administrators: false })(database.owner);
    await remove(moderators[0], moderators[1]);
    await set(moderators[0], steward, "MODERATOR");
    expect(
      await afterWaitingFor(
        decide({ moderators_are_administrators: true }),
        () => remove(moderators[0], moderators[0]),
      ),
    ).toBe("CONFLICT");
    expect(await effectiveModerators()).toBe(1);
  });

  test("a right to found communities that is taken refuses the founding", async () => {
    await decide({ community_founders: ["DATA_STEWARD"] })(database.owner);
    expect(
      await afterWaitingFor(decide({ community_founders: [] }), () =>
        inCommunity(steward, `createCommunity(input: { name: "Late" }) { id }`),
      ),
    ).toBe("FORBIDDEN");
  });
});
