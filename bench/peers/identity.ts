import { createLocalJWKSet } from "jose";
import { EnvironmentReader } from "../../common/config.ts";
import { identifyBy } from "../../gateway/identity.ts";
import { audienceOf, issuerOf, readIssuerConfig } from "../../issuer/config.ts";
import { loadKeys, publicKeys } from "../../issuer/keys.ts";

const reader = new EnvironmentReader(process.env);
const config = reader.done(readIssuerConfig(reader));

/** As the product does it: what is compared is what comes after. */
export const identify = identifyBy({
  issuer: issuerOf(config),
  audience: audienceOf(config),
  keys: createLocalJWKSet(publicKeys(await loadKeys(config))),
});
