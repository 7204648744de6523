import { writeFileSync } from "node:fs";
import { StartError } from "../common/config.ts";
import { apiSchemaOf } from "../gateway/api-schema.ts";
import { manifestOf } from "../gateway/safelist.ts";
import { readSupergraph } from "../gateway/supergraph.ts";
import { runCommand } from "./command.ts";
import { collectOperations } from "./operations/collect.ts";

const usage = `
Usage: npm run operations -- <file or folder>... [--to <file>]

Collects the operations of front ends from .graphql and .gql files into the list that OPERATIONS_FILE names: a gateway
that has one serves these operations and no others. Each is checked against the graph, and has a name of its own;
fragments may be in other files. Clients send an operation by its id, the SHA-256 of its text, or by the text.

  --to <file>   where the list goes (operations.json)
`;

await runCommand(
  usage,
  { to: { type: "string", default: "operations.json" } },
  ({ positionals, values: { to } }) => {
    if (positionals.length === 0) throw new StartError(usage.trim());
    const schema = apiSchemaOf(readSupergraph());
    const operations = collectOperations(positionals, schema);
    if (operations.length === 0)
      throw new StartError(
        `There are no operations in ${positionals.join(", ")}.`,
      );
    writeFileSync(to, `${JSON.stringify(manifestOf(operations), null, 2)}\n`);
    const count = operations.length;
    console.log(`Listed ${count} operation${count === 1 ? "" : "s"} in ${to}.`);
  },
);
