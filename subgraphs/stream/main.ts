import { connect } from "../../common/database.ts";
import { createLogger } from "../../common/log.ts";
import { runProcess } from "../../common/process.ts";
import { startSubgraph } from "../../common/subgraph.ts";
import { readConfig } from "./config.ts";
import { createContext } from "./context.ts";
import { keepEvents } from "./event/upkeep-store.ts";
import { routes } from "./routes.ts";
import { schema } from "./schema.ts";
import { ReadRecorder } from "./usage/recorder-store.ts";
import { keepReads } from "./usage/retention-store.ts";

await runProcess(async (onStop) => {
  const config = readConfig(process.env);
  const log = createLogger("stream", config.logLevel);
  const db = connect(config.databaseUrl, {
    name: "stream",
    poolSize: config.poolSize,
  });
  onStop(() => db.destroy());
  onStop(keepEvents(db, log));
  onStop(keepReads(db, log, config.readsKeptDays));
  const recorder = new ReadRecorder(db, log);
  onStop(() => recorder.write());
  const contextOf = createContext(db, recorder, config.readLimits);
  const subgraph = {
    name: "stream",
    schema,
    createContext: contextOf,
    routes: routes(contextOf, config),
  };
  const server = await startSubgraph({ ...config, subgraph, db, log });
  onStop(() => server.stop());
  log.info(`The stream subgraph listens at ${server.url}`);
});
