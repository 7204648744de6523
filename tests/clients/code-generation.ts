import { describe, expect, test } from "@jest/globals";
import { codegen } from "@graphql-codegen/core";
import * as typedDocumentNode from "@graphql-codegen/typed-document-node";
import * as typescriptOperations from "@graphql-codegen/typescript-operations";
import { Kind, parse, printSchema } from "graphql";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import ts from "typescript";
import { apiSchemaOf } from "../../gateway/api-schema.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { blocksIn, guides, ourOperations } from "./our-operations.ts";

/** What the guide has a front end write for the command line. */
interface Settings {
  readonly generates: Readonly<
    Record<string, { readonly plugins: readonly string[] }>
  >;
  readonly config: Readonly<Record<string, unknown>>;
}

const [settingsOfGuide = ""] = guides
  .flatMap(({ text }) => blocksIn(text))
  .filter(({ kind }) => kind === "ts")
  .map(({ text }) => text);

/** A front end that uses what was made, rightly; the last lines wrongly, which the compiler must see. */
const use = `
import { GraphQLClient } from "graphql-request";
import { DrawATrendDocument, FindOwnStreamsDocument } from "./generated.ts";

export async function draw(client: GraphQLClient): Promise<number> {
  const { streams } = await client.request(FindOwnStreamsDocument, { search: "pump" });
  const streamIds = streams?.nodes.map(({ id }) => id) ?? [];
  const window = { from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z" };
  const { trend } = await client.request(DrawATrendDocument, { input: { streamIds, window, width: 800 } });
  return trend?.[0]?.stream.name.length ?? 0;
}

export async function fail(client: GraphQLClient): Promise<void> {
  // @ts-expect-error It is a text.
  await client.request(FindOwnStreamsDocument, { search: 1 });
  // @ts-expect-error It is missing.
  await client.request(FindOwnStreamsDocument, {});
  const { streams } = await client.request(FindOwnStreamsDocument, { search: "pump" });
  // @ts-expect-error It may be null.
  streams.nodes;
  // @ts-expect-error It was not asked for.
  streams?.nodes[0]?.retention;
}
`;

export const codeGeneration = () =>
  describe("graphql-codegen", () => {
    test("makes types of our operations that hold in TypeScript at its strictest", async () => {
      const folder = await mkdtemp(join(tmpdir(), "tributary-codegen-"));
      try {
        await symlink(resolve("node_modules"), join(folder, "node_modules"));
        await writeFile(join(folder, "package.json"), '{ "type": "module" }');
        const settings = join(folder, "codegen.ts");
        await writeFile(settings, settingsOfGuide);
        const { default: asTold } = (await import(settings)) as {
          default: Settings;
        };
        await writeFile(join(folder, "generated.ts"), await generate(asTold));
        await writeFile(join(folder, "use.ts"), use);
        const program = ts.createProgram([join(folder, "use.ts")], {
          ...strictest(),
          noEmit: true,
          types: [],
          lib: ["lib.es2023.d.ts", "lib.dom.d.ts"],
        });
        const faults = ts.getPreEmitDiagnostics(program);
        expect(
          faults.map((fault) => ts.formatDiagnostic(fault, asItStands)),
        ).toEqual([]);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });

const asItStands: ts.FormatDiagnosticsHost = {
  getCanonicalFileName: (name) => name,
  getCurrentDirectory: () => "/",
  getNewLine: () => "\n",
};

/** As this project is compiled itself. */
function strictest(): ts.CompilerOptions {
  const { config } = ts.readConfigFile("tsconfig.json", (file) =>
    ts.sys.readFile(file),
  ) as { config: { compilerOptions: object } };
  return ts.convertCompilerOptionsFromJson(config.compilerOptions, ".").options;
}

const pluginMap = {
  "typescript-operations": typescriptOperations,
  "typed-document-node": typedDocumentNode,
};

const generate = ({ generates, config }: Settings) =>
  codegen({
    filename: "generated.ts",
    schema: parse(printSchema(apiSchemaOf(readSupergraph()))),
    documents: [
      {
        location: "operations.graphql",
        document: { kind: Kind.DOCUMENT, definitions: ourOperations },
      },
    ],
    plugins: (generates["src/generated.ts"]?.plugins ?? []).map((name) => ({
      [name]: {},
    })),
    pluginMap,
    config,
  });
