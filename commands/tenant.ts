import { readBuiltInIssuer } from "../common/built-in-issuer.ts";
import { EnvironmentReader, StartError } from "../common/config.ts";
import { readPublicUrl } from "../common/public-url.ts";
import { parseEmail } from "../common/text.ts";
import { entitlements } from "../subgraphs/tenant/tenant/entitlements.ts";
import { runCommand } from "./command.ts";
import { asOwner } from "./installation.ts";
import {
  OperatorStore,
  readLimits,
  type ListedTenant,
} from "./operator-store.ts";

const usage = `
Usage: npm run tenant -- found <name> --email <e-mail> [--user-name <name>] [--region <region>]
       npm run tenant -- list
       npm run tenant -- entitle | disentitle <tenant id> <${entitlements.join(" | ")}>
       npm run tenant -- limit <tenant id> <${readLimits.join(" | ")}> <number | usual>

What the operator does with tenants: in the installation that runs with the data directory TRIBUTARY_DATA
(.tributary), or in the database of DATABASE_URL.

  found        a tenant and its first user, who administers it; prints a link by which that user sets a password
  list         every tenant: id, name, number of users and clients, entitlements, limits of reads
  entitle      grants a feature; disentitle takes it back, and deletes nothing
  limit        says what one read of the tenant's identities may ask for; usual: what the installation allows
`;

const options = {
  email: { type: "string" },
  "user-name": { type: "string" },
  region: { type: "string" },
} as const;

type Values = Readonly<Partial<Record<keyof typeof options, string>>>;

type Operation = (operator: OperatorStore) => Promise<void>;

await runCommand(usage, options, async ({ positionals, values }) => {
  const operation = operationFrom(positionals, values);
  await asOwner(process.env, (db) => operation(new OperatorStore(db)));
});

function operationFrom(
  positionals: readonly string[],
  values: Values,
): Operation {
  const [name = "", first = "", second = "", third = ""] = positionals;
  switch (`${name} ${positionals.length - 1}`) {
    case "found 1":
      return found(first, values);
    case "list 0":
      return list;
    case "entitle 2":
      return setEntitlement(first, second, true);
    case "limit 3":
      return setReadLimit(first, second, third);
    case "disentitle 2":
      return setEntitlement(first, second, false);
    default:
      throw new StartError(usage.trim());
  }
}

function found(name: string, { email, region, ...values }: Values): Operation {
  const founderEmail = emailFrom("--email", email);
  const founder = {
    name: values["user-name"] ?? localPart(founderEmail),
    email: founderEmail,
  };
  const reader = new EnvironmentReader(process.env);
  const publicUrl = readPublicUrl(reader);
  const isBuiltInOn = reader.done(readBuiltInIssuer(reader));
  return async (operator) => {
    const { id, link } = await operator.found(
      { name, region, entitlements: [], founder },
      publicUrl,
      isBuiltInOn,
    );
    console.log(`Tenant ${id}`);
    if (!isBuiltInOn)
      console.log(
        `${founder.email} signs in at an issuer of ISSUERS_FILE: name this tenant there.`,
      );
    else
      console.log(
        link === null
          ? `${founder.email} signs in with the password it has.`
          : `${founder.email} sets a password by ${link.url}, until ${link.expiresAt.toISOString()}`,
      );
  };
}

function setEntitlement(
  tenantId: string,
  feature: string,
  granted: boolean,
): Operation {
  const entitlement = entitlements.find((known) => known === feature);
  if (entitlement === undefined)
    throw new StartError(
      `There is no feature ${feature}; there is ${entitlements.join(", ")}.`,
    );
  return async (operator) => {
    await operator.setEntitlement(tenantId, entitlement, granted);
    console.log(granted ? "Granted." : "Taken back.");
  };
}

function setReadLimit(
  tenantId: string,
  name: string,
  value: string,
): Operation {
  const limit = readLimits.find((known) => known === name);
  if (limit === undefined)
    throw new StartError(
      `There is no limit ${name}; there is ${readLimits.join(", ")}.`,
    );
  const number = value === "usual" ? null : Number(value);
  const isFit =
    number === null ||
    (Number.isInteger(number) && number > 0 && number < 2 ** 31);
  if (!isFit)
    throw new StartError(
      `A limit is a whole number above zero, or "usual", not "${value}".`,
    );
  return async (operator) => {
    await operator.setReadLimit(tenantId, limit, number);
    console.log(number === null ? "As usual." : "Set.");
  };
}

async function list(operator: OperatorStore): Promise<void> {
  for (const tenant of await operator.tenants())
    console.log(
      [
        tenant.id,
        tenant.name,
        `${tenant.userCount} users`,
        `${tenant.clientCount} clients`,
        tenant.entitlements.join(", ") || "no entitlements",
        limitsOf(tenant),
      ].join("\t"),
    );
}

function limitsOf({ readLimits: own }: ListedTenant): string {
  const set = readLimits.filter((limit) => own?.[limit] != null);
  return (
    set.map((limit) => `${limit} ${own?.[limit]}`).join(", ") || "usual limits"
  );
}

function required(option: string, value: string | undefined): string {
  if (value) return value;
  throw new StartError(`${option} is missing.\n\n${usage.trim()}`);
}

function emailFrom(option: string, value: string | undefined): string {
  const email = parseEmail(required(option, value));
  if (email === null)
    throw new StartError(
      `${option} must be an e-mail address, not "${value}".`,
    );
  return email;
}

function localPart(email: string): string {
  return email.slice(0, email.indexOf("@"));
}
