import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { request, type IncomingMessage } from "node:http";
import { makeHome } from "../support/embedded-postgres.ts";
import { Caller, setPassword, signIn } from "../support/over-http.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
  type Environment,
} from "../support/process.ts";

jest.setTimeout(120_000);

/*
 * What somebody does who has just installed Tributary, in order: each test goes on where the one before it ended.
 */

const main = ["installation/main.ts"];
const email = "nora@newcomer.example";
const password = "correct horse battery staple";

let home: string;
let environment: Environment;
let origin: string;
let installation: Process;
beforeAll(async () => {
  home = await makeHome();
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  environment = {
    PORT: `${port}`,
    TRIBUTARY_DATA: home,
    TRIBUTARY_DEMO: "off",
  };
  installation = await start();
});
afterAll(async () => {
  await stopAll();
  await rm(home, { recursive: true, force: true });
});

async function start(): Promise<Process> {
  const started = new Process(main, environment);
  await started.until(() => isReady(origin));
  return started;
}

test("the explorer is there without internet, and knows the graph", async () => {
  const page = await fetch(origin);
  expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(await page.text()).not.toMatch(/<(script|link)[^>]*(src|href)="http/);
  const { data } = await new Caller(origin, null).ask(
    "{ __schema { queryType { name } } }",
  );
  expect(data).toEqual({ __schema: { queryType: { name: "Query" } } });
});

let administrator: Caller;

test("the operator founds the first tenant, whose administrator follows the link and signs in", async () => {
  const { code, output } = await run(
    ["commands/tenant.ts", "found", "Newcomer Ltd", "--email", email],
    environment,
  );
  expect({ code, output }).toMatchObject({ code: 0 });
  const [link = ""] = /http\S+\/oidc\/password\/[\w-]+/.exec(output) ?? [];
  const mailbox = await fetch(`${origin}/dev/mail`, {
    headers: { accept: "application/json" },
  });
  expect(await mailbox.json()).toMatchObject([{ to: email, links: [link] }]);
  await setPassword(link, password, "Nora");
  administrator = await signIn(origin, email, password);
  expect(await viewer(administrator)).toBe("Newcomer Ltd");
});

test("the token command prints a token, and nothing else, for somebody who is known", async () => {
  const token = ["commands/token.ts"];
  const { code, output } = await run([...token, email], environment);
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(await viewer(new Caller(origin, output.trim()))).toBe("Newcomer Ltd");
  expect(await run([...token, "nobody@newcomer.example"], environment)).toEqual(
    {
      code: 1,
      output: "Nobody here has the e-mail nobody@newcomer.example.\n",
    },
  );
  const inProduction = { ...environment, NODE_ENV: "production" };
  expect(await run([...token, email], inProduction)).toMatchObject({
    code: 1,
    output: expect.stringContaining("for development"),
  });
});

test("a second start on the same data ends in a sentence, and leaves the first alone", async () => {
  const port = await freePort();
  const second = await run(main, { ...environment, PORT: `${port}` });
  expect(second.code).toBe(1);
  expect(second.output).toContain(
    `, of the Tributary with process id ${installation.pid}. Stop that one first, or set TRIBUTARY_DATA to another directory for this one.`,
  );
  expect(await viewer(administrator)).toBe("Newcomer Ltd");
});

test("told to stop, it finishes the request whose headers have arrived, and ends well", async () => {
  const body = JSON.stringify({ query: "{ viewer { tenant { name } } }" });
  const slow = request(new URL("/graphql", origin), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "content-length": body.length,
      authorization: `Bearer ${administrator.token}`,
    },
  });
  slow.write(body.slice(0, 10));
  await once(slow, "socket");
  await (await fetch(origin)).text();

  installation.signal("SIGTERM");
  await installation.until(async () => !(await isReady(origin)) || null);
  slow.end(body.slice(10));
  const [response] = (await once(slow, "response")) as [IncomingMessage];
  const chunks = (await response.toArray()) as Buffer[];
  expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual({
    data: { viewer: { tenant: { name: "Newcomer Ltd" } } },
  });
  expect(await installation.ended).toBe(0);
});

test("started again, it has its tenant and its keys, so that tokens and passwords live on", async () => {
  installation = await start();
  expect(await viewer(administrator)).toBe("Newcomer Ltd");
  expect(await viewer(await signIn(origin, email, password))).toBe(
    "Newcomer Ltd",
  );
});

test("operator's commands tell that nothing runs, once it has stopped", async () => {
  await installation.stop();
  expect(await run(["commands/tenant.ts", "list"], environment)).toEqual({
    code: 1,
    output: expect.stringMatching(/^No installation runs in .+\n$/),
  });
});

/** The name of the caller's tenant. */
async function viewer(caller: Caller): Promise<string> {
  const { viewer } = await caller.get<{ viewer: { tenant: { name: string } } }>(
    "{ viewer { tenant { name } } }",
  );
  return viewer.tenant.name;
}
