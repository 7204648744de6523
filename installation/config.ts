import { EnvironmentReader, type Environment } from "../common/config.ts";
import { readLogLevel } from "../common/log.ts";
import { readGatewayConfig } from "../gateway/config.ts";
import { readIssuerConfig } from "../issuer/config.ts";
import { readSignUpConfig } from "../subgraphs/tenant/config.ts";

export function readConfig(env: Environment) {
  const reader = new EnvironmentReader(env);
  const issuer = readIssuerConfig(reader);
  return reader.done({
    gateway: readGatewayConfig(reader),
    issuer,
    publicUrl: issuer.publicUrl,
    signUp: readSignUpConfig(reader),
    /** Of the owner role; without it, the PostgreSQL in the data directory serves. */
    databaseUrl: reader.optional("DATABASE_URL"),
    dataDirectory: issuer.dataDirectory,
    /** Connections of each subgraph and of the issuer. */
    poolSize: reader.integer("POOL_SIZE", 10, { min: 1, max: 1000 }),
    logLevel: readLogLevel(reader),
  });
}

export type InstallationConfig = ReturnType<typeof readConfig>;
