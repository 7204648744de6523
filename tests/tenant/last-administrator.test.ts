import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { untilWaiting } from "../support/waiting.ts";
import { tenantSubgraph } from "../support/tenant-world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;

beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = tenantSubgraph(database);
  seed = new Seed(database.owner);
});
afterAll(() => database.drop());

const demote = `mutation($id: ID!) { setUserRoles(input: { id: $id, roles: [] }) { id } }`;
const remove = `mutation($id: ID!) { removeUser(id: $id) }`;

const administrators = async (tenant: Row) =>
  database
    .owner("tenant.identity_roles as r")
    .join("tenant.identities as i", "i.id", "r.identity_id")
    .where({
      "r.tenant_id": tenant.id,
      role: "ACCOUNT_ADMINISTRATOR",
      kind: "USER",
    });

const act = async (
  actor: Identity,
  mutation: string,
  target: Identity,
): Promise<string> =>
  outcome(await run(subgraph, as(actor), mutation, { id: target.uuid }));

const rounds = 25;

/** What a loser meets: no administrator any more, nobody any more, or the last one; never a deadlock or a bug. */
const refusals = ["FORBIDDEN", "UNAUTHENTICATED", "CONFLICT", "NOT_FOUND"];

test.each([
  ["demote", demote, demote],
  ["remove", remove, remove],
  ["demote and remove", demote, remove],
])(
  "of two administrators who %s each other at once, one stays",
  async (_, one, other) => {
    for (let round = 0; round < rounds; round += 1) {
      const tenant = await seed.tenant();
      const ada = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
      const bob = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
      const outcomes = await Promise.all([
        act(ada, one, bob),
        act(bob, other, ada),
      ]);
      expect(outcomes).toContain("ok");
      expect(refusals).toContain(outcomes.find((each) => each !== "ok"));
      expect(await administrators(tenant)).toHaveLength(1);
    }
  },
);

test("of many who demote and remove themselves and each other, one stays", async () => {
  for (let round = 0; round < rounds / 3; round += 1) {
    const tenant = await seed.tenant();
    const users: Identity[] = [];
    for (let count = 0; count < 4; count += 1)
      users.push(await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]));
    const outcomes = await Promise.all(
      users.flatMap((actor, i) =>
        users.map((target, j) =>
          act(actor, (i + j) % 2 ? demote : remove, target),
        ),
      ),
    );
    expect([...refusals, "ok"]).toEqual(expect.arrayContaining(outcomes));
    expect(await administrators(tenant)).toHaveLength(1);
  }
});

test("a client who is administrator can take the others' places, but never the last user's", async () => {
  const tenant = await seed.tenant();
  const client = await seed.client(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  const ada = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  const bob = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  const outcomes = await Promise.all([
    act(client, remove, ada),
    act(client, remove, bob),
  ]);
  expect(outcomes.sort()).toEqual(["CONFLICT", "ok"]);
  expect(await administrators(tenant)).toHaveLength(1);
});

test("whoever lost the role while waiting for the lock changes nothing", async () => {
  const tenant = await seed.tenant();
  const ada = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  const bob = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  const carol = await seed.user(tenant, ["VIEWER"]);
  const blocker = await database.owner.transaction();
  await blocker.raw(
    "select from tenant.tenants where id = ? for no key update",
    [tenant.id],
  );
  const waiting = act(ada, remove, carol);
  await untilWaiting(database.owner);
  await blocker("tenant.identity_roles")
    .where({ identity_id: ada.id })
    .delete();
  await blocker.commit();
  expect(await waiting).toBe("FORBIDDEN");
  expect(await act(bob, demote, carol)).toBe("ok");
});
