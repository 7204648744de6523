import type { Environment } from "../../common/config.ts";
<<<<<<< HEAD
import type { OnRefusal } from "../../common/ledger/refusals.ts";
=======
>>>>>>> 76715ab (Let histories invite, join, and wait to be approved)
import { createLogger, type Logger } from "../../common/log.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { readConfig } from "../../installation/config.ts";
import { createSubgraphs } from "../../installation/subgraphs.ts";
import type { TestDatabase } from "./database.ts";
import { startTestGraph, type Mode, type TestGraph } from "./gateway.ts";

/** The whole graph over a test's database, spoken to over HTTP. */
export function startGraph(
  database: TestDatabase,
  mode: Mode,
<<<<<<< HEAD
  {
    log = createLogger("test", "silent"),
    onRefusal,
    environment = {},
  }: { log?: Logger; onRefusal?: OnRefusal; environment?: Environment } = {},
): Promise<TestGraph> {
  const subgraphs = createSubgraphs(
    { connect: (role) => database.as(role) },
    { ...readConfig(environment), publicUrl: new URL("http://127.0.0.1") },
=======
  log: Logger = createLogger("test", "silent"),
  settings: Environment = {},
): Promise<TestGraph> {
  const subgraphs = createSubgraphs(
    { connect: (role) => database.as(role) },
    { ...readConfig(settings), publicUrl: new URL("http://127.0.0.1") },
>>>>>>> 76715ab (Let histories invite, join, and wait to be approved)
  );
  return startTestGraph({
    mode,
    supergraphSdl: readSupergraph(),
    subgraphs,
    db: database.as("tenant"),
    log,
    ...(onRefusal && { onRefusal }),
  });
}
