import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import composition from "@apollo/composition";
import { GraphQLError, parse, Source } from "graphql";
import { parse as parseYaml } from "yaml";
import { StartError } from "../common/config.ts";
import { runCommand } from "./command.ts";

const usage = `
Usage: npm run compose [-- --check]

Composes the subgraphs that rover.yaml names into schema/supergraph.graphql, which the gateway serves.

  --check   writes nothing; fails if the file is not what the subgraphs compose to
`;

const supergraphFile = "schema/supergraph.graphql";

interface RoverConfig {
  subgraphs: Record<string, { routing_url: string; schema: { file: string } }>;
}

function compose(): string {
  const { subgraphs } = parseYaml(read("rover.yaml")) as RoverConfig;
  const { errors, supergraphSdl } = composition.composeServices(
    Object.entries(subgraphs).map(([name, { routing_url, schema }]) => ({
      name,
      url: routing_url,
      typeDefs: parseSchema(schema.file),
    })),
  );
  if (errors) throw new StartError(explain(errors));
  return `${supergraphSdl.trimEnd()}\n`;
}

function parseSchema(file: string) {
  try {
    return parse(new Source(read(file), file));
  } catch (error) {
    throw error instanceof GraphQLError ? new StartError(`${error}`) : error;
  }
}

/** graphql's own text of an error quotes the lines that are meant. */
function explain(errors: readonly GraphQLError[]): string {
  return ["The subgraphs do not compose.", ...errors.map(String)].join("\n\n");
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StartError(`Cannot read ${file}: ${(error as Error).message}`);
  }
}

await runCommand(
  usage,
  { check: { type: "boolean", default: false } },
  ({ values: { check } }) => {
    const supergraph = compose();
    if (!check) {
      mkdirSync("schema", { recursive: true });
      writeFileSync(supergraphFile, supergraph);
    } else if (read(supergraphFile) !== supergraph)
      throw new StartError(
        `${supergraphFile} is not what the subgraphs compose to. Run "npm run compose" and commit it.`,
      );
  },
);
