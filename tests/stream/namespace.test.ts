import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { whileHolding } from "../support/waiting.ts";
import { attempt } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let plant: Row;
let contributor: Identity;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  plant = await seed.tenant();
  contributor = await seed.user(plant, ["CONTRIBUTOR"]);
});
afterAll(() => database.drop());

const create = (caller: Identity, input: object) =>
  attempt(database, () =>
    run(
      subgraph,
      as(caller),
      `mutation ($input: CreateNamespaceInput!) { createNamespace(input: $input) {
         id name description region tenant { id } createdAt streamTypes { totalCount } } }`,
      { input },
    ),
  );

describe("creating a namespace", () => {
  test("adds it to the own tenant, with the default access list", async () => {
    const answer = await create(contributor, {
      name: " Line two ",
      description: "Gas",
      region: "eu-west",
    });
    expect(answer.errors).toEqual([]);
    const namespace = answer.data?.["createNamespace"];
    expect(namespace).toEqual({
      id: expect.any(String),
      name: "Line two",
      description: "Gas",
      region: "eu-west",
      tenant: { id: plant.uuid },
      createdAt: expect.stringMatching(/^\d{4}-.*\+00:00$/),
      streamTypes: { totalCount: 0 },
    });
    const { rows } = await database.owner.raw(
      `select e.effect, e.role, e.rights from stream.namespaces n
       join stream.access_entries e on e.list_id = n.access_list_id
       where n.uuid = ? order by e.role`,
      [(namespace as unknown as { id: string }).id],
    );
    expect(rows).toEqual([
      { effect: "ALLOW", role: "ACCOUNT_ADMINISTRATOR", rights: 15 },
      { effect: "ALLOW", role: "CONTRIBUTOR", rights: 7 },
      { effect: "ALLOW", role: "DATA_STEWARD", rights: 17 },
      { effect: "ALLOW", role: "VIEWER", rights: 1 },
    ]);
  });

  test("gives the same list to every namespace of a tenant, and another tenant one of its own", async () => {
    await create(contributor, { name: "One" });
    await create(contributor, { name: "Two" });
    const other = await seed.user(await seed.tenant(), ["CONTRIBUTOR"]);
    expect(outcome(await create(other, { name: "One" }))).toBe("ok");
    const { rows } = await database.owner.raw(
      `select tenant_id, count(*) as lists from stream.access_lists group by 1`,
    );
    expect(rows.map(({ lists }: { lists: number }) => lists)).toEqual([1, 1]);
  });

  test("at once gives one list to both", async () => {
    const other = await seed.user(await seed.tenant(), ["CONTRIBUTOR"]);
    const answers = await Promise.all(
      ["One", "Two", "Three"].map((name) =>
        run(
          subgraph,
          as(other),
          `mutation { createNamespace(input: { name: "${name}" }) { name } }`,
        ),
      ),
    );
    expect(answers.map(outcome)).toEqual(["ok", "ok", "ok"]);
    const lists = await database
      .owner("stream.access_lists")
      .where({ tenant_id: other.tenantId });
    expect(lists).toHaveLength(1);
  });

  test("is a conflict where the name is taken, also of two at once", async () => {
    const name = "Twice";
    const answers = await Promise.all(
      [1, 2].map(() =>
        run(
          subgraph,
          as(contributor),
          `mutation { createNamespace(input: { name: "${name}" }) { name } }`,
        ),
      ),
    );
    expect(answers.map(outcome).sort()).toEqual(["CONFLICT", "ok"]);
    const again = await create(contributor, { name });
    expect(again.errors[0]?.extensions).toEqual({
      code: "CONFLICT",
      at: "input.name",
    });
  });

  test.each([
    ["name", { name: " " }],
    ["name", { name: "x".repeat(201) }],
    ["name", { name: "x".repeat(10_000_000) }],
    ["name", { name: "nul\0" }],
    ["description", { name: "x", description: "x".repeat(2001) }],
    ["region", { name: "x", region: "" }],
  ])("refuses a bad %s and writes nothing", async (field, input) => {
    const { errors } = await create(contributor, input);
    expect(errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: `input.${field}`,
    });
  });
});

describe("namespaces", () => {
  const reference = `query ($id: ID!) { _entities(representations: [{ __typename: "Tenant", id: $id }]) {
    ... on Tenant { namespaces(first: 2) { totalCount nodes { name } pageInfo { hasNextPage endCursor } } } } }`;

  test("of the own tenant are listed by name; another tenant's are null", async () => {
    const tenant = await seed.tenant();
    const reader = await seed.user(tenant);
    const writer = await seed.user(tenant, ["CONTRIBUTOR"]);
    for (const name of ["b", "c", "a"]) await create(writer, { name });
    const own = await run(subgraph, as(reader), reference, {
      id: tenant.uuid,
    });
    expect(own.errors).toEqual([]);
    expect(own.data?.["_entities"]).toEqual([
      {
        namespaces: {
          totalCount: 3,
          nodes: [{ name: "a" }, { name: "b" }],
          pageInfo: { hasNextPage: true, endCursor: expect.any(String) },
        },
      },
    ]);
    for (const id of [plant.uuid, "nothing"]) {
      const foreign = await run(subgraph, as(reader), reference, { id });
      expect(foreign).toEqual({
        data: { _entities: [{ namespaces: null }] },
        errors: [],
      });
    }
  });

  test.each(["another tenant's", "never issued", "malformed"])(
    "by an id that is %s are not found, in the same words",
    async (which) => {
      const stranger = await seed.user(await seed.tenant(), ["CONTRIBUTOR"]);
      const { data } = await create(contributor, { name: `Of ${which}` });
      const { id } = data?.["createNamespace"] as unknown as { id: string };
      const ids: Record<string, string> = {
        "another tenant's": id,
        "never issued": "00000000-0000-4000-8000-000000000000",
        malformed: "1' or true --",
      };
      const answer = await run(
        subgraph,
        as(stranger),
        `query ($id: ID!) { namespace(id: $id) { id } }`,
        { id: ids[which] },
      );
      expect(answer.data).toEqual({ namespace: null });
      expect(answer.errors).toMatchObject([
        {
          message: "Not found, or not visible to you. Check the id.",
          extensions: { code: "NOT_FOUND", at: "id" },
        },
      ]);
    },
  );
});

describe("the access list of a namespace", () => {
  const access = [
    { effect: "ALLOW", rights: ["READ", "WRITE"], role: "CONTRIBUTOR" },
    { effect: "DENY", rights: ["WRITE"], role: "VIEWER" },
  ];
  const set = (id: string, caller: Identity, list: object[] = access) =>
    attempt(database, () =>
      run(
        subgraph,
        as(caller),
        `mutation ($input: SetNamespaceAccessInput!) { setNamespaceAccess(input: $input) {
           access { effect rights role identity { id } } } }`,
        { input: { namespaceId: id, access: list } },
      ),
    );
  const idOf = ({ data }: Answer, field: string) =>
    (data?.[field] as unknown as { id: string }).id;

  /** A namespace with a type, and what creates streams of it. */
  async function seedNamespace() {
    const tenant = await seed.tenant();
    const administrator = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
    const colleague = await seed.user(tenant, ["CONTRIBUTOR"]);
    const id = idOf(
      await create(colleague, { name: "North" }),
      "createNamespace",
    );
    const createType = (name: string, caller = colleague) =>
      run(
        subgraph,
        as(caller),
        `mutation ($input: CreateStreamTypeInput!) { createStreamType(input: $input) { id } }`,
        {
          input: {
            namespaceId: id,
            name,
            properties: [{ name: "value", kind: "FLOAT" }],
          },
        },
      );
    const typeId = idOf(await createType("Flow"), "createStreamType");
    const createStream = (externalId: string, caller = colleague) =>
      run(
        subgraph,
        as(caller),
        `mutation ($input: CreateStreamInput!) { createStream(input: $input) { id } }`,
        { input: { namespaceId: id, typeId, externalId } },
      );
    const listOf = async (stream: string) => {
      const { data } = await run(
        subgraph,
        as(administrator),
        `query ($id: ID!) { stream(id: $id) { access { effect rights role } } }`,
        { id: stream },
      );
      return (data?.["stream"] as unknown as { access: object[] } | null)
        ?.access;
    };
    return {
      tenant,
      administrator,
      colleague,
      id,
      createType,
      createStream,
      listOf,
    };
  }

  test("is what each new stream starts with; those that are there keep theirs, also when it changes again", async () => {
    const { administrator, id, createStream, listOf } = await seedNamespace();
    const before = idOf(await createStream("before"), "createStream");
    const answer = await set(id, administrator);
    expect(answer.data).toEqual({
      setNamespaceAccess: {
        access: access.map((entry) => ({ ...entry, identity: null })),
      },
    });
    const after = idOf(await createStream("after"), "createStream");
    await set(id, administrator, []);
    expect(await listOf(after)).toEqual(access);
    expect(await listOf(before)).toHaveLength(4);
  });

  test("says who creates in it, and is managed by an account administrator whatever it says", async () => {
    const { administrator, colleague, id, createStream } =
      await seedNamespace();
    expect(outcome(await set(id, administrator, []))).toBe("ok");
    expect(outcome(await createStream("one", administrator))).toBe("FORBIDDEN");
    expect(outcome(await createStream("one"))).toBe("FORBIDDEN");
    expect(outcome(await set(id, colleague))).toBe("FORBIDDEN");
    expect(outcome(await set(id, administrator))).toBe("ok");
    expect(outcome(await createStream("one"))).toBe("ok");
  });

  describe("that is changed meanwhile is waited for", () => {
    /** Creates something while WRITE is being taken from all but the account administrators. */
    async function createWhileTaken(
      { tenant, id }: Awaited<ReturnType<typeof seedNamespace>>,
      create: () => Promise<Answer>,
    ) {
      const access_list_id = await seed.accessList(tenant, [
        { rights: 3, role: "ACCOUNT_ADMINISTRATOR" },
      ]);
      return whileHolding(
        database.owner,
        (transaction) =>
          transaction("stream.namespaces")
            .where({ uuid: id })
            .update({ access_list_id }),
        create,
      );
    }
    const rowsIn = (table: string, { tenant }: { tenant: Row }) =>
      database.owner(table).where({ tenant_id: tenant.id });

    test.each(["createStream", "createType"] as const)(
      "by %s, which adds nothing then",
      async (what) => {
        const world = await seedNamespace();
        const recorded = () => database.owner("ledger.entries").count();
        const before = await recorded();
        const answer = await createWhileTaken(world, () => world[what]("late"));
        expect(outcome(answer)).toBe("FORBIDDEN");
        expect(await rowsIn("stream.streams", world)).toEqual([]);
        expect(await rowsIn("stream.stream_types", world)).toHaveLength(1);
        expect(await recorded()).toEqual(before);
      },
    );

    test("so that a new stream never starts with the old one", async () => {
      const world = await seedNamespace();
      const answer = await createWhileTaken(world, () =>
        world.createStream("late", world.administrator),
      );
      expect(await world.listOf(idOf(answer, "createStream"))).toEqual([
        {
          effect: "ALLOW",
          rights: ["READ", "WRITE"],
          role: "ACCOUNT_ADMINISTRATOR",
        },
      ]);
    });
  });

  test("grants no right that its changer does not hold there (rule 12), and denies over all roles", async () => {
    const { tenant, administrator, id, createStream } = await seedNamespace();
    const manager = await seed.user(tenant, ["CONTRIBUTOR", "VIEWER"]);
    await set(id, administrator, [
      ...access,
      { rights: ["MANAGE_ACCESS_CONTROL"], identityId: manager.uuid },
    ]);
    expect(outcome(await createStream("denied", manager))).toBe("FORBIDDEN");
    const beyond = [{ rights: ["SHARE"], role: "DATA_STEWARD" }];
    expect(outcome(await set(id, manager, beyond))).toBe("FORBIDDEN");
    // To leave out what is denied would grant it.
    const undenied = [{ rights: ["READ"], role: "VIEWER" }];
    expect(outcome(await set(id, manager, undenied))).toBe("FORBIDDEN");
    const held = [
      { rights: ["READ"], role: "DATA_STEWARD" },
      { effect: "DENY", rights: ["WRITE"], role: "VIEWER" },
    ];
    expect(outcome(await set(id, manager, held))).toBe("ok");
    const entries = await database
      .owner("ledger.entries")
      .where({ subject_id: id, action: "setNamespaceAccess" })
      .orderBy("id");
    expect(entries).toHaveLength(2);
    expect(entries[1]).toMatchObject({
      kind: "ACCESS",
      after: held.map((entry) => ({ effect: "ALLOW", ...entry })),
    });
  });

  test.each<[string, object[], string]>([
    ["a stranger", [{ rights: ["READ"], identityId: "stranger" }], "NOT_FOUND"],
    ["nobody", [{ rights: ["READ"] }], "BAD_USER_INPUT"],
    ["no right", [{ rights: [], role: "VIEWER" }], "BAD_USER_INPUT"],
    [
      "too many",
      Array.from({ length: 101 }, () => ({ rights: ["READ"], role: "VIEWER" })),
      "LIMIT_EXCEEDED",
    ],
  ])("refuses a list that names %s", async (_, list, code) => {
    const { administrator, id } = await seedNamespace();
    expect(outcome(await set(id, administrator, list))).toBe(code);
  });
});
