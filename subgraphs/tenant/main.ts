import { connect } from "../../common/database.ts";
import { createLogger } from "../../common/log.ts";
import { runProcess } from "../../common/process.ts";
import { startSubgraph } from "../../common/subgraph.ts";
import { readConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { schema } from "./schema.ts";

await runProcess(async (onStop) => {
  const config = readConfig(process.env);
  const log = createLogger("tenant", config.logLevel);
  const db = connect(config.databaseUrl, {
    name: "tenant",
    poolSize: config.poolSize,
  });
  onStop(() => db.destroy());
  const subgraph = {
    name: "tenant",
    schema,
    createContext: createContext(db, config),
  };
  const server = await startSubgraph({ ...config, subgraph, db, log });
  onStop(() => server.stop());
  log.info(`The tenant subgraph listens at ${server.url}`);
});
