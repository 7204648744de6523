import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { communitySubgraph } from "../community/world.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
} from "../support/seed.ts";
import { tenantSubgraph } from "../support/tenant-world.ts";
import { attempt } from "../support/written.ts";

let database: TestDatabase;
let tenants: Subgraph;
let communities: Subgraph;
let seed: Seed;
beforeAll(async () => {
  database = await TestDatabase.create();
  tenants = tenantSubgraph(database);
  communities = communitySubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

const AA = ["ACCOUNT_ADMINISTRATOR"] as const;

let guest: Row;
let membership: Membership;
let administrator: Identity;
let moderator: Identity;
beforeEach(async () => {
  const owner = await seed.tenant("Owner");
  const community = await seed.community(owner, "Pumps");
  guest = await seed.tenant("Guest");
  membership = await seed.membership(community, guest);
  administrator = await seed.user(guest, AA);
  moderator = await seed.user(guest, AA);
  await seed.member(membership, moderator, "MODERATOR");
});

const change = async (mutation: string, actor = administrator) =>
  outcome(
    await attempt(database, () =>
      run(tenants, as(actor), `mutation { ${mutation} }`),
    ),
  );
const remove = ({ uuid }: Identity) => `removeUser(id: "${uuid}")`;
const setRoles = ({ uuid }: Identity, roles = "") =>
  `setUserRoles(input: { id: "${uuid}", roles: [${roles}] }) { id }`;
const setEnabled = ({ uuid }: Identity, enabled: boolean) =>
  `setClientEnabled(id: "${uuid}", enabled: ${enabled}) { id }`;

async function told(by: Identity): Promise<string[]> {
  const { data } = await run(
    communities,
    as(by),
    "{ viewer { notices { nodes { kind text } } } }",
  );
  const { notices } = data?.["viewer"] as unknown as {
    notices: { nodes: { kind: string; text: string }[] };
  };
  return notices.nodes.map(({ kind, text }) => `${kind}: ${text}`);
}

const wanted = (role = "MODERATOR") =>
  `APPOINTMENT_WANTED: Your tenant has nobody left who acts as ${role} in the community "Pumps". Appoint somebody.`;
const taken =
  'ROLE_TAKEN: 1 identity of your tenant is no longer MODERATOR in the community "Pumps".';

describe("a tenant's administrators are told that nobody leads it in a community any more", () => {
  test("when the last moderator is removed", async () => {
    expect(await change(remove(moderator))).toBe("ok");
    expect(await told(administrator)).toEqual([wanted()]);
  });

  test("when the last moderator is administrator of the tenant no more, as long as moderators have to be", async () => {
    expect(await change(setRoles(moderator))).toBe("ok");
    expect(await told(administrator)).toEqual([wanted()]);
    expect(await change(setRoles(moderator))).toBe("ok");
    expect(await change(remove(moderator))).toBe("ok");
    expect(await told(administrator)).toEqual([wanted()]);
  });

  test("when the last moderator is a client that is disabled, and each time anew", async () => {
    const client = await seed.client(guest, AA);
    await seed.member(membership, client, "MODERATOR");
    expect(await change(remove(moderator))).toBe("ok");
    for (const enabled of [false, false, true, false])
      expect(await change(setEnabled(client, enabled))).toBe("ok");
    expect(await told(administrator)).toEqual([wanted(), wanted()]);
  });

  test("when a stricter policy leaves nobody of its moderators who may act", async () => {
    const require = (isOn: boolean) =>
      change(
        `updateTenant(input: { moderatorsAreAdministrators: ${isOn} }) { id }`,
      );
    const plain = await seed.client(guest);
    await seed.member(membership, plain, "MODERATOR");
    expect(await require(false)).toBe("ok");
    expect(await require(true)).toBe("ok");
    expect(await told(administrator)).toEqual([]);

    expect(await require(false)).toBe("ok");
    expect(await change(remove(moderator))).toBe("ok");
    expect(await told(administrator)).toEqual([]);
    for (const isOn of [true, true, false])
      expect(await require(isOn)).toBe("ok");
    expect(await told(administrator)).toEqual([wanted()]);
    const elsewhere = await seed.community(await seed.tenant(), "Pumps");
    await seed.membership(elsewhere, guest);
    expect(await require(true)).toBe("ok");
    expect(await told(administrator)).toEqual([wanted(), wanted()]);
  });

  test("when the owner loses its last administrator, of whom nothing else is asked", async () => {
    const own = await seed.community(guest, "Pumps");
    const user = await seed.user(guest);
    await seed.member(own.ownerMembership, user, "ADMINISTRATOR");
    const other = await seed.user(guest, AA);
    await seed.member(own.ownerMembership, other, "MODERATOR");
    expect(await change(setRoles(user, "VIEWER"))).toBe("ok");
    expect(await change(remove(other))).toBe("ok");
    expect(await told(administrator)).toEqual([]);
    expect(await change(remove(user))).toBe("ok");
    expect(await told(administrator)).toEqual([wanted("ADMINISTRATOR")]);
  });
});

test("the others who lead the tenant there are told of a leader that is removed, and its administrators are not", async () => {
  const other = await seed.user(guest, AA);
  await seed.member(membership, other, "MODERATOR");
  expect(await change(setRoles(moderator))).toBe("ok");
  expect(await told(other)).toEqual([]);
  expect(await change(remove(moderator))).toBe("ok");
  expect(await told(other)).toEqual([taken]);
  expect(await told(administrator)).toEqual([]);
});

test("another leader counts only if it can act", async () => {
  const client = await seed.client(guest, AA);
  await seed.member(membership, client, "MODERATOR");
  const former = await seed.user(guest);
  await seed.member(membership, former, "MODERATOR");
  expect(await change(setEnabled(client, false))).toBe("ok");
  expect(await told(administrator)).toEqual([]);
  expect(await change(setRoles(moderator))).toBe("ok");
  expect(await told(administrator)).toEqual([wanted()]);
});

test("a tenant that lets others moderate misses nobody whose tenant roles change", async () => {
  await database
    .owner("tenant.tenants")
    .where({ id: guest.id })
    .update({ moderators_are_administrators: false });
  expect(await change(setRoles(moderator))).toBe("ok");
  expect(await told(administrator)).toEqual([]);
});

test("nobody is told of who only takes part, or of a change that is refused", async () => {
  const member = await seed.user(guest);
  await seed.member(membership, member);
  expect(await change(remove(moderator), member)).toBe("FORBIDDEN");
  expect(await change(remove(member))).toBe("ok");
  for (const one of [administrator, moderator])
    expect(await told(one)).toEqual([]);
});
