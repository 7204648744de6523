import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { Subgraph } from "../../common/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { as, run } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";
import { streamSubgraph } from "./world.ts";

let database: TestDatabase;
let subgraph: Subgraph;
let reader: Identity;
let communities: readonly string[];
/** More than a page, after all others. */
const ownNames = Array.from({ length: 5 }, (_, n) => `Yard ${n}`);

/**
 * A reader in 35 communities, in each of which a plant shares; sharing is paused in some, one stream is shared in all, and
 * the first names are those of streams that are not readable.
 */
beforeAll(async () => {
  database = await TestDatabase.create();
  subgraph = streamSubgraph(database);
  const seed = new Seed(database.owner);
  const vendor = await seed.tenant("Vendor");
  reader = await seed.user(vendor, ["VIEWER"]);
  for (const name of ["Gas at home", ...ownNames])
    await seed.stream(vendor, { name });
  const plants = [await seed.tenant("Plant"), await seed.tenant("Works")];
  const [first] = plants;
  if (!first) throw new Error("There are two plants.");
  const everywhere = await seed.stream(first, { name: "Flow everywhere" });
  const made: string[] = [];
  for (let n = 0; n < 35; n += 1) {
    const plant: Row = plants[n % 2] ?? first;
    const community = await seed.community(plant);
    made.push(community.uuid);
    await seed.member(await seed.membership(community, vendor), reader);
    const isPaused = n % 5 === 4;
    const place = community.ownerMembership;
    if (isPaused)
      await database
        .owner("community.memberships")
        .where({ id: place.id })
        .update({ status: "PAUSED" });
    for (const name of [
      `${isPaused ? "Aardvark" : "Flow"} ${n}`,
      `${n % 2 ? "Gas" : "Water"} of line ${n}`,
      ...(n === 34 ? Array.from({ length: 40 }, (_, i) => `Aa ${i}`) : []),
    ])
      await seed.share(await seed.stream(plant, { name }), place);
    if (plant === first) await seed.share(everywhere, place);
  }
  communities = made;
});
afterAll(() => database.drop());

interface Page {
  nodes: { name: string }[];
  pageInfo: { endCursor: string | null; startCursor: string | null };
}

/** The first pages of a list, each on from the last one's cursor. */
async function pagesOf(
  args: string,
  variables: object,
  { backwards, most = 4 }: { backwards: boolean; most?: number },
): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null = null;
  do {
    const { data, errors } = await run(
      subgraph,
      as(reader),
      `query ($cursor: String, $ids: [ID!]) { streams(${args}, communityIds: $ids, ${
        backwards ? "last: 3, before" : "first: 3, after"
      }: $cursor) { nodes { name } pageInfo { endCursor startCursor } } }`,
      { cursor, ...variables },
    );
    expect(errors).toEqual([]);
    const { nodes, pageInfo } = data?.["streams"] as unknown as Page;
    pages.push(nodes.map(({ name }) => name));
    cursor = backwards ? pageInfo.startCursor : pageInfo.endCursor;
  } while (cursor !== null && pages.length < most);
  return pages;
}

test.each([
  ["from: SHARED", true],
  [`from: SHARED, search: "flow"`, true],
  [`from: SHARED, search: "gas line"`, true],
  [`from: SHARED, search: "NOT flow"`, true],
  [`from: SHARED, search: "works"`, true],
  [`from: SHARED, search: "aardvark"`, false],
])(
  "in many communities a list %s has the pages that it has in all of them by name",
  async (args, isFound) => {
    for (const backwards of [false, true]) {
      const pages = await pagesOf(args, {}, { backwards });
      expect(pages).toEqual(
        await pagesOf(args, { ids: communities }, { backwards }),
      );
      expect(pages.flat().length > 0).toBe(isFound);
    }
  },
);

test("own streams stand among the others, each stream once", async () => {
  const pages = await pagesOf(
    `search: "gas OR everywhere"`,
    {},
    { backwards: false },
  );
  const names = pages.flat();
  expect(names).toContain("Gas at home");
  expect(names.filter((name) => name === "Flow everywhere")).toHaveLength(1);
  expect(names).toEqual([...names].sort());
  expect((await pagesOf("from: OWN", {}, { backwards: false })).flat()).toEqual(
    ["Gas at home", ...ownNames],
  );
});

test.each([false, true])(
  "own streams that fill a page hide none of the others before them: backwards %s",
  async (backwards) => {
    const whole = { backwards, most: 100 };
    const [all, own, shared] = [
      (await pagesOf("from: ALL", {}, whole)).flat(),
      (await pagesOf("from: OWN", {}, whole)).flat(),
      (await pagesOf("from: SHARED", {}, whole)).flat(),
    ];
    expect(all.toSorted()).toEqual([...own, ...shared].toSorted());
  },
);
