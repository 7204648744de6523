import { printSchema } from "graphql";
import { writeFileSync } from "node:fs";
import { StartError } from "../common/config.ts";
import { apiSchemaOf } from "../gateway/api-schema.ts";
import { runCommand } from "./command.ts";
import { compose, read } from "./compose/compose.ts";
import {
  entries,
  noneAcknowledged,
  readAcknowledged,
} from "./contract/acknowledged.ts";
import { compare, type Change } from "./contract/compare.ts";

const usage = `
Usage: npm run contract [-- --json | --release]

Compares the API that the subgraphs compose to with the one that clients were promised, schema/api.graphql. Fails on
changes that break clients, unless schema/acknowledged.yaml names each, and on what is named there and is no such change.
Dangerous changes are told.

  --json      prints the changes as JSON
  --release   makes the API as it is the promise from now on: writes schema/api.graphql and empties
              schema/acknowledged.yaml; refuses what is refused without it
`;

const promisedFile = "schema/api.graphql";
const acknowledgedFile = "schema/acknowledged.yaml";

const composedApi = () => `${printSchema(apiSchemaOf(compose()))}\n`;

function tell(title: string, changes: readonly Change[]): string[] {
  if (changes.length === 0) return [];
  const lines = changes.map(({ change, line, advice }) =>
    `  ${change}\n    ${promisedFile}:${line}  ${advice}`.trimEnd(),
  );
  return [[title, ...lines].join("\n")];
}

/** What to do about them. */
function explain(refused: readonly Change[]): string {
  const date = new Date().toISOString().slice(0, 10);
  return `Undo them: leave the old beside the new, marked @deprecated. If it is decided that clients have to follow, say why in
${acknowledgedFile}, in these words:

${entries(refused.map(({ change }) => ({ change, reason: "", date })))}`.trimEnd();
}

await runCommand(
  usage,
  {
    json: { type: "boolean", default: false },
    release: { type: "boolean", default: false },
  },
  async ({ values: { json, release } }) => {
    const api = composedApi();
    const changes = await compare(read(promisedFile), api);
    const acknowledged = new Set(
      readAcknowledged(acknowledgedFile, read(acknowledgedFile)).map(
        ({ change }) => change,
      ),
    );
    const refused = changes.breaking.filter(
      ({ change }) => !acknowledged.has(change),
    );
    for (const { change } of changes.breaking) acknowledged.delete(change);
    const stale = [...acknowledged];
    if (json) console.log(JSON.stringify({ ...changes, refused, stale }));
    else {
      for (const part of tell("Dangerous:", changes.dangerous))
        console.log(`${part}\n`);
      console.log(
        `Since ${promisedFile}: ${changes.breaking.length} breaking, ${changes.dangerous.length} dangerous and ${changes.harmlessCount} other changes.`,
      );
    }
    if (refused.length > 0 || stale.length > 0)
      throw new StartError(
        [
          ...tell("These changes break clients:", refused),
          ...(refused.length > 0 ? [explain(refused)] : []),
          ...stale.map(
            (change) =>
              `${acknowledgedFile} names a change that is none: "${change}". Delete it there.`,
          ),
        ].join("\n\n"),
      );
    if (!release) return;
    writeFileSync(promisedFile, api);
    writeFileSync(acknowledgedFile, noneAcknowledged);
  },
);
