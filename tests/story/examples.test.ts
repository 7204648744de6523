import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Browser } from "../support/browser.ts";
import { makeHome } from "../support/embedded-postgres.ts";
import { Caller, setPassword, signInClient } from "../support/over-http.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
  type Environment,
} from "../support/process.ts";

jest.setTimeout(180_000);

/*
 * The tour, as a newcomer takes it in the demo world: each file is sent as it stands, by whom and with which variables
 * its comment says, and must be answered as the comment says. What stands in angle brackets is brought by the steps.
 */

const directory = new URL("../../examples/", import.meta.url);
const textOf = (file: string) => readFileSync(new URL(file, directory), "utf8");
const files = readdirSync(directory)
  .filter((file) => file.endsWith(".graphql"))
  .sort();

const nora = "nora@hydra.example";

/** What the steps so far have brought, by the names that the files give it. */
const brought = new Map<string, string>();
const callers = new Map<string, Caller>();

let home: string;
let origin: string;
let environment: Environment;
beforeAll(async () => {
  home = await makeHome();
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  environment = { PORT: `${port}`, TRIBUTARY_DATA: home };
  const installation = new Process(["installation/main.ts"], environment);
  await installation.until(() => isReady(origin));
});
afterAll(async () => {
  await stopAll();
  await rm(home, { recursive: true, force: true });
});

test("the files are numbered without a gap, and listed in their order", () => {
  const listed = textOf("README.md").matchAll(/\]\((\d\d-[\w-]+\.graphql)\)/g);
  expect([...listed].map(([, file]) => file)).toEqual(files);
  expect(files.map((file) => parseInt(file))).toEqual(
    files.map((_, i) => i + 1),
  );
});

test("the newcomer registers, and is told where to find the link", async () => {
  const browser = new Browser(origin);
  const form = await browser.get("/oidc/password");
  const page = await browser.submit(form, { email: nora });
  expect(page.text).toContain("/dev/mail");
  const link = await linkMailedTo(nora, /\/oidc\/password\//);
  await setPassword(link, "correct horse battery staple", "Nora Fell");
});

test("a tenant founded, its founder's token still acts for none, and says how to go on", async () => {
  const [founding = "", creating = ""] = files;
  await take(founding);
  const { variables } = commentOf(textOf(creating));
  const founder = await callerOf(nora);
  expect(
    await founder.ask(textOf(creating), parse(variables, brought)),
  ).toMatchObject({
    data: { createCommunity: null },
    errors: [
      {
        message: expect.stringContaining("sign in again"),
        extensions: { code: "FORBIDDEN" },
      },
    ],
  });
  callers.delete(nora);
});

test.each(files.slice(1))("%s", async (file) => {
  if (file.startsWith("20-")) await letThirdTenantIn();
  await take(file);
});

test("the shell function of the README sends a file, too", async () => {
  const [, define = ""] =
    /```sh\n(send\(\) .*?)```/s.exec(textOf("README.md")) ?? [];
  const file = files.at(-1) ?? "";
  const { who, variables, answer } = commentOf(textOf(file));
  const settings = Object.entries(environment).map((pair) => pair.join("="));
  const { stdout } = await promisify(execFile)(
    "sh",
    [
      ...["-c", `export ${settings.join(" ")}\n${define}\nsend "$@"`, "sh"],
      ...[`examples/${file}`, who, withNames(variables, brought)],
    ],
    { cwd: fileURLToPath(new URL("..", directory)) },
  );
  expect(JSON.parse(stdout)).toEqual(parse(answer, brought));
});

/** Steps 3, 5 and 7 once more, as the comment of step 19 says. */
async function letThirdTenantIn(): Promise<void> {
  const names = new Map([["community", brought.get("community") ?? ""]]);
  for (const step of [3, 5, 7])
    await take(files[step - 1] ?? "", names, (text) =>
      text
        .replaceAll("Volute Compressors", "Lumen Analytics")
        .replaceAll("volute.example", "lumen.example"),
    );
}

/** Sends a file as its comment says, and sees that the answer is the one that stands there. */
async function take(
  file: string,
  names = brought,
  adapt = (comment: string) => comment,
): Promise<void> {
  const { who, variables, answer } = commentOf(adapt(textOf(file)));
  if (variables.includes("<token>") && !names.has("token")) {
    const link = await linkMailedTo(who, /\/invitation\//);
    names.set("token", link.slice(link.lastIndexOf("/") + 1));
  }
  const caller = await callerOf(who);
  const response = await caller.ask(textOf(file), parse(variables, names));
  keepNamed(JSON.parse(answer), response, names);
  expect(response).toEqual({ errors: [], ...parse(answer, names) });
}

/** The parts of the comment on top of a file. */
function commentOf(text: string) {
  const [comment = ""] = /^(#.*\n)+/.exec(text) ?? [];
  const [, who = "", variables = "", answer = ""] =
    /^Who: ([^\s,]+).*?^Variables:(.*)^Answer:(.*)^Next:/ms.exec(
      comment.replaceAll(/^# ?/gm, ""),
    ) ?? [];
  return { who, variables, answer };
}

const withNames = (json: string, names: ReadonlyMap<string, string>) =>
  json.replaceAll(
    /<([^>]+)>/g,
    (text, name: string) => names.get(name) ?? text,
  );

const parse = (json: string, names: ReadonlyMap<string, string>) =>
  JSON.parse(withNames(json, names)) as Record<string, unknown>;

/** Keeps what stands in an answer where its pattern has a new name in angle brackets. */
function keepNamed(
  pattern: unknown,
  answer: unknown,
  names: Map<string, string>,
): void {
  const [, name] = /^<(.+)>$/.exec(String(pattern)) ?? [];
  if (typeof pattern === "string" && typeof answer === "string") {
    if (name !== undefined && !names.has(name)) names.set(name, answer);
  } else if (isObject(pattern) && isObject(answer))
    for (const [key, value] of Object.entries(pattern))
      keepNamed(value, answer[key], names);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

/** A person by the token command, a program by its client id and secret. */
async function callerOf(who: string): Promise<Caller> {
  const known = callers.get(who);
  if (known) return known;
  const caller = who.includes("@")
    ? new Caller(origin, await tokenOf(who))
    : await signInClient(
        origin,
        brought.get("clientId") ?? "",
        brought.get("secret") ?? "",
      );
  callers.set(who, caller);
  return caller;
}

async function tokenOf(email: string): Promise<string> {
  const { output } = await run(["commands/token.ts", email], environment);
  return output.trim();
}

/** The newest link of this kind in the development mailbox. */
async function linkMailedTo(email: string, kind: RegExp): Promise<string> {
  const response = await fetch(new URL("/dev/mail", origin), {
    headers: { accept: "application/json" },
  });
  const mails = (await response.json()) as { to: string; links: string[] }[];
  const links = mails.flatMap(({ to, links }) => (to === email ? links : []));
  return links.find((link) => kind.test(link)) ?? "no link";
}
