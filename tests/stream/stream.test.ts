import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { attempt } from "../support/written.ts";
import { seedWorld, streamSubgraph, type Caller } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let plant: Row;
let contributor: Identity;
let namespaceId: string;
let typeId: string;
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  plant = await seed.tenant();
  contributor = await seed.user(plant, ["CONTRIBUTOR"]);
  namespaceId = idIn(
    await run(
      subgraph,
      as(contributor),
      `mutation { createNamespace(input: { name: "Line two" }) { id } }`,
    ),
    "createNamespace",
  );
  typeId = await newType("Compressor", [
    { name: "flow", kind: "FLOAT", uom: "m3/h" },
    { name: "state", kind: "TEXT", interpolation: "DISCRETE" },
  ]);
});
afterAll(() => database.drop());

const idIn = ({ data }: Answer, field: string) =>
  (data?.[field] as unknown as { id: string }).id;

async function newType(name: string, properties: object[]): Promise<string> {
  const answer = await run(
    subgraph,
    as(contributor),
    `mutation ($input: CreateStreamTypeInput!) { createStreamType(input: $input) { id } }`,
    { input: { namespaceId, name, properties } },
  );
  return idIn(answer, "createStreamType");
}

const fields = `id externalId name description tags metadata extrapolation isOwn myRights
  tenant { id } namespace { id } type { id name } properties { name uom interpolation }`;

const create = (input: object, caller = contributor) =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: CreateStreamInput!) { createStream(input: $input) { ${fields} } }`,
    { input: { namespaceId, typeId, ...input } },
  );

const update = (input: object, caller = contributor) =>
  run(
    subgraph,
    as(caller),
    `mutation ($input: UpdateStreamInput!) { updateStream(input: $input) { ${fields} } }`,
    { input },
  );

describe("creating a stream", () => {
  test("makes the caller its owner, and lets the external id name it", async () => {
    const answer = await attempt(database, () =>
      create({ externalId: " FI-201 ", metadata: { site: "North" } }),
    );
    expect(answer.errors).toEqual([]);
    expect(answer.data?.["createStream"]).toEqual({
      id: expect.any(String),
      externalId: "FI-201",
      name: "FI-201",
      description: null,
      tags: [],
      metadata: { site: "North" },
      extrapolation: "BOTH",
      isOwn: true,
      myRights: ["READ", "WRITE", "DELETE"],
      tenant: { id: plant.uuid },
      namespace: { id: namespaceId },
      type: { id: typeId, name: "Compressor" },
      properties: [
        { name: "flow", uom: "m3/h", interpolation: "CONTINUOUS" },
        { name: "state", uom: null, interpolation: "DISCRETE" },
      ],
    });
    const [row] = (await database
      .owner("stream.streams")
      .where({ uuid: idIn(answer, "createStream") })) as { owner_id: number }[];
    expect(row?.owner_id).toBe(contributor.id);
  });

  test("overrides unit and interpolation, but never DISCRETE of the type", async () => {
    const { data } = await create({
      externalId: "overridden",
      overrides: [
        { property: "flow", uom: "l/s", interpolation: "STEPWISE_NEXT" },
        { property: "state", interpolation: "STEPWISE_PREVIOUS" },
      ],
    });
    expect(data?.["createStream"]).toMatchObject({
      properties: [
        { name: "flow", uom: "l/s", interpolation: "STEPWISE_NEXT" },
        { name: "state", uom: null, interpolation: "DISCRETE" },
      ],
    });
  });

  test("again answers the one that there is, whatever was edited since, and writes nothing", async () => {
    const first = await create({ externalId: "again" });
    await update({ id: idIn(first, "createStream"), name: "Edited" });
    const entries = await database.owner("ledger.entries");
    const second = await create({ externalId: "again" });
    expect(second.data?.["createStream"]).toMatchObject({
      id: idIn(first, "createStream"),
      name: "Edited",
    });
    expect(await database.owner("ledger.entries")).toEqual(entries);
  });

  test("is a conflict where the external id is another type's, or is hidden from the caller", async () => {
    const other = await newType("Other", [{ name: "value", kind: "FLOAT" }]);
    const made = await create({ externalId: "taken" });
    const answer = await attempt(database, () =>
      create({ externalId: "taken", typeId: other }),
    );
    expect(answer.errors[0]?.extensions).toEqual({
      code: "CONFLICT",
      at: "input.externalId",
    });
    const hidden = await seed.accessList(plant, []);
    await database
      .owner("stream.streams")
      .where({ uuid: idIn(made, "createStream") })
      .update({ access_list_id: hidden });
    const colleague = await seed.user(plant, ["CONTRIBUTOR"]);
    expect(outcome(await create({ externalId: "taken" }, colleague))).toBe(
      "CONFLICT",
    );
  });

  test("refuses types of other tenants, seen or not", async () => {
    const partner = await seed.tenant();
    const community = await seed.community(partner);
    await seed.member(await seed.membership(community, plant), contributor);
    const shared = await seed.stream(partner);
    const kept = await seed.stream(partner);
    await seed.share(shared, community.ownerMembership);
    const typeOf = async ({ id }: Row) =>
      (
        (await database
          .owner("stream.streams as s")
          .join("stream.stream_types as y", "y.id", "s.type_id")
          .where({ "s.id": id })
          .first("y.uuid")) as Row
      ).uuid;
    for (const [id, code] of [
      [await typeOf(shared), "BAD_USER_INPUT"],
      [await typeOf(kept), "NOT_FOUND"],
      ["x", "NOT_FOUND"],
    ] as const) {
      const answer = await attempt(database, () =>
        create({ externalId: "foreign", typeId: id }),
      );
      expect(answer.errors[0]?.extensions).toEqual({
        code,
        at: "input.typeId",
      });
    }
  });
});

const faults: [string, object][] = [
  ["name", { name: "" }],
  ["name", { name: "x".repeat(501) }],
  ["name", { name: "x".repeat(10_000_000) }],
  ["description", { description: "nul\0" }],
  ["tags.1", { tags: ["a", ""] }],
  ["tags.0", { tags: ["x".repeat(101)] }],
  ["metadata", { metadata: [1] }],
  ["metadata", { metadata: "text" }],
  ["metadata", { metadata: { "nul\0": 1 } }],
  ["metadata", { metadata: { a: ["\ud800"] } }],
  ["metadata", { metadata: { a: [1e999] } }],
  [
    "metadata",
    {
      metadata: JSON.parse(`${'{"a":'.repeat(40)}1${"}".repeat(40)}`) as object,
    },
  ],
  [
    "overrides.0.property",
    { overrides: [{ property: "pressure", uom: "bar" }] },
  ],
  [
    "overrides.1.property",
    {
      overrides: [
        { property: "flow", uom: "a" },
        { property: "flow", uom: "b" },
      ],
    },
  ],
  ["overrides.0.uom", { overrides: [{ property: "flow", uom: "\n" }] }],
];

const limits: [string, object, number, number][] = [
  ["tags", { tags: Array.from({ length: 51 }, String) }, 50, 51],
  ["metadata", { metadata: { a: "x".repeat(65_536) } }, 65_536, 65_544],
];

describe("bad input writes nothing:", () => {
  let id: string;
  beforeAll(async () => {
    id = idIn(await create({ externalId: "bad input" }), "createStream");
  });

  const attempts = [
    ["creating", (input: object) => create({ externalId: "bad", ...input })],
    ["updating", (input: object) => update({ id, ...input })],
  ] as const;

  describe.each(attempts)("%s", (_which, operation) => {
    test.each(faults)("with a fault at %s", async (place, input) => {
      const { errors } = await attempt(database, () => operation(input));
      expect(errors[0]?.extensions).toEqual({
        code: "BAD_USER_INPUT",
        at: `input.${place}`,
      });
    });

    test.each(limits)(
      "with %s beyond the limit",
      async (place, input, limit, value) => {
        const { errors } = await attempt(database, () => operation(input));
        expect(errors[0]?.extensions).toEqual({
          code: "LIMIT_EXCEEDED",
          at: `input.${place}`,
          limit,
          value,
        });
      },
    );
  });

  test("creating with a bad external id", async () => {
    for (const externalId of ["", "a\0", "x".repeat(501)])
      expect(
        (await attempt(database, () => create({ externalId }))).errors[0]
          ?.extensions.at,
      ).toBe("input.externalId");
  });
});

describe("updating a stream", () => {
  test("changes what is given, keeps what is left out, and clears what null clears", async () => {
    const made = await create({
      externalId: "updated",
      name: "Before",
      description: "Kept",
      tags: ["a"],
      metadata: { a: 1 },
      overrides: [{ property: "flow", uom: "l/s" }],
    });
    const id = idIn(made, "createStream");
    const changed = await attempt(database, () =>
      update({
        id,
        name: "After",
        tags: ["b", " b ", "c"],
        extrapolation: "NONE",
      }),
    );
    expect(changed.data?.["updateStream"]).toMatchObject({
      externalId: "updated",
      name: "After",
      description: "Kept",
      tags: ["b", "c"],
      metadata: { a: 1 },
      extrapolation: "NONE",
      properties: [{ uom: "l/s" }, {}],
    });
    const cleared = await update({
      id,
      description: null,
      tags: null,
      metadata: null,
      overrides: [],
    });
    expect(cleared.data?.["updateStream"]).toMatchObject({
      name: "After",
      description: null,
      tags: [],
      metadata: null,
      properties: [{ uom: "m3/h" }, {}],
    });
  });

  test.each(["name", "extrapolation"])("refuses to clear %s", async (field) => {
    const id = idIn(
      await create({ externalId: `cleared ${field}` }),
      "createStream",
    );
    const answer = await attempt(database, () => update({ id, [field]: null }));
    expect(answer.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: `input.${field}`,
    });
  });

  test("moves updatedAt, and keeps names out of the ledger's entries", async () => {
    const id = idIn(await create({ externalId: "recorded" }), "createStream");
    await update({ id, name: "A telling name", description: "Secret" });
    const { data } = await run(
      subgraph,
      as(contributor),
      `{ stream(id: "${id}") { createdAt updatedAt } }`,
    );
    const stream = data?.["stream"] as unknown as Record<string, string>;
    expect(stream["updatedAt"]).not.toBe(stream["createdAt"]);
    const entries = await database
      .owner("ledger.entries")
      .where({ subject_id: id, action: "updateStream" });
    expect(entries).toMatchObject([
      {
        kind: "STREAM",
        actor_identity: contributor.uuid,
        tenant_ids: [plant.uuid],
        after: { changed: ["name", "description"] },
      },
    ]);
    expect(JSON.stringify(entries)).not.toMatch(/telling|Secret/);
  });

  test("records extrapolation and overrides before and after", async () => {
    const made = await create({
      externalId: "recorded values",
      overrides: [{ property: "flow", uom: "l/s" }],
    });
    const id = idIn(made, "createStream");
    await update({
      id,
      name: "Silent",
      extrapolation: "NONE",
      overrides: [{ property: "flow", interpolation: "DISCRETE" }],
    });
    const [entry] = await database
      .owner("ledger.entries")
      .where({ subject_id: id, action: "updateStream" });
    expect(entry).toMatchObject({
      before: {
        extrapolation: "BOTH",
        overrides: [{ position: 0, uom: "l/s", interpolation: null }],
      },
      after: {
        extrapolation: "NONE",
        overrides: [{ position: 0, uom: null, interpolation: "DISCRETE" }],
        changed: ["name"],
      },
    });
  });

  test("by a right taken meanwhile is refused under the lock", async () => {
    const id = idIn(await create({ externalId: "raced" }), "createStream");
    const colleague = await seed.user(plant, ["CONTRIBUTOR"]);
    const readOnly = await seed.accessList(plant, [
      { rights: 1, role: "CONTRIBUTOR" },
    ]);
    const transaction = await database.owner.transaction();
    await transaction("stream.streams")
      .where({ uuid: id })
      .update({ access_list_id: readOnly });
    const waiting = update({ id, name: "Too late" }, colleague);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await transaction.commit();
    expect(outcome(await waiting)).toBe("FORBIDDEN");
    const row = await database
      .owner("stream.streams")
      .where({ uuid: id })
      .first();
    expect(row).toMatchObject({ name: "raced" });
  });
});

describe("what a caller sees of a stream", () => {
  const query = `query ($id: ID!) { stream(id: $id) {
    name description tags isOwn myRights tenant { id } type { name } createdAt
    externalId metadata namespace { id } extrapolation updatedAt
    access { role } owner { id } shares { totalCount } sharedThrough { totalCount } } }`;

  const own = [
    "externalId",
    "metadata",
    "namespace",
    "extrapolation",
    "updatedAt",
  ];
  const managed = ["access", "owner"];

  /** The fields that are not null to every reader, by who is shown them. */
  test.each<[Caller, string[], string[]]>([
    [
      "plant: AA, no role",
      ["READ", "WRITE", "DELETE", "MANAGE_ACCESS_CONTROL"],
      [...own, ...managed, "shares"],
    ],
    ["plant: DS, no role", ["READ", "SHARE"], [...own, "shares"]],
    ["plant: CONTRIBUTOR, no role", ["READ", "WRITE", "DELETE"], own],
    ["plant: VIEWER, MEMBER", ["READ"], own],
    ["plant: none, MODERATOR", [], [...own, "shares"]],
    ["plant: none, ADMINISTRATOR", [], [...own, "shares"]],
    ["plant: owner of the stream, no role", ["READ", "WRITE", "DELETE"], own],
    ["plant: denied by name DS, MEMBER", [], [...own, "shares"]],
    ["partner: none, MEMBER", ["READ"], []],
    ["partner: none, MODERATOR", ["READ"], []],
    ["partner: DS, MEMBER", ["READ"], []],
  ])("%s: rights %j, and %j", async (caller, rights, shown) => {
    const { viewers, stream, tenants } = await theWorld();
    const answer = await run(subgraph, viewers[caller], query, {
      id: stream.uuid,
    });
    expect(answer.errors).toEqual([]);
    const seen = answer.data?.["stream"] as unknown as Record<string, unknown>;
    const isOwn = caller.startsWith("plant");
    expect(seen).toMatchObject({
      name: "Compressor",
      description: "Of line two",
      tags: ["gas"],
      isOwn,
      myRights: rights,
      tenant: { id: tenants["plant"]?.uuid },
      sharedThrough: { totalCount: isOwn ? 0 : 1 },
    });
    expect(
      [...own, ...managed, "shares"].filter((field) => seen[field] !== null),
    ).toEqual(shown);
  });

  let seeded: ReturnType<typeof seedWorld> | undefined;
  const theWorld = () => (seeded ??= seedWorld(database));

  test("an entity reference shows what the root field shows, and null for what is not there", async () => {
    const { viewers, stream } = await theWorld();
    const references = (viewer: Viewer, ids: string[]) =>
      run(
        subgraph,
        viewer,
        `query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on Stream { name externalId } } }`,
        { refs: ids.map((id) => ({ __typename: "Stream", id })) },
      );
    const ids = [stream.uuid, "nothing", plant.uuid];
    expect(await references(viewers["partner: none, MEMBER"], ids)).toEqual({
      data: {
        _entities: [{ name: "Compressor", externalId: null }, null, null],
      },
      errors: [],
    });
    expect(await references(viewers["stranger: AA, not in"], ids)).toEqual({
      data: { _entities: [null, null, null] },
      errors: [],
    });
    expect(outcome(await references(viewers["nobody: anonymous"], ids))).toBe(
      "UNAUTHENTICATED",
    );
  });
});

describe("updating many streams", () => {
  const updateMany = (streams: object[], caller = contributor) =>
    attempt(database, () =>
      run(
        subgraph,
        as(caller),
        `mutation ($input: UpdateStreamsInput!) { updateStreams(input: $input) {
           name description tags metadata properties { uom } } }`,
        { input: { streams } },
      ),
    );
  const created = async (externalId: string) =>
    idIn(await create({ externalId, tags: ["old"] }), "createStream");

  test("changes each in its own way, and tells each in the ledger", async () => {
    const [one, two] = [await created("many 1"), await created("many 2")];
    const answer = await updateMany([
      { id: two, name: "Two", metadata: { site: "North" } },
      {
        id: one,
        tags: ["b", "a"],
        overrides: [{ property: "flow", uom: "L/s" }],
      },
    ]);
    expect(answer.data?.["updateStreams"]).toMatchObject([
      { name: "Two", tags: ["old"], metadata: { site: "North" } },
      { name: "many 1", tags: ["b", "a"], properties: [{ uom: "L/s" }, {}] },
    ]);
    const entries = await database
      .owner("ledger.entries")
      .whereIn("subject_id", [one, two])
      .where({ action: "updateStream" });
    expect(entries).toHaveLength(2);
  });

  test("is all or nothing, and names the fault by its place", async () => {
    const id = await created("many 3");
    const foreign = await seed.stream(await seed.tenant());
    const good = { id, name: "Renamed" };
    for (const [streams, code, at] of [
      [
        [good, { id: foreign.uuid, name: "x" }],
        "NOT_FOUND",
        "input.streams.1.id",
      ],
      [[good, good], "BAD_USER_INPUT", "input.streams.1.id"],
      [[{ id, tags: [""] }], "BAD_USER_INPUT", "input.streams.0.tags.0"],
      [[], "BAD_USER_INPUT", "input.streams"],
      [
        Array.from({ length: 1001 }, () => good),
        "LIMIT_EXCEEDED",
        "input.streams",
      ],
    ] as const) {
      const { errors } = await updateMany([...streams]);
      expect(errors).toMatchObject([{ extensions: { code, at } }]);
    }
  });
});
