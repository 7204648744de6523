import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { createLocalJWKSet } from "jose";
import { EnvironmentReader } from "../../common/config.ts";
import { identifyBy } from "../../gateway/identity.ts";
import { audienceOf, issuerOf, readIssuerConfig } from "../../issuer/config.ts";
import { loadKeys, publicKeys } from "../../issuer/keys.ts";
import { ownTokens } from "../../issuer/own-tokens.ts";

const reader = new EnvironmentReader(process.env);
const config = reader.done(readIssuerConfig(reader));

const identifyCall = identifyBy([
  ownTokens({
    issuer: issuerOf(config),
    audience: audienceOf(config),
    keys: createLocalJWKSet(publicKeys(await loadKeys(config))),
  }),
]);

/** As the product does it: what is compared is what comes after. */
export const identify = (request: IncomingMessage) =>
  identifyCall(request, randomUUID());
