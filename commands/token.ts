import { readBuiltInIssuer } from "../common/built-in-issuer.ts";
import {
  EnvironmentReader,
  StartError,
  type Environment,
} from "../common/config.ts";
import type { Knex } from "../common/database.ts";
import { parseEmail } from "../common/text.ts";
import {
  accountClaims,
  identityClaims,
  signAccessToken,
  type SubjectClaims,
} from "../issuer/access-token.ts";
import { ClientStore } from "../issuer/client-store.ts";
import {
  issuerOf,
  readIssuerConfig,
  type IssuerConfig,
} from "../issuer/config.ts";
import { loadKeys, publicKeys, type IssuerKeys } from "../issuer/keys.ts";
import { PersonStore } from "../issuer/person-store.ts";
import { runCommand } from "./command.ts";
import { asOwner } from "./installation.ts";

const usage = `
Usage: npm run --silent token -- <e-mail or client id> [--tenant <id>]

Prints an access token of the built-in issuer, without anybody signing in; for development only. It works on the
installation that runs with the same settings: TRIBUTARY_DATA or DATABASE_URL, and PUBLIC_URL or HOST and PORT.

  --tenant   for somebody who has a user in several tenants: which one the token is for
`;

await runCommand(
  usage,
  { tenant: { type: "string" } },
  async ({ positionals: [subject, ...rest], values: { tenant } }) => {
    if (!subject || rest.length > 0) throw new StartError(usage.trim());
    console.log(await issueToken(process.env, subject, tenant));
  },
);

async function issueToken(
  env: Environment,
  subject: string,
  tenant: string | undefined,
): Promise<string> {
  if (env["NODE_ENV"] === "production")
    throw new StartError(
      "Tokens without signing in are for development; here NODE_ENV is production. Sign in, or use a client's secret.",
    );
  const reader = new EnvironmentReader(env);
  const isBuiltInOn = readBuiltInIssuer(reader);
  const config = reader.done(readIssuerConfig(reader));
  if (!isBuiltInOn)
    throw new StartError(
      "BUILT_IN_ISSUER is off, so no token of its own is believed. Get one from an issuer of ISSUERS_FILE.",
    );
  const claims = await asOwner(env, (db) =>
    subject.includes("@")
      ? claimsOfPerson(db, subject, tenant)
      : claimsOfClient(db, subject),
  );
  const keys = await loadKeys(config);
  if (!(await isUsedBy(config, keys)))
    console.error(
      `No Tributary answers at ${config.publicUrl.href} that would take this token. Set PUBLIC_URL (or HOST and PORT) and OIDC_KEYS as for the one that runs.`,
    );
  return signAccessToken(config, keys, claims);
}

async function claimsOfPerson(
  db: Knex,
  text: string,
  tenant: string | undefined,
): Promise<SubjectClaims> {
  const email = parseEmail(text);
  if (!email) throw new StartError(`"${text}" is no e-mail address.`);
  const persons = new PersonStore(db);
  const memberships = await persons.memberships(email);
  const wanted = memberships.filter(
    ({ tenantId }) => tenant === undefined || tenantId === tenant,
  );
  const [only, another] = wanted;
  if (only && !another) return identityClaims(only);
  if (memberships.length > 0)
    throw new StartError(
      [
        tenant === undefined
          ? `${email} has users in several tenants. Choose one by --tenant:`
          : `${email} has no user in tenant ${tenant}; it has in:`,
        ...memberships.map(
          ({ tenantId, tenantName }) => `  ${tenantId}  ${tenantName}`,
        ),
      ].join("\n"),
    );
  const person = await persons.findByEmail(email);
  if (!person || tenant !== undefined)
    throw new StartError(
      person
        ? `${email} has no user in any tenant. Leave out --tenant.`
        : `Nobody here has the e-mail ${email}.`,
    );
  const { uuid, name } = person;
  return accountClaims({
    person: uuid,
    ...{ email, name },
    ...{ identity: null, tenantId: null },
  });
}

async function claimsOfClient(
  db: Knex,
  clientId: string,
): Promise<SubjectClaims> {
  const identity = await new ClientStore(db).identityOf(clientId);
  if (!identity)
    throw new StartError(
      `No client that may sign in has the id ${clientId}. For a person, give the e-mail.`,
    );
  return identityClaims(identity);
}

/** Whether the server at the public URL has these keys. */
async function isUsedBy(
  config: IssuerConfig,
  keys: IssuerKeys,
): Promise<boolean> {
  try {
    const answer = await fetch(`${issuerOf(config)}/jwks`, {
      signal: AbortSignal.timeout(3000),
    });
    const published = (await answer.json()) as { keys: { kid?: string }[] };
    const [ours] = publicKeys(keys).keys;
    return published.keys.some(({ kid }) => kid === ours?.kid);
  } catch {
    return false;
  }
}
