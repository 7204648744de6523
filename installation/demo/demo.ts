import { existsSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentReader } from "../../common/config.ts";
import { readInvitationConfig } from "../../subgraphs/community/config.ts";
import type { InstallationConfig } from "../config.ts";
import type { Database } from "../database.ts";
import { createSubgraphs } from "../subgraphs.ts";
import { buildDemo } from "./build.ts";
import { empty, forgetMails, isEmpty } from "./demo-store.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";

/**
 * Makes the demo world in an empty installation and writes `demo.json` beside its database; answers where that is, or
 * undefined if the installation has no demo world. One that a killed start left half made is cleared away first.
 */
export async function ensureDemo(
  config: InstallationConfig,
  database: Database,
): Promise<string | undefined> {
  const { dataDirectory, publicUrl } = config;
  const file = join(dataDirectory, "demo.json");
  const unfinished = join(dataDirectory, "demo.unfinished");
  const owner = database.connect("owner");
  if (existsSync(unfinished)) await empty(owner);
  else if (!(await isEmpty(owner))) return existsSync(file) ? file : undefined;

  await writeFile(unfinished, "");
  console.log("Making the demo world:");
  const world = await buildDemo({
    owner,
    issuer: database.connect("issuer"),
    // Its companies invite each other, whatever the operator limits that to.
    subgraphs: createSubgraphs(
      database,
      {
        ...config,
        invitations: readInvitationConfig(new EnvironmentReader({})),
      },
      unrecorded,
    ),
    publicUrl,
    progress: (step) => console.log(`  ${step}`),
  });
  await forgetMails(owner);
  await writeSecretly(file, {
    graphql: new URL("/graphql", publicUrl).href,
    tokenEndpoint: new URL("/oidc/token", publicUrl).href,
    ...world,
  });
  await rm(unfinished);
  return file;
}

/** Whole or not at all, and for the account that runs the installation alone. */
async function writeSecretly(file: string, content: unknown): Promise<void> {
  const draft = `${file}.new`;
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, {
    mode: 0o600,
  });
  await rename(draft, file);
}

/** How a newcomer enters the demo world. */
export const invitation = (file: string) => `
The demo world: four companies, two communities. Who is in it, with passwords and secrets: ${file}
An access token for one of them:  npm run --silent token -- ada@volute.example
A tour of all that can be done, step by step:  examples/README.md
`;
