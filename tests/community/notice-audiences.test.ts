import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { notify, type Audience } from "../../notices/store.ts";
import { anonymous } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import { Seed, type Membership, type Row } from "../support/seed.ts";
import {
  callers,
  communitySubgraph,
  seedWorld,
  type Caller,
  type CommunityWorld,
} from "./world.ts";

let database: TestDatabase;
let world: CommunityWorld;
beforeAll(async () => {
  database = await TestDatabase.create();
  world = await seedWorld(database);
});
afterAll(() => database.drop());

type TenantName = keyof CommunityWorld["tenants"];
const tenants = [
  "owner",
  "member",
  "third",
  "former",
  "unentitled",
  "stranger",
] as const;
const roles = ["ACCOUNT_ADMINISTRATOR", "MODERATOR", "ADMINISTRATOR"] as const;

/** An audience as a test names it. */
interface Described {
  readonly role: (typeof roles)[number];
  readonly tenant: TenantName | null;
  readonly asOfNow: boolean;
}

const described: readonly Described[] = roles.flatMap((role) =>
  [null, ...tenants].flatMap((tenant) =>
    [false, true].map((asOfNow) => ({ role, tenant, asOfNow })),
  ),
);

/** What a caller is, read from its name: the second statement of what `mail.recipients` says in SQL. */
function whoIs(caller: Caller) {
  const [tenant = "", description = ""] = caller.split(": ");
  const [what = "", role = ""] = description.split(", ");
  return {
    tenant,
    isThere: tenant !== "nobody" && !/^(disabled|removed)/.test(what),
    isAccountAdministrator: what.split(" ").includes("AA"),
    role: role.replace(/^(was|no|not) .*$/, ""),
  };
}

/** Which tenants are in the community. */
interface State {
  readonly inCommunity: readonly string[];
}

function belongs(caller: Caller, audience: Described, state: State): boolean {
  const { tenant, isThere, isAccountAdministrator, role } = whoIs(caller);
  if (!isThere) return false;
  if (audience.tenant !== null && audience.tenant !== tenant) return false;
  if (audience.role === "ACCOUNT_ADMINISTRATOR")
    return (
      isAccountAdministrator &&
      (audience.tenant !== null || state.inCommunity.includes(tenant))
    );
  if (!state.inCommunity.includes(tenant)) return false;
  return (
    role === "ADMINISTRATOR" ||
    (role === "MODERATOR" && audience.role === "MODERATOR")
  );
}

/** Writes a notice to each of these, about the world's community or one each; answers their ids. */
async function write(
  audiences: readonly (readonly Audience[])[],
  about?: readonly Row[],
): Promise<string[]> {
  const before = await newest();
  await database.as("community").transaction((transaction) =>
    notify(
      transaction,
      { viewer: anonymous, requestId: "" },
      audiences.map((audience, n) => ({
        kind: "TENANT_JOINED",
        communityId: (about?.[n] ?? world.community).uuid,
        audience,
      })),
    ),
  );
  const rows = await database
    .owner("mail.notices")
    .where("id", ">", before)
    .orderBy("id")
    .select<{ uuid: string }[]>("uuid");
  return rows.map(({ uuid }) => uuid);
}

const newest = async () =>
  (await database.owner("mail.notices").max("id as id").first<{ id: number }>())
    .id ?? 0;

async function seenBy(caller: Caller): Promise<ReadonlySet<string>> {
  const answer = await run(
    communitySubgraph(database),
    world.viewers[caller],
    "{ viewer { notices(first: 1000) { nodes { id } } } }",
  );
  if (outcome(answer) === "UNAUTHENTICATED") return new Set();
  expect(answer.errors).toEqual([]);
  const { viewer } = answer.data as unknown as {
    viewer: { notices: { nodes: { id: string }[] } } | null;
  };
  return new Set(viewer?.notices.nodes.map(({ id }) => id));
}

let decisions = 0;

/** Compares, for every caller and every one of these notices, what is seen with what is to be seen. */
async function compare<T>(
  notices: readonly string[],
  of: readonly T[],
  expected: (caller: Caller, audience: T) => boolean,
): Promise<void> {
  for (const caller of callers) {
    const seen = await seenBy(caller);
    decisions += notices.length;
    const differences = of.filter(
      (audience, i) =>
        seen.has(notices[i] ?? "") !== expected(caller, audience),
    );
    expect({ caller, differences }).toEqual({ caller, differences: [] });
  }
}

test("every caller sees the notices of every audience that it belongs to when it asks, and no other", async () => {
  const start: State = {
    inCommunity: ["owner", "member", "third", "unentitled"],
  };
  const audiences = described.map(({ role, tenant, asOfNow }) => [
    {
      role,
      ...(tenant !== null && { tenantId: world.tenants[tenant].uuid }),
      asOfNow,
    },
  ]);
  const notices = await write(audiences);
  await compare(notices, described, (caller, audience) =>
    belongs(caller, audience, start),
  );

  // A tenant that leaves keeps what named its people then, and what names its administrators.
  const left: State = { inCommunity: ["owner", "third", "unentitled"] };
  const { membership } = world.tenants.member;
  const members = await database
    .owner("community.members")
    .where({ membership_id: membership?.id })
    .select<Record<string, unknown>[]>();
  await database
    .owner("community.memberships")
    .where({ id: membership?.id })
    .delete();
  const afterwards = (caller: Caller, audience: Described) =>
    belongs(caller, audience, audience.asOfNow ? start : left);
  await compare(notices, described, afterwards);

  // Returned, with the same roles, it sees nothing more of what was before.
  const again: Membership = await new Seed(database.owner).membership(
    world.community,
    world.tenants.member,
  );
  await database
    .owner("community.members")
    .insert(members.map((row) => ({ ...row, membership_id: again.id })));
  await compare(notices, described, afterwards);
  const since = await write(audiences);
  await compare(since, described, (caller, audience) =>
    belongs(caller, audience, start),
  );

  // A community that is deleted leaves what named people then, and what names a tenant's administrators.
  await database
    .owner("community.communities")
    .where({ id: world.community.id })
    .delete();
  await compare(since, described, (caller, audience) =>
    belongs(caller, audience, audience.asOfNow ? start : { inCommunity: [] }),
  );
  console.log(`${decisions} decisions about notices, no difference.`);
  expect(decisions).toBe(5 * callers.length * described.length);
});

test("who is named in person is told, and nobody else", async () => {
  const named = callers.filter(
    (caller) => world.viewers[caller].identityId !== null,
  );
  const notices = await write(
    named.map((caller) => [
      { identityId: world.viewers[caller].identityId ?? "" },
    ]),
  );
  await compare(
    notices,
    named,
    (caller, one) => caller === one && whoIs(caller).isThere,
  );
});

test("who is in many communities reads the same by small pages, wherever its notices stand among those of others", async () => {
  const seed = new Seed(database.owner);
  const tenant = await seed.tenant();
  const [administrator, moderator] = [
    await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]),
    await seed.user(tenant),
  ];
  const foreign = await seed.community(await seed.tenant());
  const own: Row[] = [];
  for (let n = 0; n < 8; n += 1) {
    const community = await seed.community(tenant);
    if (n % 2 === 0)
      await seed.member(community.ownerMembership, moderator, "MODERATOR");
    own.push(community);
  }
  // Runs of the own ones and of others', longer and shorter than what is looked through.
  const about = [1, 12, 3, 9, 4, 20, 2].flatMap((length, run) =>
    Array.from({ length }, (_, n) =>
      run % 2 === 0 ? own[(run + n) % own.length] : foreign,
    ),
  ) as Row[];
  const ids = await write(
    about.map(() => [{ role: "MODERATOR" }, { role: "ACCOUNT_ADMINISTRATOR" }]),
    about,
  );
  const told = (communities: readonly Row[]) =>
    ids.filter((_, n) => communities.includes(about[n] as Row)).reverse();
  for (const [identity, expected] of [
    [administrator, told(own)],
    [moderator, told(own.filter((_, n) => n % 2 === 0))],
  ] as const) {
    const page = async (args: string) => {
      const answer = await run(
        communitySubgraph(database),
        as(identity),
        `{ viewer { notices(${args}) { edges { cursor node { id } } } } }`,
      );
      expect(answer.errors).toEqual([]);
      const { viewer } = answer.data as unknown as {
        viewer: {
          notices: { edges: { cursor: string; node: { id: string } }[] };
        };
      };
      return viewer.notices.edges.map(({ cursor, node: { id } }) => ({
        cursor,
        id,
      }));
    };
    const all = await page("first: 1000");
    expect(all.map(({ id }) => id)).toEqual(expected);
    // Nothing that counts what others do.
    const [, ...held] = JSON.parse(
      Buffer.from(all[0]?.cursor ?? "", "base64url").toString(),
    ) as string[];
    expect(held).toEqual([all[0]?.id]);
    for (const [n, { cursor }] of all.entries()) {
      expect(await page(`first: 3, after: "${cursor}"`)).toEqual(
        all.slice(n + 1, n + 4),
      );
      expect(await page(`last: 3, before: "${cursor}"`)).toEqual(
        all.slice(Math.max(0, n - 3), n),
      );
    }
  }
});
