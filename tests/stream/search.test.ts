import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { connect } from "../../common/database.ts";
import type { Subgraph } from "../../common/schema.ts";
import { roleUrl } from "../../migrations/run.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { TestDatabase } from "../support/database.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let seed: Seed;
let plant: Row;
let vendor: Row;
let both: Row & { ownerMembership: Membership };
let second: Row & { ownerMembership: Membership };
let vendorHere: Membership;
let reader: Identity;
let viewer: Identity;
let stranger: Identity;

/** The plant shares flow and level here, level also in the second community; the vendor shares its model here. */
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  seed = new Seed(database.owner);
  plant = await seed.tenant("Plant");
  vendor = await seed.tenant("Vendor");
  both = await seed.community(plant);
  second = await seed.community(plant);
  vendorHere = await seed.membership(both, vendor);
  const vendorThere = await seed.membership(second, vendor);
  reader = await seed.user(vendor, ["VIEWER"]);
  viewer = await seed.user(plant, ["VIEWER"]);
  stranger = await seed.user(await seed.tenant("Stranger"), [
    "ACCOUNT_ADMINISTRATOR",
  ]);
  for (const membership of [vendorHere, vendorThere])
    await seed.member(membership, reader);
  await seed.member(both.ownerMembership, viewer);

  const flow = await stream(plant, "Flow", {
    external_id: "PLC-7",
    description: "Gas to the burner",
    tags: ["gas", "line two"],
    metadata: { serial: "X-99" },
  });
  const level = await stream(plant, "Level", { tags: ["water"] });
  await stream(plant, "Secret flow", {});
  const model = await stream(vendor, "Model flow", { external_id: "M-1" });
  await stream(vendor, "Own level", {});
  await seed.share(flow, both.ownerMembership);
  await seed.share(level, both.ownerMembership);
  await seed.share(level, second.ownerMembership);
  await seed.share(model, vendorHere);
});
afterAll(() => database.drop());

async function stream(
  tenant: Row,
  name: string,
  values: object,
): Promise<Stream> {
  const made = await seed.stream(tenant, { name });
  await database
    .owner("stream.streams")
    .where({ id: made.id })
    .update({ description: null, ...values });
  return made;
}

const list = (caller: Identity, args = "") =>
  run(
    subgraph,
    as(caller),
    `{ streams${args && `(${args})`} { totalCount nodes { name } } }`,
  );

/** The names in a list, which its count must agree with. */
function names({ data, errors }: Answer, field = "streams"): string[] {
  expect(errors).toEqual([]);
  const page = data?.[field] as unknown as {
    totalCount: number;
    nodes: { name: string }[];
  };
  expect(page.totalCount).toBe(page.nodes.length);
  return page.nodes.map(({ name }) => name);
}

describe("streams", () => {
  test.each<[string, () => string, string[]]>([
    ["all", () => "", ["Flow", "Level", "Model flow", "Own level"]],
    ["own", () => "from: OWN", ["Model flow", "Own level"]],
    ["shared", () => "from: SHARED", ["Flow", "Level"]],
    ["of a tenant", () => `tenantIds: ["${plant.uuid}"]`, ["Flow", "Level"]],
    ["of an unknown tenant", () => `tenantIds: ["x"]`, []],
    [
      "of a community",
      () => `communityIds: ["${both.uuid}"]`,
      ["Flow", "Level", "Model flow"],
    ],
    [
      "of two communities, each once",
      () => `communityIds: ["${both.uuid}", "${second.uuid}"]`,
      ["Flow", "Level", "Model flow"],
    ],
    [
      "of a community, others' only",
      () => `from: SHARED, communityIds: ["${second.uuid}"]`,
      ["Level"],
    ],
    ["with a tag", () => `tags: ["gas"]`, ["Flow"]],
    ["with two tags", () => `tags: ["line two", "gas"]`, ["Flow"]],
    ["with a tag that none has", () => `tags: ["gas", "water"]`, []],
    ["by a word of the name", () => `search: "FLOW"`, ["Flow", "Model flow"]],
    [
      "by words of name and description",
      () => `search: "burner flow"`,
      ["Flow"],
    ],
    ["by a tenant's name", () => `search: "plant"`, ["Flow", "Level"]],
    ["by a tag", () => `search: "water"`, ["Level"]],
    [
      "by the type's name",
      () => `search: "type"`,
      ["Flow", "Level", "Model flow", "Own level"],
    ],
    ["by an own external id", () => `search: "m-1"`, ["Model flow"]],
    ["by another tenant's external id: none", () => `search: "PLC-7"`, []],
    ["by another tenant's metadata: none", () => `search: "X-99"`, []],
    [
      "by either of words joined by AND",
      () => `search: "(flow model) OR (level water)"`,
      ["Level", "Model flow"],
    ],
    [
      "by neither of words joined by OR",
      () => `search: "type NOT (model OR tags:gas)"`,
      ["Level", "Own level"],
    ],
    [
      "by more that is joined than is turned into clauses",
      () =>
        `search: "(flow model) OR ${Array.from({ length: 7 }, (_, i) => `(flow nothing${i})`).join(" OR ")}"`,
      ["Model flow"],
    ],
    ["by wildcards: none", () => `search: "%"`, []],
    ["by a word that none has", () => `search: "flow nothing"`, []],
  ])("%s", async (_which, args, expected) => {
    expect(names(await list(reader, args()))).toEqual(expected);
  });

  test("own streams are found by external id and metadata too", async () => {
    for (const search of ["plc-7", "x-99", "serial"])
      expect(names(await list(viewer, `search: "${search}"`))).toEqual([
        "Flow",
      ]);
  });

  test("of an own namespace, and none of another's", async () => {
    const [row] = (await database
      .owner("stream.streams as s")
      .join("stream.namespaces as n", "n.id", "s.namespace_id")
      .where({ "s.name": "Flow" })
      .select("n.uuid")) as [Row];
    expect(names(await list(viewer, `namespaceId: "${row.uuid}"`))).toEqual([
      "Flow",
    ]);
    for (const id of [row.uuid, "00000000-0000-4000-8000-000000000000", "x"])
      expect(
        (await list(reader, `namespaceId: "${id}"`)).errors[0]?.extensions,
      ).toEqual({ code: "NOT_FOUND", at: "namespaceId" });
  });

  test("as the viewer's, are the same", async () => {
    const { data } = await run(
      subgraph,
      as(reader),
      `{ viewer { streams(from: SHARED, search: "level") { nodes { name } } } }`,
    );
    expect(data).toEqual({
      viewer: { streams: { nodes: [{ name: "Level" }] } },
    });
  });

  test.each(["unknown", "of others", "malformed"])(
    "of a community that is %s are not found",
    async (which) => {
      const ids: Record<string, string> = {
        unknown: "00000000-0000-4000-8000-000000000000",
        "of others": both.uuid,
        malformed: "x",
      };
      const answer = await list(stranger, `communityIds: ["${ids[which]}"]`);
      expect(answer.errors[0]?.extensions).toEqual({
        code: "NOT_FOUND",
        at: "communityIds.0",
      });
    },
  );

  test.each([
    ["search", `search: "flow AND"`],
    ["search", String.raw`search: "\u0000"`],
    ["tags.1", String.raw`tags: ["gas", "\u0000"]`],
    ["first", "first: -1"],
    ["last", "first: 1, last: 1"],
    ["after", `after: "nonsense"`],
    ["after", `after: "${Buffer.from('["x"]').toString("base64url")}"`],
  ])("refuse a bad %s", async (at, args) => {
    const answer = await list(reader, args);
    expect(answer.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at,
    });
  });

  test("refuse a page of 1,001", async () => {
    const answer = await list(reader, "first: 1001");
    expect(answer.errors[0]?.extensions).toMatchObject({
      code: "LIMIT_EXCEEDED",
      limit: 1000,
      value: 1001,
    });
  });
});

test("a connection prepares few statements, whatever streams are asked for", async () => {
  const url = roleUrl(database.url, "stream");
  const db = connect(url, { name: "one", poolSize: 1 });
  const alone = { ...subgraph, createContext: createContext(db, unrecorded) };
  const ask = async (args: string): Promise<string | undefined> => {
    const answer = await run(
      alone,
      as(reader),
      `{ streams(${args}) { totalCount pageInfo { endCursor startCursor } } }`,
    );
    expect(answer.errors).toEqual([]);
    const { pageInfo } = answer.data?.["streams"] as unknown as {
      pageInfo: { endCursor: string | null };
    };
    return pageInfo.endCursor ?? undefined;
  };
  try {
    for (const from of ["ALL", "OWN", "SHARED"])
      for (const communities of ["", `communityIds: ["${both.uuid}"]`])
        for (const field of ["", "NAME", "CREATED_AT", "UPDATED_AT"])
          for (const direction of field ? ["ASC", "DESC"] : [""])
            for (const [size, side] of [
              ["first", "after"],
              ["last", "before"],
            ]) {
              const orderBy =
                field &&
                `orderBy: { field: ${field}, direction: ${direction} }`;
              const args = `from: ${from} ${communities} ${orderBy} ${size}: 1`;
              const cursor = await ask(args);
              if (cursor) await ask(`${args} ${side}: "${cursor}"`);
            }
    for (const more of [`search: "flow"`, `tags: ["gas"]`, `tenantIds: ["x"]`])
      await ask(more);
    const [row] = (
      await db.raw<{ rows: { count: number }[] }>(
        "select count(*) from pg_prepared_statements",
      )
    ).rows;
    expect(row?.count).toBeLessThanOrEqual(12);
  } finally {
    await db.destroy();
  }
}, 120_000);

describe("the order and pages of streams", () => {
  const page = (caller: Identity, args: string) =>
    run(
      subgraph,
      as(caller),
      `{ streams(${args}) { nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    );

  test.each([
    ["NAME", "ASC", ["Flow", "Level", "Model flow", "Own level"]],
    ["NAME", "DESC", ["Own level", "Model flow", "Level", "Flow"]],
    ["CREATED_AT", "ASC", ["Flow", "Level", "Model flow", "Own level"]],
    ["CREATED_AT", "DESC", ["Own level", "Model flow", "Level", "Flow"]],
  ])("by %s %s, forwards and backwards", async (field, direction, expected) => {
    const order = `orderBy: { field: ${field}, direction: ${direction} }`;
    expect(await walk(`${order}, first: 1`, "after", "endCursor")).toEqual(
      expected,
    );
    expect(await walk(`${order}, last: 3`, "before", "startCursor")).toEqual([
      ...expected.slice(1),
      expected[0],
    ]);
  });

  async function walk(args: string, argument: string, field: string) {
    const seen: string[] = [];
    for (let cursor = ""; ;) {
      const { data, errors } = await page(reader, args + cursor);
      expect(errors).toEqual([]);
      const { nodes, pageInfo } = data?.["streams"] as unknown as {
        nodes: { name: string }[];
        pageInfo: Record<string, string | boolean>;
      };
      seen.push(...nodes.map(({ name }) => name));
      const more = argument === "after" ? "hasNextPage" : "hasPreviousPage";
      if (!pageInfo[more]) return seen;
      cursor = `, ${argument}: "${String(pageInfo[field])}"`;
    }
  }

  test.each(["ASC", "DESC"])(
    "by UPDATED_AT %s puts others' streams last, by id",
    async (direction) => {
      const order = `orderBy: { field: UPDATED_AT, direction: ${direction} }`;
      const own = ["Model flow", "Own level"];
      const seen = await walk(`${order}, first: 1`, "after", "endCursor");
      expect(seen.slice(0, 2)).toEqual(
        direction === "ASC" ? own : own.toReversed(),
      );
      const others = (await database
        .owner("stream.streams")
        .whereIn("name", ["Flow", "Level"])
        .orderBy("uuid", direction.toLowerCase())
        .select("name")) as { name: string }[];
      expect(seen.slice(2)).toEqual(others.map(({ name }) => name));
    },
  );

  test("by RELEVANCE, page by page as in one", async () => {
    const order = `search: "flow OR model", orderBy: { field: RELEVANCE }`;
    const whole = await walk(order, "after", "endCursor");
    expect([...whole].sort()).toEqual(["Flow", "Model flow"]);
    expect(await walk(`${order}, first: 1`, "after", "endCursor")).toEqual(
      whole,
    );
    expect(await walk(`${order}, last: 1`, "before", "startCursor")).toEqual(
      whole.toReversed(),
    );
  });

  test("a cursor of another list is refused", async () => {
    const { data } = await page(reader, "first: 1");
    const { endCursor } = (
      data?.["streams"] as unknown as { pageInfo: { endCursor: string } }
    ).pageInfo;
    for (const args of [`search: "flow"`, "from: OWN", `tags: ["gas"]`])
      expect(
        outcome(await page(reader, `${args}, after: "${endCursor}"`)),
      ).toBe("BAD_USER_INPUT");
  });
});

describe("a community's streams", () => {
  const here = (caller: Identity, args = "", ids = [both.uuid, second.uuid]) =>
    run(
      subgraph,
      as(caller),
      `query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on Community {
         sharedStreamCount streams${args && `(${args})`} { totalCount nodes { name } pageInfo { endCursor } } } } }`,
      { refs: ids.map((id) => ({ __typename: "Community", id })) },
    );

  const listed = ({ data, errors }: Answer) => {
    expect(errors).toEqual([]);
    return (
      data?.["_entities"] as unknown as {
        sharedStreamCount: number | null;
        streams: { totalCount: number; nodes: { name: string }[] } | null;
      }[]
    ).map(({ sharedStreamCount, streams }) => {
      expect(streams?.totalCount ?? null).toBe(streams?.nodes.length ?? null);
      return [
        sharedStreamCount,
        streams?.nodes.map(({ name }) => name) ?? null,
      ];
    });
  };

  test("are what others share there, and own ones, for who takes part; null for the rest", async () => {
    expect(listed(await here(reader))).toEqual([
      [3, ["Flow", "Level", "Model flow"]],
      [1, ["Level"]],
    ]);
    expect(listed(await here(viewer))).toEqual([
      [3, ["Flow", "Level", "Model flow"]],
      [null, null],
    ]);
    expect(listed(await here(stranger, "", [both.uuid, "x"]))).toEqual([
      [null, null],
      [null, null],
    ]);
    const administrator = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
    expect(listed(await here(administrator))).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  test("leave out own ones that the access list keeps from the caller", async () => {
    const nobody = await seed.user(plant);
    await seed.member(both.ownerMembership, nobody);
    expect(listed(await here(nobody, "", [both.uuid]))).toEqual([
      [1, ["Model flow"]],
    ]);
  });

  test("go on showing own ones while paused, and hide the others' that are", async () => {
    const row = database
      .owner("community.memberships")
      .where({ id: both.ownerMembership.id });
    await row.clone().update({ status: "PAUSED" });
    expect(listed(await here(viewer, "", [both.uuid]))).toEqual([
      [3, ["Flow", "Level", "Model flow"]],
    ]);
    expect(listed(await here(reader, "", [both.uuid]))).toEqual([
      [1, ["Model flow"]],
    ]);
    await row.update({ status: "ACTIVE" });
  });

  test("are searched, narrowed and ordered", async () => {
    const order = `orderBy: { field: NAME, direction: DESC }`;
    for (const [args, expected] of [
      [`search: "flow"`, ["Flow", "Model flow"]],
      [`search: "PLC-7"`, []],
      [`tenantIds: ["${vendor.uuid}"]`, ["Model flow"]],
      [order, ["Model flow", "Level", "Flow"]],
    ] as const) {
      const { data } = await here(reader, args, [both.uuid]);
      const [community] = data?.["_entities"] as unknown as {
        streams: { nodes: { name: string }[] };
      }[];
      expect(community?.streams.nodes.map(({ name }) => name)).toEqual(
        expected,
      );
    }
  });

  test("go by their new name once they are renamed", async () => {
    const administrator = await seed.user(vendor, ["ACCOUNT_ADMINISTRATOR"]);
    const rename = async (from: string, to: string) => {
      const stream = (await database
        .owner("stream.streams")
        .where({ name: from })
        .first("uuid")) as Row;
      await run(
        subgraph,
        as(administrator),
        `mutation { updateStream(input: { id: "${stream.uuid}", name: "${to}" }) { name } }`,
      );
      return listed(await here(reader, "", [both.uuid]));
    };
    expect(await rename("Model flow", "A model")).toEqual([
      [3, ["A model", "Flow", "Level"]],
    ]);
    expect(await rename("A model", "Model flow")).toEqual([
      [3, ["Flow", "Level", "Model flow"]],
    ]);
  });

  test("have cursors of their own", async () => {
    const { data } = await here(reader, "first: 1", [both.uuid]);
    const [community] = data?.["_entities"] as unknown as {
      streams: { pageInfo: { endCursor: string } };
    }[];
    const after = `first: 5, after: "${community?.streams.pageInfo.endCursor}"`;
    const next = await here(reader, after);
    expect(next.data?.["_entities"]).toMatchObject([
      { streams: { nodes: [{ name: "Level" }, { name: "Model flow" }] } },
      { streams: null },
    ]);
    expect(next.errors).toMatchObject([
      { extensions: { code: "BAD_USER_INPUT", at: "after" } },
    ]);
  });

  test("are counted for each membership, for who sees the community", async () => {
    const count = (caller: Identity) =>
      run(
        subgraph,
        as(caller),
        `query ($refs: [_Any!]!) { _entities(representations: $refs) { ... on Membership { sharedStreamCount } } }`,
        {
          refs: [both.ownerMembership.uuid, vendorHere.uuid, "x"].map((id) => ({
            __typename: "Membership",
            id,
          })),
        },
      );
    const counts = async (caller: Identity) =>
      (
        (await count(caller)).data?.["_entities"] as unknown as {
          sharedStreamCount: number | null;
        }[]
      ).map(({ sharedStreamCount }) => sharedStreamCount);
    expect(await counts(reader)).toEqual([2, 1, null]);
    expect(
      await counts(await seed.user(vendor, ["ACCOUNT_ADMINISTRATOR"])),
    ).toEqual([2, 1, null]);
    expect(await counts(await seed.user(vendor, ["DATA_STEWARD"]))).toEqual([
      null,
      null,
      null,
    ]);
    expect(await counts(stranger)).toEqual([null, null, null]);
  });
});
