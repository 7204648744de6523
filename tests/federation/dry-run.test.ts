import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as } from "../support/run.ts";
import { Seed, type Identity } from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";

const change = `
  applied community { name myRole myRights ownerTenant { name } }
  membership { status alias tenant { name } } members { role identity { name } }
  tenantCount identityCount shareCount streamCount stillReadableCount
  tenants { name } identities { name } streams { name isOwn } stillReadable { name }`;

describe.each(modes)("%s", (mode) => {
  let database: TestDatabase;
  let graph: TestGraph;
  beforeAll(async () => {
    database = await TestDatabase.create();
    graph = await startGraph(database, mode);
  });
  afterAll(async () => {
    await graph.stop();
    await database.drop();
  });

  /** A plant and a vendor who share with each other in one community; one stream of the plant in a second one too. */
  async function seedPlaces() {
    const seed = new Seed(database.owner);
    const plant = await seed.tenant("Plant");
    const vendor = await seed.tenant("Vendor");
    const [here, there] = [
      await seed.community(plant, "Pumps"),
      await seed.community(plant, "Valves"),
    ];
    const aa = ["ACCOUNT_ADMINISTRATOR"] as const;
    const administrator = await seed.user(plant, aa);
    const moderator = await seed.user(vendor, aa);
    const client = await seed.client(vendor);
    const stream = await seed.stream(plant);
    for (const community of [here, there]) {
      const membership = await seed.membership(community, vendor);
      await seed.member(
        community.ownerMembership,
        administrator,
        "ADMINISTRATOR",
      );
      await seed.member(membership, moderator, "MODERATOR");
      await seed.member(membership, client);
      await seed.share(stream, community.ownerMembership);
      await seed.share(await seed.stream(vendor), membership);
    }
    await seed.share(await seed.stream(plant), here.ownerMembership);
    return { administrator, moderator, client, vendor, here };
  }
  type Places = Awaited<ReturnType<typeof seedPlaces>>;

  const changes: Record<
    string,
    (places: Places, dryRun: boolean) => { by: Identity; mutation: string }
  > = {
    pauseSharing: ({ administrator, here }, dryRun) => ({
      by: administrator,
      mutation: `pauseSharing(communityId: "${here.uuid}", dryRun: ${dryRun})`,
    }),
    leaveCommunity: ({ moderator, here }, dryRun) => ({
      by: moderator,
      mutation: `leaveCommunity(communityId: "${here.uuid}", dryRun: ${dryRun})`,
    }),
    removeTenant: ({ administrator, vendor, here }, dryRun) => ({
      by: administrator,
      mutation: `removeTenant(communityId: "${here.uuid}", tenantId: "${vendor.uuid}", dryRun: ${dryRun})`,
    }),
    deleteCommunity: ({ administrator, here }, dryRun) => ({
      by: administrator,
      mutation: `deleteCommunity(id: "${here.uuid}", confirmName: "Pumps", dryRun: ${dryRun})`,
    }),
    removeCommunityMembers: ({ moderator, client, here }, dryRun) => ({
      by: moderator,
      mutation: `removeCommunityMembers(input: { communityId: "${here.uuid}", identityIds: ["${client.uuid}"], dryRun: ${dryRun} })`,
    }),
    setCommunityRoles: ({ moderator, client, here }, dryRun) => ({
      by: moderator,
      mutation: `setCommunityRoles(input: { communityId: "${here.uuid}", members: [{ identityId: "${client.uuid}", role: MEMBER }], dryRun: ${dryRun} })`,
    }),
  };

  test.each(Object.keys(changes))(
    "%s tells by a dry run what it tells when it is done, in the words of all subgraphs",
    async (name) => {
      const places = await seedPlaces();
      const ask = async (dryRun: boolean) => {
        const { by, mutation } = changes[name]?.(places, dryRun) as ReturnType<
          (typeof changes)[string]
        >;
        const { data, errors } = await graph.request(
          as(by),
          `mutation { change: ${mutation} { ${change} } }`,
        );
        expect(errors).toEqual([]);
        return data?.["change"] as object | undefined;
      };
      const before = await everythingWritten(database);
      const foreseen = await ask(true);
      expect(await everythingWritten(database)).toEqual(before);
      const done = await ask(false);
      expect(done).toMatchObject({ applied: true });
      expect(foreseen).toEqual({ ...done, applied: false });
    },
  );
});
