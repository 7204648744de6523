import { mkdirSync, writeFileSync } from "node:fs";
import { StartError } from "../common/config.ts";
import { runCommand } from "./command.ts";
import { compose, read } from "./compose/compose.ts";

const usage = `
Usage: npm run compose [-- --check]

Composes the subgraphs that rover.yaml names into schema/supergraph.graphql, which the gateway serves.

  --check   writes nothing; fails if the file is not what the subgraphs compose to
`;

const supergraphFile = "schema/supergraph.graphql";

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
