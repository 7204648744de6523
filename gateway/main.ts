import { EnvironmentReader } from "../common/config.ts";
import { connect, isReachable } from "../common/database.ts";
import { InternalTokenSigner } from "../common/internal-token.ts";
import { Refusals } from "../common/ledger/refusals.ts";
import { createLogger } from "../common/log.ts";
import { runProcess } from "../common/process.ts";
import { createIssuers, readIssuersConfig } from "../issuer/issuers.ts";
import { readMailConfig } from "../mail/config.ts";
import { startMail } from "../mail/mail.ts";
import { Budgets } from "./budgets/budgets.ts";
import { createCounters } from "./budgets/counters.ts";
import { Pace } from "./budgets/pace.ts";
import { readGatewayProcessConfig } from "./config.ts";
import { Forwarder, streamPaths } from "./forward.ts";
import { HttpDataSource } from "./http-data-source.ts";
import { identifyBy } from "./identity.ts";
import { readOperations } from "./known-documents.ts";
import { startGateway } from "./server.ts";
import { followSupergraph, readSupergraph } from "./supergraph.ts";

const usage = `
Usage: npm run start:gateway

Serves the graph of subgraphs that run as processes of their own ("npm run start:subgraph"), until Ctrl-C. It is set by
the environment: ISSUER_DATABASE_URL, MAIL_DATABASE_URL, INTERNAL_TOKEN_SECRET, TENANT_URL, COMMUNITY_URL, STREAM_URL
and the rest are in docs/configuration.md.
`;

// The gateway's library would report this environment to its makers.
process.env["APOLLO_TELEMETRY_DISABLED"] = "1";

await runProcess(async (onStop) => {
  const reader = new EnvironmentReader(process.env);
  const config = reader.done({
    ...readGatewayProcessConfig(reader),
    issuers: readIssuersConfig(reader),
    mail: readMailConfig(reader),
    mailDatabaseUrl: reader.text("MAIL_DATABASE_URL"),
  });
  const log = createLogger("gateway", config.logLevel);

  const { issuerDatabaseUrl, poolSize } = config;
  const db = connect(issuerDatabaseUrl, { name: "issuer", poolSize });
  onStop(() => db.destroy());
  const issuers = await createIssuers({ db, config: config.issuers, log });
  onStop(() => issuers.close());

  const mailDb = connect(config.mailDatabaseUrl, { name: "mail", poolSize });
  onStop(() => mailDb.destroy());
  const mail = startMail({ db: mailDb, config: config.mail, log });
  onStop(() => mail.stop());

  const tokens = new InternalTokenSigner(config.internalTokenSecret);
  const dataSources = new Map(
    (["tenant", "community", "stream"] as const).map((name) => {
      const url = new URL("/graphql", config.subgraphUrls[name]);
      const timeoutMs = config.subgraphTimeoutsMs[name];
      return [name, new HttpDataSource({ name, url, timeoutMs, tokens, log })];
    }),
  );
  for (const dataSource of dataSources.values())
    onStop(() => dataSource.close());

  const forwarder = new Forwarder(config.subgraphUrls.stream, tokens);
  onStop(() => forwarder.close());

  const refusals = new Refusals(db, config.refusalsPerMinute, log);
  onStop(() => refusals.stop());
  const counters = await createCounters(
    config.budgetStore,
    config.budgetLimits.windowSeconds,
    db,
    log,
  );
  onStop(() => counters.stop());
  const server = await startGateway({
    ...config,
    ...readOperations(config),
    supergraphSdl: readSupergraph(config.supergraphFile),
    dataSources,
    subgraphRoutes: Object.fromEntries(
      streamPaths.map((path) => [path, forwarder.handler]),
    ),
    budgets: new Budgets({
      limits: config.budgetLimits,
      pace: new Pace(config.budgetLimits),
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
  onStop(followSupergraph(config.supergraphFile, server.serve, log));
  log.info(`The gateway listens at ${server.url}`);
}, usage);
