import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from "@jest/globals";
import { randomUUID } from "node:crypto";
import { anonymous } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as, outcome } from "../support/run.ts";
import { Seed } from "../support/seed.ts";

const page = `query Page($id: ID!) {
  community(id: $id) {
    name
    ownerTenant { name }
    memberships { nodes { tenant { id name } status sharedStreamCount } }
    streams(first: 20) {
      totalCount
      nodes { id name externalId isOwn tenant { name } last { timestamp value } }
    }
  }
  viewer { tenant { name } communities { nodes { name } } streams { nodes { name } } }
}`;

let database: TestDatabase;

beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

/** A plant shares one of its two streams with a vendor, who has one of its own; an outsider is in neither. */
async function seedWorld() {
  const seed = new Seed(database.owner);
  const plant = await seed.tenant("Plant");
  const vendor = await seed.tenant("Vendor");
  const outside = await seed.tenant("Outside");
  const community = await seed.community(plant, "Compressors");
  const vendorMembership = await seed.membership(community, vendor);
  const steward = await seed.user(plant, ["ACCOUNT_ADMINISTRATOR"]);
  const engineer = await seed.user(vendor, ["VIEWER"]);
  const outsider = await seed.user(outside, ["ACCOUNT_ADMINISTRATOR"]);
  await seed.member(community.ownerMembership, steward, "ADMINISTRATOR");
  await seed.member(vendorMembership, engineer);
  const shared = await seed.stream(plant, { name: "Pressure" });
  const kept = await seed.stream(plant, { name: "Recipe" });
  const own = await seed.stream(vendor, { name: "Bench" });
  for (const stream of [shared, kept, own]) await seed.events(stream, 3);
  await seed.share(shared, community.ownerMembership);
  return {
    ...{ plant, vendor, community, shared, kept, own },
    steward: as(steward),
    engineer: as(engineer),
    outsider: as(outsider),
  };
}

describe.each(modes)("%s", (mode) => {
  let graph: TestGraph;
  let world: Awaited<ReturnType<typeof seedWorld>>;

  beforeAll(async () => {
    graph = await startGraph(database, mode);
  });
  afterAll(() => graph.stop());
  beforeEach(async () => {
    world = await seedWorld();
  });

  const community = (owner = true) => ({
    name: "Compressors",
    ownerTenant: { name: "Plant" },
    memberships: {
      nodes: [
        {
          tenant: { id: world.plant.uuid, name: "Plant" },
          status: "ACTIVE",
          sharedStreamCount: 1,
        },
        {
          tenant: { id: world.vendor.uuid, name: "Vendor" },
          status: "ACTIVE",
          sharedStreamCount: 0,
        },
      ],
    },
    streams: {
      totalCount: 1,
      nodes: [
        {
          id: world.shared.uuid,
          name: "Pressure",
          externalId: owner ? "Pressure" : null,
          isOwn: owner,
          tenant: { name: "Plant" },
          last: { timestamp: "2026-01-01T00:02:00+00:00", value: 2 },
        },
      ],
    },
  });

  test("the owner of what is shared sees its page", async () => {
    const { data, errors } = await graph.request(world.steward, page, {
      id: world.community.uuid,
    });
    expect(errors).toEqual([]);
    expect(data).toEqual({
      community: community(true),
      viewer: {
        tenant: { name: "Plant" },
        communities: { nodes: [{ name: "Compressors" }] },
        streams: { nodes: [{ name: "Pressure" }, { name: "Recipe" }] },
      },
    });
  });

  test("its partner sees the same page with its own streams, and nothing that is kept", async () => {
    const { data, errors } = await graph.request(world.engineer, page, {
      id: world.community.uuid,
    });
    expect(errors).toEqual([]);
    expect(data).toEqual({
      community: community(false),
      viewer: {
        tenant: { name: "Vendor" },
        communities: { nodes: [{ name: "Compressors" }] },
        streams: { nodes: [{ name: "Bench" }, { name: "Pressure" }] },
      },
    });
  });

  test("an outsider learns nothing, and sees its own part all the same", async () => {
    const { data, errors } = await graph.request(world.outsider, page, {
      id: world.community.uuid,
    });
    expect(data).toEqual({
      community: null,
      viewer: {
        tenant: { name: "Outside" },
        communities: { nodes: [] },
        streams: { nodes: [] },
      },
    });
    expect(errors).toEqual([
      {
        message: "Not found, or not visible to you. Check the id.",
        path: ["community"],
        extensions: { code: "NOT_FOUND", at: "id" },
      },
    ]);
    const never = await graph.request(world.outsider, page, {
      id: randomUUID(),
    });
    expect(never.errors).toEqual(errors);
  });

  test("an anonymous caller is told to sign in", async () => {
    const answer = await graph.request(anonymous, page, {
      id: world.community.uuid,
    });
    expect(answer.data).toBeNull();
    expect(outcome(answer)).toBe("UNAUTHENTICATED");
  });

  test("an identity that was disabled is refused at every door although its token lives on", async () => {
    const ask = () =>
      graph.request(world.engineer, page, { id: world.community.uuid });
    expect(outcome(await ask())).toBe("ok");
    await database
      .owner("tenant.identities")
      .where({ uuid: world.engineer.identityId })
      .update({ enabled: false });
    const { data, errors } = await ask();
    expect(data).toEqual({ community: null, viewer: null });
    expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(
      new Set(["UNAUTHENTICATED"]),
    );
  });

  test("what is not shared cannot be had by way of what is", async () => {
    const query = `query ($community: ID!, $kept: ID!) {
      community(id: $community) {
        memberships { nodes { tenant { region entitlements users { totalCount } namespaces { totalCount } } members { totalCount } } }
        streams { nodes { namespace { id } metadata access { effect } shares { totalCount } owner { id } } }
      }
      stream(id: $kept) { name events(window: { from: "2026-01-01T00:00:00Z", to: "2027-01-01T00:00:00Z" }) { rowCount } }
    }`;
    const { data, errors } = await graph.request(world.engineer, query, {
      community: world.community.uuid,
      kept: world.kept.uuid,
    });
    const foreign = {
      tenant: {
        region: null,
        entitlements: null,
        users: null,
        namespaces: null,
      },
      members: null,
    };
    expect(data).toMatchObject({
      community: {
        memberships: {
          nodes: [foreign, { tenant: { entitlements: ["COMMUNITIES"] } }],
        },
        streams: {
          nodes: [
            {
              namespace: null,
              metadata: null,
              access: null,
              shares: null,
              owner: null,
            },
          ],
        },
      },
      stream: null,
    });
    expect(
      errors.map(({ path, extensions }) => [path, extensions.code]),
    ).toEqual([[["stream"], "NOT_FOUND"]]);
  });

  test("one refused mutation costs its own part of the answer only", async () => {
    const { data, errors } = await graph.request(
      world.steward,
      `mutation ($community: ID!, $foreign: ID!) {
        pauseSharing(communityId: $community) { applied }
        updateStream(input: { id: $foreign, name: "mine" }) { name }
        createNamespace(input: { name: "mine" }) { name tenant { name } }
      }`,
      { community: world.community.uuid, foreign: world.own.uuid },
    );
    expect(data).toEqual({
      pauseSharing: { applied: true },
      updateStream: null,
      createNamespace: { name: "mine", tenant: { name: "Plant" } },
    });
    expect(
      errors.map(({ path, extensions }) => [path, extensions.code]),
    ).toEqual([[["updateStream"], "NOT_FOUND"]]);
  });

  test("a pause empties the partner's page in the very next request, and a resumption fills it", async () => {
    const names = async () => {
      const { data } = await graph.request(
        world.engineer,
        `query ($id: ID!) { community(id: $id) { streams { totalCount nodes { name last { value } } } } }`,
        { id: world.community.uuid },
      );
      return data?.["community"]?.["streams"];
    };
    const run = async (mutation: string) =>
      outcome(
        await graph.request(
          world.steward,
          `mutation ($id: ID!) { ${mutation}(communityId: $id) { __typename } }`,
          { id: world.community.uuid },
        ),
      );
    const full = {
      totalCount: 1,
      nodes: [{ name: "Pressure", last: { value: 2 } }],
    };
    expect(await names()).toEqual(full);
    expect(await run("pauseSharing")).toBe("ok");
    expect(await names()).toEqual({ totalCount: 0, nodes: [] });
    expect(await run("resumeSharing")).toBe("ok");
    expect(await names()).toEqual(full);
  });
});

describe("as separate processes", () => {
  test("a subgraph that is down costs its own part of the page", async () => {
    const world = await seedWorld();
    const graph = await startGraph(database, "as separate processes");
    try {
      await graph.stopSubgraph("stream");
      const { data, errors } = await graph.request(world.engineer, page, {
        id: world.community.uuid,
      });
      expect(data).toMatchObject({
        community: { name: "Compressors", streams: null },
        viewer: { tenant: { name: "Vendor" }, streams: null },
      });
      expect(new Set(errors.map(({ extensions }) => extensions.code))).toEqual(
        new Set(["UNAVAILABLE"]),
      );
      expect(JSON.stringify(errors)).not.toMatch(/ECONN|127\.0\.0\.1|subgraph/);
    } finally {
      await graph.stop();
    }
  });
});
