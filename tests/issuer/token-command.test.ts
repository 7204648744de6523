import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import { TestIssuer } from "../support/issuer.ts";
import { Seed } from "../support/seed.ts";

let database: TestDatabase;
let seed: Seed;
let issuer: TestIssuer;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  issuer = await TestIssuer.start(database);
});
afterAll(async () => {
  await issuer.stop();
  await database.drop();
});

/** `npm run token` as an operator types it, with the settings of the issuer that runs. */
async function token(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = [
    "--import",
    "./common/typescript/register.js",
    "commands/token.ts",
    ...args,
  ];
  const settings = {
    DATABASE_URL: database.url,
    TRIBUTARY_DATA: issuer.dataDirectory,
    PUBLIC_URL: issuer.origin,
    ...env,
  };
  return promisify(execFile)(process.execPath, command, { env: settings }).then(
    (output) => ({ code: 0, ...output }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

test("a user's token says what a sign-in's does", async () => {
  const email = await issuer.person("one@example.com");
  await seed.user(await seed.tenant(), [], email);
  const { code, stdout, stderr } = await token(["ONE@example.com"]);
  expect([code, stderr]).toEqual([0, ""]);
  const claims = await issuer.claims(stdout.trim());
  const signedIn = await issuer.claimsOf(email);
  expect(Object.keys(claims).sort()).toEqual(Object.keys(signedIn).sort());
  expect(claims).toMatchObject({
    sub: signedIn.sub,
    identity: signedIn["identity"],
    tenant: signedIn["tenant"],
  });
});

test("a client and a person without a tenant get one too", async () => {
  const client = await seed.client(await seed.tenant());
  const email = await issuer.person("person@example.com", "Kim Lee");
  const [ofClient, ofPerson] = await Promise.all([
    token([client.uuid]),
    token([email]),
  ]);
  expect(await issuer.claims(ofClient.stdout.trim())).toMatchObject({
    identity: client.uuid,
  });
  const claims = await issuer.claims(ofPerson.stdout.trim());
  expect(claims).toMatchObject({
    email,
    email_verified: true,
    name: "Kim Lee",
  });
});

test("somebody with users in several tenants names the tenant", async () => {
  const email = "several@example.com";
  const [first, second] = [await seed.tenant(), await seed.tenant("Second")];
  await seed.user(first, [], email);
  const user = await seed.user(second, [], email);
  const [asked, chosen] = await Promise.all([
    token([email]),
    token([email, "--tenant", second.uuid]),
  ]);
  expect([asked.code, asked.stdout]).toEqual([1, ""]);
  expect(asked.stderr).toContain("Choose one by --tenant:");
  expect(asked.stderr).toContain(`${second.uuid}  Second`);
  expect(await issuer.claims(chosen.stdout.trim())).toMatchObject({
    identity: user.uuid,
    tenant: second.uuid,
  });
});

test("what stands in the way is told in a sentence, and nothing is printed", async () => {
  const answers = await Promise.all([
    token(["nobody@example.com"]),
    token(["no-client"]),
    token(["x@example.com"], { NODE_ENV: "production" }),
    token(["x@example.com"], { BUILT_IN_ISSUER: "off" }),
    token(["x@example.com"], { BUILT_IN_ISSUER: "of" }),
    token(["x@example.com"], {
      DATABASE_URL: "",
      TRIBUTARY_DATA: `${issuer.dataDirectory}/none`,
    }),
  ]);
  expect(answers.map(({ stdout }) => stdout)).toEqual(answers.map(() => ""));
  expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 1));
  const told = [
    "Nobody here has the e-mail nobody@example.com.",
    "No client that may sign in has the id no-client.",
    "NODE_ENV is production",
    "BUILT_IN_ISSUER is off",
    "BUILT_IN_ISSUER must be",
    "No installation runs in",
  ];
  answers.forEach(({ stderr }, i) => expect(stderr).toContain(told[i]));
  for (const { stderr } of answers) expect(stderr).not.toContain("    at ");
});

test("a token that the running server would not take comes with a warning", async () => {
  const client = await seed.client(await seed.tenant());
  const { code, stderr } = await token([client.uuid], {
    PUBLIC_URL: "http://127.0.0.1:9",
  });
  expect(code).toBe(0);
  expect(stderr).toContain("No Tributary answers at http://127.0.0.1:9/");
});
