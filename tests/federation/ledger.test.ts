import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import { modes } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { ledgerOf } from "../support/ledger.ts";
import { as } from "../support/run.ts";
import { Seed } from "../support/seed.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

test.each(modes)(
  "one query asks what happened to tenant, community and stream, and who did it, %s",
  async (mode) => {
    const seed = new Seed(database.owner);
    const plant = await seed.tenant("Plant");
    const vendor = await seed.tenant("Vendor");
    const community = await seed.community(plant);
    const steward = await seed.user(plant, ["DATA_STEWARD"]);
    await seed.member(community.ownerMembership, steward, "ADMINISTRATOR");
    const reader = await seed.user(vendor);
    const membership = await seed.membership(community, vendor);
    await seed.member(membership, reader, "MODERATOR");
    const stream = await seed.stream(plant);
    const graph = await startGraph(database, mode);
    try {
      const shared = await graph.request(
        as(steward),
        `mutation ($input: ShareStreamsInput!) { shareStreams(input: $input) { id } }`,
        {
          input: { streamIds: [stream.uuid], communityIds: [community.uuid] },
        },
      );
      expect(shared.errors).toEqual([]);
      await (await ledgerOf(database)).seal();
      const query = `query ($community: ID!, $stream: ID!) {
        viewer { tenant { ledgerHead { sequence signature } ledger { ...Entries } } }
        community(id: $community) { ledger { ...Entries } }
        stream(id: $stream) { ledger { ...Entries } }
      }
      fragment Entries on LedgerConnection {
        nodes { action kind hash actor { __typename id name } actorTenant { name } }
      }`;
      const of = { community: community.uuid, stream: stream.uuid };
      const told = {
        nodes: [
          {
            action: "shareStreams",
            kind: "SHARE",
            hash: expect.stringMatching(/^[0-9a-f]{64}$/),
            actor: {
              __typename: "User",
              id: steward.uuid,
              name: expect.any(String),
            },
            actorTenant: { name: "Plant" },
          },
        ],
      };
      const own = await graph.request(as(steward), query, of);
      expect(own.errors).toEqual([]);
      expect(own.data).toEqual({
        viewer: {
          tenant: {
            ledgerHead: { sequence: 1, signature: expect.any(String) },
            ledger: told,
          },
        },
        community: { ledger: told },
        stream: { ledger: told },
      });
      const partner = await graph.request(as(reader), query, of);
      expect(partner.errors).toEqual([]);
      expect(partner.data).toEqual({
        viewer: { tenant: { ledgerHead: null, ledger: { nodes: [] } } },
        community: { ledger: { nodes: [] } },
        stream: { ledger: null },
      });
    } finally {
      await graph.stop();
    }
  },
);
