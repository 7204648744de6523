import type { Environment } from "../../common/config.ts";
import type { OnRefusal } from "../../common/ledger/refusals.ts";
import { createLogger, type Logger } from "../../common/log.ts";
import type { Subgraph } from "../../common/schema.ts";
import type { TrustedIssuer } from "../../common/trusted-issuer.ts";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { readConfig } from "../../installation/config.ts";
import { createSubgraphs } from "../../installation/subgraphs.ts";
import type { TestDatabase } from "./database.ts";
import { startTestGraph, type Mode, type TestGraph } from "./gateway.ts";
import { ReadRecorder } from "../../subgraphs/stream/usage/recorder-store.ts";

/** The whole graph over a test's database, spoken to over HTTP. */
export function startGraph(
  database: TestDatabase,
  mode: Mode,
  {
    log = createLogger("test", "silent"),
    onRefusal,
    trusted = [],
    environment = {},
    change = (subgraph) => subgraph,
  }: {
    log?: Logger;
    onRefusal?: OnRefusal;
    trusted?: readonly TrustedIssuer[];
    environment?: Environment;
    /** What is to be otherwise in each subgraph. */
    change?: (subgraph: Subgraph) => Subgraph;
  } = {},
): Promise<TestGraph> {
  const subgraphs = createSubgraphs(
    { connect: (role) => database.as(role) },
    { ...readConfig(environment), publicUrl: new URL("http://127.0.0.1") },
    new ReadRecorder(database.as("stream"), log),
  );
  return startTestGraph({
    mode,
    supergraphSdl: readSupergraph(),
    subgraphs: subgraphs.map(change),
    db: database.as("tenant"),
    log,
    trusted,
    ...(onRefusal && { onRefusal }),
  });
}
