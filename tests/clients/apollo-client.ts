import {
  ApolloClient,
  CombinedGraphQLErrors,
  gql,
  HttpLink,
  InMemoryCache,
  type ApolloLink,
} from "@apollo/client";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { relayStylePagination } from "@apollo/client/utilities";
import { describe, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import type { DemoInstallation } from "../support/demo-installation.ts";

const page = gql`
  query Page($first: Int, $after: String) {
    streams(first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          name
          isOwn
          tenant {
            id
            name
          }
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`;

interface Page {
  readonly streams: {
    readonly edges: readonly {
      readonly node: {
        readonly id: string;
        readonly name: string;
        readonly isOwn: boolean;
      };
    }[];
    readonly pageInfo: {
      readonly hasNextPage: boolean;
      readonly endCursor: string;
    };
  };
}

export const apolloClient = (demo: () => DemoInstallation) =>
  describe("@apollo/client", () => {
    /** How its requests went out: GET or POST, with or without the text of the query. */
    const sent: string[] = [];

    async function httpLink(email = "ada@volute.example") {
      const { token } = await demo().as(email);
      return new HttpLink({
        uri: demo().graphql,
        headers: {
          authorization: `Bearer ${token}`,
          "apollo-require-preflight": "true",
        },
        fetch(url, init) {
          const text = `${String(url)} ${String(init?.body)}`;
          const isWhole = /[?"]query["=]/.test(text);
          sent.push(`${init?.method} ${isWhole ? "text" : "hash"}`);
          return fetch(url, init);
        },
      });
    }

    const clientWith = (link: ApolloLink) =>
      new ApolloClient({
        link,
        cache: new InMemoryCache({
          typePolicies: {
            Query: {
              fields: { streams: relayStylePagination(["search", "from"]) },
            },
          },
        }),
      });

    test("keeps each object once, by its id, and shows everywhere what a mutation answers", async () => {
      const client = clientWith(await httpLink());
      const options = { query: page, variables: { first: 100 } };
      const { data } = await client.query<Page>(options);
      const stream = data?.streams.edges.find(({ node }) => node.isOwn)?.node;
      const cached = client.cache.extract() as Record<string, unknown>;
      const kept = Object.keys(cached).filter((key) => /^Stream:/.test(key));
      expect(kept).toHaveLength(data?.streams.edges.length ?? 0);
      expect(cached[`Stream:${stream?.id}`]).toMatchObject({
        tenant: { __ref: expect.stringMatching(/^Tenant:/) },
      });

      sent.length = 0;
      await client.mutate({
        mutation: gql`
          mutation Rename($input: UpdateStreamInput!) {
            updateStream(input: $input) {
              id
              name
            }
          }
        `,
        variables: { input: { id: stream?.id, name: "Renamed by Apollo" } },
      });
      const shown = await client.query<Page>(options);
      expect(
        shown.data?.streams.edges.find(({ node }) => node.id === stream?.id),
      ).toMatchObject({ node: { name: "Renamed by Apollo" } });
      expect(sent).toEqual(["POST text"]);
      client.stop();
    });

    test("goes through a connection page by page", async () => {
      const client = clientWith(await httpLink());
      const options = { query: page, variables: { first: 4 } };
      const watched = client.watchQuery<Page>(options);
      const shown = watched.subscribe(() => undefined);
      await watched.refetch();
      const pagesSoFar = () => client.readQuery<Page>(options);
      for (;;) {
        const { hasNextPage, endCursor } = pagesSoFar()?.streams.pageInfo ?? {};
        if (!hasNextPage) break;
        await watched.fetchMore({ variables: { after: endCursor } });
      }
      const idsOf = (found: Page | null | undefined) =>
        found?.streams.edges.map(({ node }) => node.id);
      const all = await client.query<Page>({
        query: page,
        variables: { first: 100 },
        fetchPolicy: "no-cache",
      });
      expect(idsOf(pagesSoFar())).toEqual(idsOf(all.data));
      expect(idsOf(all.data)?.length).toBeGreaterThan(8);
      shown.unsubscribe();
      client.stop();
    });

    test("tells errors by their codes, and what came in spite of them", async () => {
      const client = clientWith(await httpLink());
      const query = gql`
        query One($id: ID!) {
          viewer {
            id
          }
          stream(id: $id) {
            id
          }
        }
      `;
      const variables = { id: "none" };
      const failed = await client
        .query({ query, variables })
        .catch((error: unknown) => error);
      expect(CombinedGraphQLErrors.is(failed)).toBe(true);
      expect((failed as CombinedGraphQLErrors).errors).toMatchObject([
        { path: ["stream"], extensions: { code: "NOT_FOUND" } },
      ]);
      expect(
        await client.query({ query, variables, errorPolicy: "all" }),
      ).toMatchObject({
        data: { viewer: { id: expect.any(String) }, stream: null },
        error: { errors: [{ extensions: { code: "NOT_FOUND" } }] },
      });
      client.stop();
    });

    test("sends an operation by its hash from the second time on, by GET", async () => {
      const link = new PersistedQueryLink({
        sha256: (text: string) =>
          createHash("sha256").update(text).digest("hex"),
        useGETForHashedQueries: true,
      }).concat(await httpLink());
      const client = clientWith(link);
      const ask = (first: number) =>
        client.query<Page>({
          query: page,
          variables: { first },
          fetchPolicy: "network-only",
        });
      sent.length = 0;
      expect((await ask(1)).data?.streams.edges).toHaveLength(1);
      expect((await ask(2)).data?.streams.edges).toHaveLength(2);
      expect(sent).toEqual(["GET hash", "POST text", "GET hash"]);
      client.stop();
    });
  });
