import type { CallRoutes } from "../common/call-handler.ts";
import { isReachable } from "../common/database.ts";
import { headSigner, loadLedgerKeys } from "../common/ledger/keys.ts";
import { startSealer } from "../common/ledger/sealer.ts";
import { Refusals } from "../common/ledger/refusals.ts";
import { createLogger } from "../common/log.ts";
import { runProcess } from "../common/process.ts";
import { Budgets } from "../gateway/budgets/budgets.ts";
import { createCounters } from "../gateway/budgets/counters.ts";
import { Pace } from "../gateway/budgets/pace.ts";
import { identifyBy } from "../gateway/identity.ts";
import { readOperations } from "../gateway/known-documents.ts";
import { LocalDataSource } from "../gateway/local-data-source.ts";
import { startGateway } from "../gateway/server.ts";
import { readSupergraph } from "../gateway/supergraph.ts";
import { createIssuers } from "../issuer/issuers.ts";
import { keepEvents } from "../subgraphs/stream/event/upkeep-store.ts";
import { ReadRecorder } from "../subgraphs/stream/usage/recorder-store.ts";
import { keepReads } from "../subgraphs/stream/usage/retention-store.ts";
import { keepOwnership } from "../subgraphs/community/ownership/transfer-store.ts";
import { startMail } from "../mail/mail.ts";
import { readConfig } from "./config.ts";
import { openDatabase } from "./database.ts";
import { ensureDemo, invitation } from "./demo/demo.ts";
import { createSubgraphs } from "./subgraphs.ts";

const usage = `
Usage: npm start

Serves the whole graph from one process, on the PostgreSQL that it runs itself or on that of DATABASE_URL, until
Ctrl-C. It is set by the environment: PORT, HOST, TRIBUTARY_DATA, TRIBUTARY_DEMO and the rest are in
docs/configuration.md.
`;

// The gateway's library would report this environment to its makers.
process.env["APOLLO_TELEMETRY_DISABLED"] = "1";

await runProcess(async (onStop) => {
  const config = readConfig(process.env);
  const log = createLogger("tributary", config.logLevel);
  const database = await openDatabase(config, log, onStop);

  const db = database.connect("issuer");
  const issuers = await createIssuers({ db, config: config.issuers, log });
  onStop(() => issuers.close());

  const recorder = new ReadRecorder(database.connect("stream"), log);
  const subgraphs = createSubgraphs(database, config, recorder);
  const demo =
    config.hasDemo && database.isEmbedded
      ? await ensureDemo(config, database)
      : undefined;

  const mail = startMail({
    db: database.connect("mail"),
    config: config.mail,
    log,
  });
  onStop(() => mail.stop());
  onStop(keepEvents(database.connect("stream"), log));
  onStop(keepReads(database.connect("stream"), log, config.readsKeptDays));
  const sign = await headSigner(await loadLedgerKeys(config.ledger));
  onStop(keepOwnership(database.connect("community"), log));
  onStop(startSealer(database.connect("community"), sign, log));
  // Before the sealer, which then seals the last of them too.
  onStop(() => recorder.write());
  const dataSources = new Map(
    subgraphs.map((subgraph) => [
      subgraph.name,
      new LocalDataSource(subgraph, log),
    ]),
  );
  const refusals = new Refusals(db, config.gateway.refusalsPerMinute, log);
  onStop(() => refusals.stop());
  const counters = await createCounters(
    config.gateway.budgetStore,
    config.gateway.budgetLimits.windowSeconds,
    db,
    log,
  );
  onStop(() => counters.stop());
  const server = await startGateway({
    ...config.gateway,
    ...readOperations(config.gateway),
    supergraphSdl: readSupergraph(),
    dataSources,
    subgraphRoutes: Object.assign(
      {},
      ...subgraphs.map(({ routes }) => routes),
    ) as CallRoutes,
    budgets: new Budgets({
      limits: config.gateway.budgetLimits,
      pace: new Pace(config.gateway.budgetLimits),
      counters,
      identify: identifyBy(issuers.trusted),
      trustProxy: config.issuers.own.trustProxy,
    }),
    isBuiltInOn: config.issuers.isBuiltInOn,
    oidc: issuers.handler,
    onRefusal: refusals.note,
    mailbox: mail.mailbox,
    isReady: () => isReachable(db),
    log,
  });
  onStop(() => server.stop());
  const mailbox = mail.mailbox
    ? `  ${config.publicUrl.href}dev/mail  the e-mails, for no mail server is set\n`
    : "";
  const signIn = config.issuers.isBuiltInOn
    ? "oidc      the issuer of access tokens"
    : "oidc      nobody signs in there: access tokens come from the issuers of ISSUERS_FILE";
  console.log(`
Tributary listens at ${server.url}

  ${config.publicUrl.href}          explorer
  ${config.publicUrl.href}graphql   the graph
  ${config.publicUrl.href}${signIn}
${mailbox}${demo ? invitation(demo) : ""}`);
}, usage);
