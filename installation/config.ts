import { EnvironmentReader, type Environment } from "../common/config.ts";
import { isLoopback } from "../common/http-server.ts";
import { readLedgerConfig } from "../common/ledger/keys.ts";
import { readLogLevel } from "../common/log.ts";
import { readGatewayConfig } from "../gateway/config.ts";
import { readIssuersConfig } from "../issuer/issuers.ts";
import { readMailConfig } from "../mail/config.ts";
import {
  readInvitationConfig,
  readOwnershipDelayHours,
} from "../subgraphs/community/config.ts";
import {
  readFilesPerIdentity,
  readIngestLimits,
  readReadLimits,
  readReadsKeptDays,
} from "../subgraphs/stream/config.ts";
import {
  readSignUpConfig,
  readUserMailsPerDay,
} from "../subgraphs/tenant/config.ts";

export function readConfig(env: Environment) {
  const reader = new EnvironmentReader(env);
  const issuers = readIssuersConfig(reader);
  const issuer = issuers.own;
  const gateway = readGatewayConfig(reader);
  return reader.done({
    gateway,
    issuers,
    ledger: readLedgerConfig(reader),
    mail: readMailConfig(reader),
    publicUrl: issuer.publicUrl,
    isBuiltInOn: issuers.isBuiltInOn,
    signUp: readSignUpConfig(reader),
    userMailsPerDay: readUserMailsPerDay(reader),
    invitations: readInvitationConfig(reader),
    ownershipDelayHours: readOwnershipDelayHours(reader),
    readLimits: readReadLimits(reader),
    filesPerIdentity: readFilesPerIdentity(reader),
    readsKeptDays: readReadsKeptDays(reader),
    ingestLimits: readIngestLimits(reader),
    /** Of the owner role; without it, the PostgreSQL in the data directory serves. */
    databaseUrl: reader.optional("DATABASE_URL"),
    dataDirectory: issuer.dataDirectory,
    /** Whether an empty embedded database gets the demo world: never where others could reach it, nor where nobody could sign in. */
    hasDemo:
      reader.flag("TRIBUTARY_DEMO", true) &&
      issuers.isBuiltInOn &&
      isLoopback(gateway.host),
    /** Connections of each subgraph and of the issuer. */
    poolSize: reader.integer("POOL_SIZE", 10, { min: 1, max: 1000 }),
    logLevel: readLogLevel(reader),
  });
}

export type InstallationConfig = ReturnType<typeof readConfig>;
