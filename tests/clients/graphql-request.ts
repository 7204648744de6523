import { describe, expect, test } from "@jest/globals";
import { ClientError, gql, GraphQLClient } from "graphql-request";
import type { DemoInstallation } from "../support/demo-installation.ts";

export const graphqlRequest = (demo: () => DemoInstallation) =>
  describe("graphql-request", () => {
    const clientFor = (headers: Record<string, string>) =>
      new GraphQLClient(demo().graphql, { headers });

    const whoAmI = gql`
      query WhoAmI {
        viewer {
          id
          tenant {
            name
          }
        }
      }
    `;

    test("asks as a program does", async () => {
      const { token } = await demo().asProgramOf("ada@lumen.example");
      const client = clientFor({ authorization: `Bearer ${token}` });
      expect(await client.request(whoAmI)).toMatchObject({
        viewer: { tenant: { name: "Lumen Analytics" } },
      });
      const { streams } = await client.request<{
        streams: { nodes: { id: string }[] };
      }>(
        gql`
          query Find($search: String!, $first: Int) {
            streams(search: $search, first: $first) {
              nodes {
                id
              }
            }
          }
        `,
        { search: "compressor", first: 2 },
      );
      expect(streams.nodes).toHaveLength(2);
    });

    test("throws an error with the server's words and codes", async () => {
      const error = await clientFor({})
        .request(gql`
          query Streams {
            streams(first: 1) {
              totalCount
            }
          }
        `)
        .catch((error: unknown) => error);
      expect(error).toBeInstanceOf(ClientError);
      expect((error as ClientError).response.errors).toMatchObject([
        { extensions: { code: "UNAUTHENTICATED" } },
      ]);
    });
  });
