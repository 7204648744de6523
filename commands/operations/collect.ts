import {
  GraphQLError,
  Kind,
  parse,
  print,
  Source,
  validate,
  visit,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../../common/config.ts";
import { hashOf } from "../../gateway/persisted-operations.ts";
import type { ListedOperation } from "../../gateway/safelist.ts";

/** The operations in these files and folders, each with its fragments, which may be in others of them; by name. */
export function collectOperations(
  paths: readonly string[],
  schema: GraphQLSchema,
): ListedOperation[] {
  const definitions = paths
    .flatMap(filesAt)
    .flatMap((path) => parsed(path).definitions);
  const fragments = named(
    definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION),
  ) as Map<string, FragmentDefinitionNode>;
  const operations = named(
    definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION),
  ) as Map<string, OperationDefinitionNode>;
  return [...operations]
    .map(([name, operation]) => {
      const document = withFragments(operation, fragments);
      const faults = validate(schema, document);
      if (faults.length > 0) throw told(faults);
      const body = print(document);
      return { id: hashOf(body), name, type: operation.operation, body };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function filesAt(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(graphql|gql)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch (error) {
    throw new StartError(`Cannot read ${path}: ${(error as Error).message}.`);
  }
}

function parsed(path: string): DocumentNode {
  try {
    return parse(new Source(readFileSync(path, "utf8"), path));
  } catch (error) {
    if (error instanceof GraphQLError) throw told([error]);
    throw new StartError(`Cannot read ${path}: ${(error as Error).message}.`);
  }
}

type Named = DocumentNode["definitions"][number];

function named(definitions: readonly Named[]): Map<string, Named> {
  const byName = new Map<string, Named>();
  for (const definition of definitions) {
    const name = "name" in definition ? definition.name?.value : undefined;
    if (name === undefined)
      throw told([
        new GraphQLError("Name this operation: the list tells it by name.", {
          nodes: definition,
        }),
      ]);
    const other = byName.get(name);
    if (other && print(other) !== print(definition))
      throw told([
        new GraphQLError(`There are two different ${name}. Rename one.`, {
          nodes: [other, definition],
        }),
      ]);
    byName.set(name, definition);
  }
  return byName;
}

function withFragments(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): DocumentNode {
  const used = new Set<FragmentDefinitionNode>();
  const collect = (node: OperationDefinitionNode | FragmentDefinitionNode) => {
    visit(node, {
      FragmentSpread({ name }) {
        const fragment = fragments.get(name.value);
        // Validation tells of one that is missing.
        if (!fragment || used.has(fragment)) return;
        used.add(fragment);
        collect(fragment);
      },
    });
  };
  collect(operation);
  return { kind: Kind.DOCUMENT, definitions: [operation, ...used] };
}

/** By their places: file, line and column. */
const told = (faults: readonly GraphQLError[]) =>
  new StartError(faults.map(String).join("\n\n"));
