import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codegen } from "@graphql-codegen/core";
import * as typescript from "@graphql-codegen/typescript";
import * as typescriptResolvers from "@graphql-codegen/typescript-resolvers";
import { Kind, parse, type DocumentNode } from "graphql";
import { StartError } from "../common/config.ts";
import { runCommand } from "./command.ts";

const usage = `
Usage: npm run generate

Writes subgraphs/<name>/generated.ts, the resolver types of subgraphs/<name>/schema.graphql.
They are types only: nothing needs them to run, "npm run check" makes them anew.
`;

const prelude = `/** Made from schema.graphql by "npm run generate"; not to be edited. */

/**
 * What a resolver hands on for an object of the schema: its id, and some of its other fields, the rest having
 * resolvers of their own; each as a value, a promise of one or a function that finds it, for graphql awaits and
 * calls what it meets.
 */
export type Parent<T> = Pick<T, keyof T & "id"> & { readonly [K in keyof T]?: Lazy<T[K]> };
type Lazy<T> = T | Promise<T> | (() => T | Promise<T>);
`;

const scalars = {
  ID: { input: "string", output: "string" },
  DateTime: "string",
  Duration: "string",
  JSON: "unknown",
  Timestamps: { input: "readonly unknown[]", output: "unknown" },
  Values: { input: "readonly unknown[]", output: "unknown" },
};

async function generate(subgraph: string): Promise<string> {
  const schema = parse(readFileSync(join(subgraph, "schema.graphql"), "utf8"));
  return codegen({
    schema,
    documents: [],
    filename: join(subgraph, "generated.ts"),
    plugins: [{ prelude: {} }, { typescript: {} }, { typescriptResolvers: {} }],
    pluginMap: {
      prelude: { plugin: () => ({ content: "", prepend: [prelude] }) },
      typescript,
      typescriptResolvers,
    },
    config: {
      federation: true,
      // The SDL links the federation directives itself.
      disableFederationDirectiveAndScalarInjection: true,
      useTypeImports: true,
      enumsAsTypes: true,
      immutableTypes: true,
      strictScalars: true,
      scalars,
      // A field of an input that has a default value always arrives.
      avoidOptionals: { defaultValue: true },
      optionalResolveType: true,
      contextType: "unknown",
      mappers: mappers(subgraph, schema),
      showUnusedMappers: false,
    },
  });
}

/**
 * The shape in which objects of each type travel between resolvers: the type that a concept folder exports under the
 * same name (`export interface Membership` in membership/store.ts), so that resolvers see the columns that the schema
 * does not show; `Parent` of the schema's own type where no folder exports one.
 */
function mappers(
  subgraph: string,
  schema: DocumentNode,
): Record<string, string> {
  const roots = new Set(["Query", "Mutation", "Subscription"]);
  const rows = exportedTypes(subgraph);
  return Object.fromEntries(
    schema.definitions
      .filter((definition) => definition.kind === Kind.OBJECT_TYPE_DEFINITION)
      .map(({ name }) => name.value)
      .filter((type) => !roots.has(type))
      .map((type) => {
        const file = rows.get(type);
        return [type, file ? `${file}#${type} as ${type}Row` : "Parent<{T}>"];
      }),
  );
}

function exportedTypes(subgraph: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const folder of readdirSync(subgraph, { withFileTypes: true })) {
    if (!folder.isDirectory()) continue;
    for (const name of readdirSync(join(subgraph, folder.name))) {
      if (!name.endsWith(".ts")) continue;
      const file = `./${folder.name}/${name}`;
      const source = readFileSync(join(subgraph, file), "utf8");
      for (const [, type = ""] of source.matchAll(
        /^export (?:interface|type) (\w+)\b/gm,
      )) {
        const other = files.get(type);
        if (other)
          throw new StartError(
            `${subgraph}: ${other} and ${file} both export a type ${type}. Rename one.`,
          );
        files.set(type, file);
      }
    }
  }
  return files;
}

await runCommand(usage, {}, async () => {
  const subgraphs = readdirSync("subgraphs")
    .map((name) => join("subgraphs", name))
    .filter((folder) => existsSync(join(folder, "schema.graphql")));
  for (const subgraph of subgraphs)
    writeFileSync(join(subgraph, "generated.ts"), await generate(subgraph));
});
