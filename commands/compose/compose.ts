import { readFileSync } from "node:fs";
import composition from "@apollo/composition";
import { GraphQLError, parse, Source } from "graphql";
import { parse as parseYaml } from "yaml";
import { StartError } from "../../common/config.ts";

interface RoverConfig {
  subgraphs: Record<string, { routing_url: string; schema: { file: string } }>;
}

/** The supergraph of the subgraphs that rover.yaml names. */
export function compose(): string {
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

export function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new StartError(`Cannot read ${file}: ${(error as Error).message}`);
  }
}
