import { describe, expect, test } from "@jest/globals";
import { cacheExchange, Client, fetchExchange, gql } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import type { DemoInstallation } from "../support/demo-installation.ts";

const list = gql`
  query List {
    communities(first: 5) {
      nodes {
        id
        name
        description
      }
    }
  }
`;

interface List {
  readonly communities: {
    readonly nodes: readonly {
      readonly id: string;
      readonly description: string;
    }[];
  };
}

export const urql = (demo: () => DemoInstallation) =>
  describe("urql", () => {
    /** The methods of its requests. */
    const sent: string[] = [];

    async function client() {
      const { token } = await demo().as("ada@norderau.example");
      return new Client({
        url: demo().graphql,
        preferGetMethod: false,
        exchanges: [
          cacheExchange,
          persistedExchange({ preferGetForPersistedQueries: true }),
          fetchExchange,
        ],
        fetchOptions: () => ({
          headers: {
            authorization: `Bearer ${token}`,
            "apollo-require-preflight": "1",
          },
        }),
        fetch(url, init) {
          sent.push(init?.method ?? "GET");
          return fetch(url, init);
        },
      });
    }

    test("asks by hash, answers from its cache, and asks anew once a mutation has changed it", async () => {
      const urql = await client();
      const { data, error } = await urql.query<List>(list, {});
      expect(error).toBeUndefined();
      const [community] = data?.communities.nodes ?? [];
      const before = sent.length;
      const again = await urql.query<List>(list, {});
      expect(again.operation.context.meta?.cacheOutcome).toBe("hit");
      expect(sent).toHaveLength(before);

      const changed = await urql.mutation(
        gql`
          mutation Describe($input: UpdateCommunityInput!) {
            updateCommunity(input: $input) {
              id
              description
            }
          }
        `,
        { input: { id: community?.id, description: "Told by urql" } },
      );
      expect(changed.error).toBeUndefined();
      const after = await urql.query<List>(list, {});
      expect(after.data?.communities.nodes[0]?.description).toBe(
        "Told by urql",
      );
      expect(sent).toEqual(["GET", "GET", "POST", "GET"]);
    });

    test("tells errors by their codes", async () => {
      const urql = await client();
      const { error } = await urql.query(
        gql`
          query None {
            community(id: "none") {
              id
            }
          }
        `,
        {},
      );
      expect(error?.graphQLErrors).toMatchObject([
        { path: ["community"], extensions: { code: "NOT_FOUND" } },
      ]);
    });
  });
