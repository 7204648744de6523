import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  isEnumType,
  isObjectType,
  isScalarType,
  getNullableType,
  print,
  printSchema,
  type GraphQLField,
  type GraphQLObjectType,
  type OperationDefinitionNode,
} from "graphql";
import relayRuntime, {
  type ConcreteRequest,
  type ReaderFragment,
} from "relay-runtime";
import { apiSchemaOf } from "../../gateway/api-schema.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import type { DemoInstallation } from "../support/demo-installation.ts";
import type { Caller } from "../support/over-http.ts";
import { ourOperations } from "./our-operations.ts";

const require = createRequire(import.meta.url);
const { Environment, Network, RecordSource, Store } = relayRuntime;
const api = apiSchemaOf(readSupergraph());

/** As a component of Relay asks for its list. */
const fragment = (name: string, list: string) => `
  graphql\`
    query ${name}Query($count: Int!, $cursor: String) {
      ...${name}_list @arguments(count: $count, cursor: $cursor)
    }
  \`;
  graphql\`
    fragment ${name}_list on Query
      @refetchable(queryName: "${name}PaginationQuery")
      @argumentDefinitions(count: { type: "Int" }, cursor: { type: "String" }) {
      streams(${list}) @connection(key: "${name}_streams") {
        edges { node { id name } }
      }
    }
  \`;`;

/** Relay wants the module's name before that of an operation, and its kind behind it. */
function moduleFor(operation: OperationDefinitionNode): [string, string] {
  const module = operation.name?.value ?? "";
  const kind = operation.operation === "query" ? "Query" : "Mutation";
  const text = print(operation).replace(module, `${module}${kind}`);
  return [module, `graphql\`${text}\`;`];
}

interface Connection {
  readonly edges: readonly { readonly cursor: string; readonly node: object }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

export const relay = (demo: () => DemoInstallation) => {
  describe("Relay", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "tributary-relay-"));
      const files = new Map([
        ["schema.graphql", printSchema(api)],
        [
          "relay.config.json",
          JSON.stringify({
            src: ".",
            schema: "schema.graphql",
            language: "javascript",
            eagerEsModules: false,
            artifactDirectory: "compiled",
          }),
        ],
        ["Forward.js", fragment("Forward", "first: $count, after: $cursor")],
        ["Backward.js", fragment("Backward", "last: $count, before: $cursor")],
        ...ourOperations
          .map(moduleFor)
          .map(([module, text]) => [`${module}.js`, text] as const),
      ]);
      await mkdir(join(folder, "compiled"));
      for (const [file, text] of files)
        await writeFile(join(folder, file), text);
    });
    afterAll(() => rm(folder, { recursive: true }));

    const compiled = (name: string): unknown =>
      require(join(folder, `compiled/${name}.graphql.js`));

    test("its compiler takes every operation of the tour and of the guides", async () => {
      const { stderr } = await promisify(execFile)(
        require("relay-compiler") as string,
        ["--noWatchman"],
        { cwd: folder },
      );
      expect(stderr).not.toContain("Error");
      for (const [module, text] of ourOperations.map(moduleFor)) {
        const kind = /(Query|Mutation)/.exec(text)?.[0];
        expect(compiled(`${module}${kind}`)).toMatchObject({
          kind: "Request",
        });
      }
    });

    test.each(["Forward", "Backward"])(
      "its store goes through a connection page by page: %s",
      async (name) => {
        const caller = await demo().as("ada@volute.example");
        const environment = new Environment({
          network: Network.create(async ({ text }, variables) => ({
            data: await caller.get<object>(text ?? "", variables),
          })),
          store: new Store(new RecordSource()),
        });
        const ask = (query: string, cursor: string | null) =>
          relayRuntime
            .fetchQuery(environment, compiled(query) as ConcreteRequest, {
              count: 4,
              cursor,
            })
            .toPromise();
        const first = relayRuntime.createOperationDescriptor(
          compiled(`${name}Query`) as ConcreteRequest,
          { count: 4, cursor: null },
        );
        environment.retain(first);
        const shown = () => {
          const { data } = environment.lookup(first.fragment);
          const selector = relayRuntime.getSingularSelector(
            compiled(`${name}_list`) as ReaderFragment,
            data,
          );
          const list = selector && environment.lookup(selector as never).data;
          return (list as unknown as { streams: Connection }).streams;
        };

        await ask(`${name}Query`, null);
        const isForward = name === "Forward";
        for (;;) {
          const { hasNextPage, hasPreviousPage, startCursor, endCursor } =
            shown().pageInfo;
          if (!(isForward ? hasNextPage : hasPreviousPage)) break;
          await ask(
            `${name}PaginationQuery`,
            isForward ? endCursor : startCursor,
          );
        }
        const { streams } = await caller.get<{ streams: Connection }>(
          "{ streams(first: 100) { edges { node { __typename id name } } } }",
        );
        expect(shown().edges.map(({ node }) => node)).toEqual(
          streams.edges.map(({ node }) => node),
        );
      },
    );
  });

  describe("Relay's rules for connections", () => {
    const objects = Object.values(api.getTypeMap()).filter(isObjectType);
    const fieldsOf = (type: GraphQLObjectType) =>
      Object.values(type.getFields());
    const namedType = (field: GraphQLField<unknown, unknown>) =>
      String(field.type).replaceAll(/[![\]]/g, "");
    const lists = objects.flatMap((parent) =>
      fieldsOf(parent)
        .filter((field) => namedType(field).endsWith("Connection"))
        .map((field) => ({
          name: `${parent.name}.${field.name}`,
          parent: parent.name,
          field,
        })),
    );
    const typeOf = (type: string, field: string) =>
      String((api.getType(type) as GraphQLObjectType).getFields()[field]?.type);

    test("PageInfo, connections, edges and arguments have the shapes that it wants", () => {
      for (const flag of ["hasNextPage", "hasPreviousPage"])
        expect(typeOf("PageInfo", flag)).toBe("Boolean!");
      for (const cursor of ["startCursor", "endCursor"])
        expect(typeOf("PageInfo", cursor)).toBe("String");
      const connections = objects.filter(({ name }) =>
        name.endsWith("Connection"),
      );
      for (const { name } of connections) {
        const edge = name.replace("Connection", "Edge");
        expect(typeOf(name, "pageInfo")).toBe("PageInfo!");
        expect(typeOf(name, "edges")).toBe(`[${edge}!]!`);
        expect(typeOf(edge, "cursor")).toBe("String!");
        expect(typeOf(edge, "node")).not.toContain("[");
      }
      expect(new Set(lists.map(({ field }) => namedType(field)))).toEqual(
        new Set(connections.map(({ name }) => name)),
      );
      for (const { field } of lists)
        expect(field.args.map(({ name, type }) => `${name}: ${type}`)).toEqual(
          expect.arrayContaining([
            ...["first: Int", "last: Int", "after: String", "before: String"],
          ]),
        );
    });

    test("what clients keep and ask again has an id", () => {
      const identified = objects.filter(({ name }) =>
        ["Tenant", "Stream", "Community", "Membership", "User"].includes(name),
      );
      for (const { name } of identified) expect(typeOf(name, "id")).toBe("ID!");
      expect(identified).toHaveLength(5);
    });

    /** How to come to an object of each type that has lists. */
    const ways: Readonly<Record<string, string>> = {
      Query: "*",
      Viewer: "viewer { * }",
      Tenant: "viewer { tenant { * } }",
      Namespace: "viewer { tenant { namespaces(first: 1) { nodes { * } } } }",
      TenantAccess: "viewer { tenant { access { * } } }",
      TenantUsage: "viewer { tenant { usage { * } } }",
      Community: 'communities(search: "Compressor", first: 1) { nodes { * } }',
      Membership:
        'communities(search: "Compressor", first: 1) { nodes { membership { * } } }',
      Stream: 'streams(search: "JI-401", from: OWN, first: 1) { nodes { * } }',
    };

    test.each(lists)(
      "$name: pages are parts of one order, from both ends",
      async ({ parent, field }) => {
        const caller = await demo().as("ada@norderau.example");
        const node = selectionOf(
          (
            (api.getType(namedType(field)) as GraphQLObjectType).getFields()[
              "nodes"
            ] as GraphQLField<unknown, unknown>
          ).type.toString(),
        );
        const page = (args: string) =>
          pageAt(caller, parent, field.name, args, node);

        const all = await page("first: 100");
        const nodes = all.edges.map(({ node }) => node);
        expect(all.pageInfo).toEqual({
          hasNextPage: false,
          hasPreviousPage: false,
          startCursor: all.edges.at(0)?.cursor ?? null,
          endCursor: all.edges.at(-1)?.cursor ?? null,
        });
        const size = Math.max(1, Math.ceil(nodes.length / 3));
        const forth: object[] = [];
        for (let after = ""; ;) {
          const { edges, pageInfo } = await page(`first: ${size}${after}`);
          forth.push(...edges.map(({ node }) => node));
          expect(pageInfo.hasNextPage).toBe(forth.length < nodes.length);
          if (!pageInfo.hasNextPage) break;
          expect(edges).toHaveLength(size);
          after = `, after: "${pageInfo.endCursor}"`;
        }
        expect(forth).toEqual(nodes);
        const back: object[] = [];
        for (let before = ""; ;) {
          const { edges, pageInfo } = await page(`last: ${size}${before}`);
          back.unshift(...edges.map(({ node }) => node));
          expect(pageInfo.hasPreviousPage).toBe(back.length < nodes.length);
          if (!pageInfo.hasPreviousPage) break;
          expect(edges).toHaveLength(size);
          before = `, before: "${pageInfo.startCursor}"`;
        }
        expect(back).toEqual(nodes);
      },
    );

    test.each(["first: -1", "last: -1"])("%s is an error", async (args) => {
      const caller = await demo().as("ada@norderau.example");
      const { errors } = await caller.ask(
        `{ streams(${args}) { edges { cursor } } }`,
      );
      expect(errors).toMatchObject([
        { extensions: { code: "BAD_USER_INPUT" } },
      ]);
    });

    async function pageAt(
      caller: Caller,
      parent: string,
      field: string,
      args: string,
      node: string,
    ): Promise<Connection> {
      const list = `${field}(${args}) { edges { cursor node { ${node} } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }`;
      const data = await caller.get<object>(
        `{ ${(ways[parent] ?? "").replace("*", list)} }`,
      );
      return found(data, field) as Connection;
    }

    /** Its scalars, which tell one node from another. */
    const selectionOf = (type: string): string => {
      const named = api.getType(type.replaceAll(/[![\]]/g, ""));
      const leaves = Object.values(
        (named as GraphQLObjectType).getFields(),
      ).filter(({ type, args }) => {
        const leaf = getNullableType(type);
        return args.length === 0 && (isScalarType(leaf) || isEnumType(leaf));
      });
      return ["__typename", ...leaves.map(({ name }) => name)].join(" ");
    };

    /** The one field of this name, wherever it is. */
    const found = (data: unknown, name: string): unknown => {
      if (typeof data !== "object" || data === null) return undefined;
      if (name in data) return (data as Record<string, unknown>)[name];
      return Object.values(data)
        .map((value) => found(value, name))
        .find((value) => value !== undefined);
    };
  });
};
