import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { ConfigError, StartError } from "../../common/config.ts";
import { isLoopback } from "../../common/http-server.ts";
import { isUuid } from "../../common/page.ts";

/** An issuer of somebody else whose access tokens are believed, and for whom. */
export interface OutsideIssuer {
  /** `iss` of its tokens, to the letter. */
  readonly issuer: string;
  /** `aud` of the tokens that are meant for this installation. */
  readonly audience: string;
  /** What its keys sign with; never a shared secret. */
  readonly algorithms: readonly string[];
  /** Where its keys are; without it, its discovery document says so. */
  readonly jwksUri: URL | undefined;
  /** Of these tenants alone are those whom it speaks for, if there is a list. */
  readonly tenants: readonly string[] | undefined;
  /** Likewise of users: those with an e-mail of these domains. */
  readonly domains: readonly string[] | undefined;
  readonly emailClaim: string;
  readonly emailVerifiedClaim: string;
  /** The clients, by their identity's id, that subjects of the issuer act as. */
  readonly clients: ReadonlyMap<string, string>;
}

const asymmetric = [
  ...["ES256", "ES384", "ES512", "RS256", "RS384", "RS512"],
  ...["PS256", "PS384", "PS512", "EdDSA"],
];

const settings = [
  ...["issuer", "audience", "algorithms", "jwksUri", "tenants", "domains"],
  ...["emailClaim", "emailVerifiedClaim", "clients"],
];

/** The issuers that a file lists; every fault of it at once. */
export function readOutsideIssuers(
  path: string,
  ownIssuer: string,
): OutsideIssuer[] {
  return parseOutsideIssuers(readText(path), path, ownIssuer);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new StartError(
      `Cannot read the issuers in ${path}: ${(cause as Error).message}. Set ISSUERS_FILE to a file that lists them, or leave it out.`,
      { cause },
    );
  }
}

export function parseOutsideIssuers(
  text: string,
  path: string,
  ownIssuer: string,
): OutsideIssuer[] {
  const faults: string[] = [];
  const fault = (place: string, what: string) =>
    faults.push(`${path}: ${place} ${what}.`);
  const entries = entriesOf(text, fault);
  const issuers = entries.map((entry, index) =>
    readIssuer(new Section(entry, `issuers[${index}]`, fault)),
  );
  const names = issuers.map(({ issuer }) => issuer);
  for (const [index, name] of names.entries()) {
    if (name === "") continue;
    if (name.replace(/\/$/, "") === ownIssuer)
      fault(
        `issuers[${index}].issuer`,
        "is this installation's own; BUILT_IN_ISSUER says whether that is trusted",
      );
    if (names.indexOf(name) < index)
      fault(`issuers[${index}].issuer`, "stands above already: list it once");
  }
  if (faults.length > 0) throw new ConfigError(faults);
  return issuers;
}

type Fault = (place: string, what: string) => void;

function entriesOf(text: string, fault: Fault): unknown[] {
  try {
    const { issuers, ...others } = Object(parse(text)) as {
      issuers?: unknown;
    };
    for (const name of Object.keys(others)) fault(name, "is no setting");
    if (Array.isArray(issuers) && issuers.length > 0) return issuers;
    fault("issuers", "must list one issuer or more");
  } catch (error) {
    fault("it", `is no YAML: ${(error as Error).message.split("\n")[0]}`);
  }
  return [];
}

function readIssuer(section: Section): OutsideIssuer {
  section.refuseOthers(settings);
  const tenants = section.optionalList("tenants", "ids of tenants", isUuid);
  const domains = section.optionalList(
    "domains",
    "domains like example.com, in lower case and without @",
    isDomain,
  );
  if (!tenants && !domains)
    section.fault("", "must name tenants, or domains of e-mails, or both");
  const clients = section.clients("clients");
  if (clients.size > 0 && !tenants)
    section.fault("clients", "needs tenants: clients have no e-mail");
  return {
    issuer: section.text("issuer", isIssuer, issuerForm),
    audience: section.text("audience", () => true, "a text"),
    algorithms: section.optionalList(
      "algorithms",
      `some of ${asymmetric.join(", ")}`,
      (name) => asymmetric.includes(name),
    ) ?? ["ES256", "RS256"],
    jwksUri: section.optionalUrl("jwksUri"),
    tenants,
    domains,
    emailClaim: section.text("emailClaim", () => true, "a text", "email"),
    emailVerifiedClaim: section.text(
      "emailVerifiedClaim",
      () => true,
      "a text",
      "email_verified",
    ),
    clients,
  };
}

/** One entry of the file. */
class Section {
  private readonly values: Readonly<Record<string, unknown>>;

  constructor(
    entry: unknown,
    private readonly place: string,
    private readonly tell: Fault,
  ) {
    const isSection =
      typeof entry === "object" && entry !== null && !Array.isArray(entry);
    if (!isSection) tell(place, "must be settings with their values");
    this.values = isSection ? (entry as Record<string, unknown>) : {};
  }

  fault(name: string, what: string): void {
    this.tell(name === "" ? this.place : `${this.place}.${name}`, what);
  }

  refuseOthers(known: readonly string[]): void {
    for (const name of Object.keys(this.values))
      if (!known.includes(name)) this.fault(name, "is no setting");
  }

  text(
    name: string,
    isGood: (text: string) => boolean,
    form: string,
    fallback?: string,
  ): string {
    const value = this.values[name] ?? fallback;
    if (typeof value === "string" && value !== "" && isGood(value))
      return value;
    this.fault(name, value === undefined ? "is missing" : `must be ${form}`);
    return "";
  }

  optionalUrl(name: string): URL | undefined {
    if (this.values[name] === undefined) return undefined;
    const text = this.text(name, isSafeUrl, "an https URL");
    return text === "" ? undefined : new URL(text);
  }

  optionalList(
    name: string,
    form: string,
    isGood: (text: string) => boolean,
  ): readonly string[] | undefined {
    const value = this.values[name];
    if (value === undefined) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [];
    if (list.length > 0 && list.every(isGoodText(isGood))) return list;
    this.fault(name, `must list ${form}`);
    return [];
  }

  clients(name: string): ReadonlyMap<string, string> {
    const value = this.values[name] ?? {};
    const entries = Object.entries(Object(value) as object);
    const isMap = typeof value === "object" && !Array.isArray(value);
    const isGood = isGoodText(isUuid);
    if (!isMap || !entries.every(([, identity]) => isGood(identity)))
      this.fault(
        name,
        "must give ids of clients' identities by subjects of the issuer",
      );
    return new Map(entries as [string, string][]);
  }
}

const isGoodText =
  (isGood: (text: string) => boolean) =>
  (value: unknown): value is string =>
    typeof value === "string" && isGood(value);

const issuerForm =
  "an https URL without query and fragment, to the letter as it stands in tokens; http on loopback alone";

const isIssuer = (text: string) => isSafeUrl(text) && !/[?#]/.test(text);

function isSafeUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return (
    (protocol === "https:" || (protocol === "http:" && isLoopback(hostname))) &&
    username + password === ""
  );
}

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const domainPattern = new RegExp(`^${label}(?:\\.${label})+$`);
const isDomain = (text: string) => domainPattern.test(text);
