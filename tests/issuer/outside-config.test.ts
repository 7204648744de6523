import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { ConfigError, EnvironmentReader } from "../../common/config.ts";
import { readIssuersConfig } from "../../issuer/issuers.ts";
import {
  parseOutsideIssuers,
  readOutsideIssuers,
} from "../../issuer/outside/config.ts";
import { isOfDomains } from "../../issuer/outside/identities.ts";
import { exactEmail } from "../../issuer/outside/tokens.ts";
import { casesOr } from "../support/cases.ts";

const parse = (text: string) =>
  parseOutsideIssuers(text, "issuers.yaml", "https://tributary.example/oidc");

const id = "5b0d1f5e-5bd0-4b4e-8b0e-0d6f3c1f9a11";

test("what a file leaves out is as usual", () => {
  const [issuer] = parse(`
issuers:
  - issuer: https://login.example.com/realms/volute
    audience: https://tributary.example/graphql
    tenants: [${id}]
  `);
  expect(issuer).toEqual({
    issuer: "https://login.example.com/realms/volute",
    audience: "https://tributary.example/graphql",
    algorithms: ["ES256", "RS256"],
    jwksUri: undefined,
    tenants: [id],
    domains: undefined,
    emailClaim: "email",
    emailVerifiedClaim: "email_verified",
    clients: new Map(),
  });
});

test("all of it can be said, in JSON too", () => {
  const issuer = {
    issuer: "https://sts.example.com/tenant/",
    audience: "api://tributary",
    algorithms: ["PS256"],
    jwksUri: "https://keys.example.com/keys",
    tenants: [id],
    domains: ["volute.example"],
    emailClaim: "upn",
    emailVerifiedClaim: "xms_edov",
    clients: { historian: id },
  };
  expect(parse(JSON.stringify({ issuers: [issuer] }))).toEqual([
    {
      ...issuer,
      jwksUri: new URL(issuer.jwksUri),
      clients: new Map([["historian", id]]),
    },
  ]);
});

test("every fault is told with its place", () => {
  const read = () =>
    parse(`
issuers:
  - issuer: http://login.example.com
    algorithms: [HS256]
    tenants: [volute]
    client: {}
  - issuer: https://tributary.example/oidc/
    audience: 7
    jwksUri: file:///etc/passwd
    domains: ["@Volute.example"]
    clients: { historian: ${id} }
  - nonsense
  - issuer: https://login.example.com
    audience: tributary
    algorithms: [none]
    tenants: [${id}]
    clients: { historian: plant }
  - issuer: https://login.example.com
    audience: tributary
    emailClaim: []
extra: 1
`);
  expect(read).toThrow(ConfigError);
  for (const fault of [
    "issuers[0].issuer must be an https URL",
    "issuers[0].audience is missing",
    "issuers[0].algorithms must list some of ES256",
    "issuers[0].tenants must list ids of tenants",
    "issuers[0].client is no setting",
    "issuers[1].issuer is this installation's own",
    "issuers[1].audience must be a text",
    "issuers[1].jwksUri must be an https URL",
    "issuers[1].domains must list domains",
    "issuers[1].clients needs tenants",
    "issuers[2] must be settings",
    "issuers[3].algorithms must list",
    "issuers[3].clients must give ids",
    "issuers[4].issuer stands above already",
    "issuers[4] must name tenants, or domains",
    "issuers[4].emailClaim must be a text",
    "issuers.yaml: extra is no setting",
  ])
    expect(read).toThrow(fault);
});

test.each([
  ["nothing", ""],
  ["an empty list", "issuers: []"],
  ["a text", "issuers"],
  ["a list", "[1]"],
  ["two issuers of one name", "issuers: []\nissuers: []"],
  ["no YAML", "issuers: ["],
])("a file with %s is a fault", (_, text) => {
  expect(() => parse(text)).toThrow(ConfigError);
});

test("a file that is not there is told in a sentence", () => {
  expect(() => readOutsideIssuers("/nowhere/issuers.yaml", "x")).toThrow(
    /Cannot read the issuers in \/nowhere\/issuers\.yaml.*Set ISSUERS_FILE/,
  );
});

test("without any issuer nothing starts", () => {
  const read = (env: Record<string, string>) => {
    const reader = new EnvironmentReader(env);
    return reader.done(readIssuersConfig(reader));
  };
  expect(() => read({ BUILT_IN_ISSUER: "off" })).toThrow(
    /nobody could sign in/,
  );
  expect(
    read({ BUILT_IN_ISSUER: "off", ISSUERS_FILE: "issuers.yaml" }),
  ).toMatchObject({ isBuiltInOn: false, issuersFile: "issuers.yaml" });
  expect(read({})).toMatchObject({ isBuiltInOn: true, issuersFile: undefined });
});

const part = fc.stringMatching(/^[a-z0-9]{1,5}$/);
const domain = fc.array(part, { minLength: 2, maxLength: 3 });

test("an e-mail is of a domain if that is all that follows its @", () => {
  fc.assert(
    fc.property(part, domain, domain, (local, one, other) => {
      const [asked, listed] = [one.join("."), other.join(".")];
      expect(isOfDomains(`${local}@${asked}`, [listed])).toBe(asked === listed);
      expect(isOfDomains(`${local}@${listed}`, [listed])).toBe(true);
      for (const near of [
        `${local}${listed}`,
        `${local}.${listed}`,
        `${listed}.${local}`,
        `${listed}${local}`,
      ])
        expect(isOfDomains(`x@${near}`, [listed])).toBe(false);
    }),
    { numRuns: casesOr(300) },
  );
});

test("an e-mail is taken as it stands, but for the case of its ASCII letters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), domain, (local, parts) => {
      const text = `${local}@${parts.join(".")}`;
      const email = exactEmail(text);
      const sameLetters = text.replace(/[A-Z]/g, (letter) =>
        letter.toLowerCase(),
      );
      expect([null, sameLetters]).toContain(email);
    }),
    { numRuns: casesOr(300) },
  );
});
