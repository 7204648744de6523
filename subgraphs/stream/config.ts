import { EnvironmentReader, type Environment } from "../../common/config.ts";
import { readSubgraphConfig } from "../../common/subgraph.ts";

export function readConfig(env: Environment) {
  const reader = new EnvironmentReader(env);
  return reader.done(readSubgraphConfig(reader, "stream", 4003));
}
