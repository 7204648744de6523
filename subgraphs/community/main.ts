import { connect } from "../../common/database.ts";
import { headSigner, loadLedgerKeys } from "../../common/ledger/keys.ts";
import { startSealer } from "../../common/ledger/sealer.ts";
import { createLogger } from "../../common/log.ts";
import { runProcess } from "../../common/process.ts";
import { startSubgraph } from "../../common/subgraph.ts";
import { readConfig } from "./config.ts";
import { keepOwnership } from "./ownership/transfer-store.ts";
import { createContext } from "./context.ts";
import { schema } from "./schema.ts";

await runProcess(async (onStop) => {
  const config = readConfig(process.env);
  const log = createLogger("community", config.logLevel);
  const db = connect(config.databaseUrl, {
    name: "community",
    poolSize: config.poolSize,
  });
  onStop(() => db.destroy());
  const sign = await headSigner(await loadLedgerKeys(config.ledger));
  onStop(keepOwnership(db, log));
  onStop(startSealer(db, sign, log));
  const subgraph = {
    name: "community",
    schema,
    createContext: createContext(db, config),
  };
  const server = await startSubgraph({ ...config, subgraph, db, log });
  onStop(() => server.stop());
  log.info(`The community subgraph listens at ${server.url}`);
});
