import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  defaultAccess,
  type Identity,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let plant: Row;
let administrator: Identity;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  plant = await seed.tenant();
  administrator = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
});
afterAll(() => database.drop());

const set = (
  streams: readonly (Row | string)[],
  access: readonly object[],
  caller = administrator,
) =>
  attempt(database, () =>
    run(
      subgraph,
      as(caller),
      `mutation ($input: SetStreamAccessInput!) { setStreamAccess(input: $input) {
       applied endedShareIds tenantCount identityCount streamCount stillReadableCount
       streams { id } stillReadable { id } tenants { id } } }`,
      {
        input: {
          streamIds: streams.map((stream) =>
            typeof stream === "string" ? stream : stream.uuid,
          ),
          access,
        },
      },
    ),
  );

const see = async (stream: Row, caller = administrator) => {
  const { data } = await run(
    subgraph,
    as(caller),
    `query ($id: ID!) { stream(id: $id) { myRights owner { id } access { effect rights role identity { id } } } }`,
    { id: stream.uuid },
  );
  return data?.["stream"] as unknown as {
    myRights: string[];
    owner: { id: string } | null;
    access: { role: string | null }[] | null;
  } | null;
};

const readers = [{ rights: ["READ"], role: "VIEWER" }];

describe("setting access", () => {
  test("replaces the whole list of many streams at once, for roles and identities", async () => {
    const named = await seed.client(plant);
    const streams = [await seed.stream(plant), await seed.stream(plant)];
    const answer = await set(streams, [
      { rights: ["READ", "SHARE"], identityId: named.uuid },
      { effect: "DENY", rights: ["WRITE"], role: "CONTRIBUTOR" },
    ]);
    expect(answer.errors).toEqual([]);
    for (const stream of streams)
      expect(await see(stream)).toEqual({
        myRights: ["MANAGE_ACCESS_CONTROL"],
        owner: null,
        access: [
          {
            effect: "ALLOW",
            rights: ["READ", "SHARE"],
            role: null,
            identity: { id: named.uuid },
          },
          {
            effect: "DENY",
            rights: ["WRITE"],
            role: "CONTRIBUTOR",
            identity: null,
          },
        ],
      });
    expect((await see(streams[0] as Row, named))?.myRights).toEqual([
      "READ",
      "SHARE",
    ]);
  });

  test("keeps equal lists once, in whatever order they are given", async () => {
    const [one, two] = [await seed.stream(plant), await seed.stream(plant)];
    const access = [
      { rights: ["READ"], role: "VIEWER" },
      { rights: ["WRITE", "READ"], role: "CONTRIBUTOR" },
    ];
    await set([one], access);
    await set(
      [two],
      [
        { rights: ["READ", "WRITE", "READ"], role: "CONTRIBUTOR" },
        { rights: ["READ"], role: "VIEWER" },
      ],
    );
    const lists = await database
      .owner("stream.streams")
      .whereIn("id", [one.id, two.id])
      .distinct("access_list_id");
    expect(lists).toHaveLength(1);
  });

  test("tells who reads no longer: colleagues who could and cannot, never the owner", async () => {
    const tenant = await seed.tenant();
    const boss = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
    const owner = await seed.user(tenant, ["VIEWER"]);
    await seed.user(tenant, ["VIEWER"]);
    await seed.user(tenant, ["VIEWER", "CONTRIBUTOR"]);
    await seed.user(tenant);
    const disabled = await seed.user(tenant, ["VIEWER"]);
    await database
      .owner("tenant.identities")
      .where({ id: disabled.id })
      .update({ enabled: false });
    const owned = await seed.stream(tenant, { owner });
    const other = await seed.stream(tenant);
    const untouched = await seed.stream(tenant, {
      access: [{ rights: 1, role: "CONTRIBUTOR" }],
    });
    const { data } = await set(
      [owned, other, untouched],
      [{ rights: ["READ"], role: "CONTRIBUTOR" }],
      boss,
    );
    expect(data?.["setStreamAccess"]).toEqual({
      applied: true,
      endedShareIds: [],
      // The viewer and the administrator everywhere, the owner of one stream on the other.
      identityCount: 3,
      tenantCount: 1,
      streamCount: 2,
      stillReadableCount: 0,
      streams: [{ id: owned.uuid }, { id: other.uuid }],
      stillReadable: [],
      tenants: [{ id: tenant.uuid }],
    });
    const again = await set(
      [owned],
      [{ rights: ["READ"], role: "CONTRIBUTOR" }],
      boss,
    );
    expect(again.data?.["setStreamAccess"]).toMatchObject({
      identityCount: 0,
      tenantCount: 0,
      streamCount: 0,
    });
  });

  test("is recorded with the lists before and after", async () => {
    const stream = await seed.stream(plant);
    await set([stream], readers);
    const entries = await database
      .owner("ledger.entries")
      .where({ subject_id: stream.uuid });
    expect(entries).toMatchObject([
      {
        kind: "ACCESS",
        action: "setStreamAccess",
        actor_identity: administrator.uuid,
        tenant_ids: [plant.uuid],
        before: expect.arrayContaining([
          {
            effect: "ALLOW",
            role: "DATA_STEWARD",
            rights: ["READ", "SHARE"],
          },
        ]),
        after: [{ effect: "ALLOW", role: "VIEWER", rights: ["READ"] }],
      },
    ]);
  });

  test("leaves out of the list an identity that was removed", async () => {
    const leaver = await seed.user(plant);
    const stream = await seed.stream(plant, { owner: leaver });
    await set([stream], [{ rights: ["READ"], identityId: leaver.uuid }]);
    expect((await see(stream))?.owner).toEqual({ id: leaver.uuid });
    await database.owner("tenant.identities").where({ id: leaver.id }).delete();
    expect(await see(stream)).toMatchObject({ owner: null, access: [] });
  });
});

describe("rule 12", () => {
  const manager = async (rights: number) => {
    const identity = await seed.user(plant);
    const stream = await seed.stream(plant, {
      access: [
        { rights, identity },
        { rights: 1, role: "VIEWER" },
        { rights: 16, role: "DATA_STEWARD" },
        { effect: "DENY", rights: 2, role: "CONTRIBUTOR" },
      ],
    });
    return { identity, stream };
  };
  const kept = [
    { rights: ["SHARE"], role: "DATA_STEWARD" },
    { effect: "DENY", rights: ["WRITE"], role: "CONTRIBUTOR" },
  ];

  test.each<[string, string, object[]]>([
    [
      "a right that it holds",
      "ok",
      [...kept, { rights: ["READ"], role: "MEMBER" }],
    ],
    ["what the list gave before", "ok", kept],
    [
      "a right that it lacks",
      "FORBIDDEN",
      [...kept, { rights: ["DELETE"], role: "VIEWER" }],
    ],
    [
      "a right that it lacks, to itself",
      "FORBIDDEN",
      [...kept, { rights: ["SHARE"], role: "MEMBER" }],
    ],
    [
      "a denied right that it lacks, by lifting the denial",
      "FORBIDDEN",
      kept.slice(0, 1),
    ],
    [
      "nothing, by denying",
      "ok",
      [...kept, { effect: "DENY", rights: ["SHARE"], role: "VIEWER" }],
    ],
  ])("who manages access may grant %s: %s", async (_what, code, access) => {
    const { identity, stream } = await manager(1 + 8);
    expect(outcome(await set([stream], access, identity))).toBe(code);
  });

  test("is all or nothing over many streams", async () => {
    const { identity, stream } = await manager(1 + 8 + 16);
    const other = await seed.stream(plant, {
      access: [{ rights: 1 + 8, identity }],
    });
    const access = [{ rights: ["SHARE"], role: "DATA_STEWARD" }];
    expect(outcome(await set([stream, other], access, identity))).toBe(
      "FORBIDDEN",
    );
  });

  test("lets an account administrator grant what it does not hold, and manage access whatever the list says", async () => {
    const stream = await seed.stream(plant, {
      access: [{ effect: "DENY", rights: 31, role: "ACCOUNT_ADMINISTRATOR" }],
    });
    const access = [{ rights: ["SHARE", "DELETE"], role: "MEMBER" }];
    expect(outcome(await set([stream], access))).toBe("ok");
  });

  test("deny beats allow over all of an identity's roles, its own name included", async () => {
    const identity = await seed.user(plant, ["CONTRIBUTOR", "VIEWER"]);
    const stream = await seed.stream(plant, {
      access: [
        ...defaultAccess,
        { rights: 16, identity },
        { effect: "DENY", rights: 2 + 16, role: "MEMBER" },
      ],
    });
    expect((await see(stream, identity))?.myRights).toEqual(["READ", "DELETE"]);
  });

  test("the owner reads, writes and deletes whatever the list says, and no more", async () => {
    const owner = await seed.user(plant);
    const stream = await seed.stream(plant, {
      owner,
      access: [{ effect: "DENY", rights: 31, identity: owner }],
    });
    expect((await see(stream, owner))?.myRights).toEqual([
      "READ",
      "WRITE",
      "DELETE",
    ]);
  });
});

describe("bad input writes nothing:", () => {
  let stream: Stream;
  let stranger: Identity;
  beforeAll(async () => {
    stream = await seed.stream(plant);
    stranger = await seed.user(await seed.tenant());
  });

  test.each<[string, string, (stranger: Identity) => object[]]>([
    ["access.0", "BAD_USER_INPUT", () => [{ rights: ["READ"] }]],
    [
      "access.0",
      "BAD_USER_INPUT",
      ({ uuid }) => [{ rights: ["READ"], role: "VIEWER", identityId: uuid }],
    ],
    [
      "access.1.rights",
      "BAD_USER_INPUT",
      () => [...readers, { rights: [], role: "MEMBER" }],
    ],
    [
      "access.1",
      "BAD_USER_INPUT",
      () => [...readers, { rights: ["WRITE"], role: "VIEWER" }],
    ],
    [
      "access.0.identityId",
      "NOT_FOUND",
      ({ uuid }) => [{ rights: ["READ"], identityId: uuid }],
    ],
    [
      "access.0.identityId",
      "NOT_FOUND",
      () => [{ rights: ["READ"], identityId: "x" }],
    ],
  ])("a fault at %s: %s", async (at, code, access) => {
    const { errors } = await set([stream], access(stranger));
    expect(errors[0]?.extensions).toEqual({ code, at: `input.${at}` });
  });

  test("no stream, an unknown stream, another tenant's stream", async () => {
    const foreign = await seed.stream(await seed.tenant());
    const at = async (answer: Promise<Answer>) =>
      (await answer).errors[0]?.extensions;
    expect(await at(set([], readers))).toEqual({
      code: "BAD_USER_INPUT",
      at: "input.streamIds",
    });
    for (const other of ["x", foreign.uuid])
      expect(await at(set([stream, other], readers))).toEqual({
        code: "NOT_FOUND",
        at: "input.streamIds.1",
      });
  });

  test("1,001 streams, 101 entries", async () => {
    const many = Array.from({ length: 1001 }, () => stream);
    const statements: string[] = [];
    const listen = ({ sql }: { sql: string }) => statements.push(sql);
    database.as("stream").on("query", listen);
    expect((await set(many, readers)).errors[0]?.extensions).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: 1000,
      value: 1001,
    });
    database.as("stream").off("query", listen);
    expect(statements.filter((sql) => sql.includes("stream."))).toEqual([]);
    const wide = Array.from({ length: 101 }, () => readers[0] as object);
    expect((await set([stream], wide)).errors[0]?.extensions).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: 100,
      value: 101,
    });
  });
});

test("a right to manage that was taken meanwhile is missed under the lock", async () => {
  const manager = await seed.user(plant);
  const stream = await seed.stream(plant, {
    access: [{ rights: 1 + 8, identity: manager }],
  });
  const empty = await seed.accessList(plant, [
    { rights: 1, identity: manager },
  ]);
  const transaction = await database.owner.transaction();
  await transaction("stream.streams")
    .where({ id: stream.id })
    .update({ access_list_id: empty });
  const waiting = run(
    subgraph,
    as(manager),
    `mutation { setStreamAccess(input: { streamIds: ["${stream.uuid}"], access: [] }) { applied } }`,
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  await transaction.commit();
  expect(outcome(await waiting)).toBe("FORBIDDEN");
  const row = await database
    .owner("stream.streams")
    .where({ id: stream.id })
    .first();
  expect(row).toMatchObject({ access_list_id: empty });
});
