import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, jest, test } from "@jest/globals";
import { StartError } from "../../common/config.ts";
import { migrate } from "../../migrations/run.ts";
import { TestDatabase } from "../support/database.ts";
import { gone, postmasterOf, withHome } from "../support/embedded-postgres.ts";
import {
  freePort,
  isReady,
  plainEnvironment,
  Process,
  run,
  stopAll,
} from "../support/process.ts";

jest.setTimeout(120_000);

const main = ["installation/main.ts"];

/** Of processes that npm has started, should they outlive it. */
let group: number | undefined;
afterAll(async () => {
  if (group !== undefined) process.kill(-group, "SIGTERM");
  await stopAll();
});

async function ask(origin: string, query: string): Promise<unknown> {
  const response = await fetch(new URL("/graphql", origin), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return response.json();
}

test("npm start serves on a database of its own, keeps it, and neither outlives the other", () =>
  withHome(async (home) => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const environment = {
      PORT: `${port}`,
      TRIBUTARY_DATA: home,
      TRIBUTARY_DEMO: "off",
    };
    const postmaster = () => postmasterOf(`${home}/postgres`);

    const npm = spawn("npm", ["start"], {
      env: { ...plainEnvironment, ...environment },
      stdio: ["ignore", "pipe", "ignore"],
      detached: true,
    });
    group = npm.pid;
    let output = "";
    npm.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    while (npm.exitCode === null && !(await isReady(origin))) await sleep(50);
    expect(output).toContain(`${origin}/graphql`);
    expect(await ask(origin, "{ viewer { id } }")).toEqual({
      errors: [
        expect.objectContaining({ extensions: { code: "UNAUTHENTICATED" } }),
      ],
    });
    const first = await postmaster();
    npm.kill("SIGTERM");
    await once(npm, "exit");
    await gone(first);
    group = undefined;

    const installation = new Process(main, environment);
    await installation.until(() => isReady(origin));
    process.kill(await postmaster(), "SIGKILL");
    expect(await installation.ended).toBe(1);
    expect(installation.output).toContain("PostgreSQL has ended");
  }));

test("npm start on a database of one's own: the second one learns that the port is taken, the first ends at once on a second signal", () =>
  withHome(async (home) => {
    const database = await TestDatabase.create();
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const environment = {
      DATABASE_URL: database.url,
      PORT: `${port}`,
      TRIBUTARY_DATA: home,
      TRIBUTARY_DEMO: "off",
      STOP_GRACE_MS: "60000",
    };
    const first = new Process(main, environment);
    await first.until(() => isReady(origin));

    const { code, output } = await run(main, environment);
    expect(code).toBe(1);
    expect(output).toContain(
      `Cannot listen on 127.0.0.1, port ${port}: another process listens there. Set HOST and PORT to another address.`,
    );

    first.signal("SIGTERM");
    await first.until(async () => !(await isReady(origin)) || null);
    expect(await ask(origin, "{ __typename }")).toEqual({
      data: { __typename: "Query" },
    });
    first.signal("SIGINT");
    expect(await first.ended).toBe(1);
    await database.drop();
  }));

test.each([
  ["npm start", ["installation/main.ts"]],
  ["npm run start:gateway", ["gateway/main.ts"]],
  ["npm run start:subgraph", ["commands/start-subgraph.ts"]],
])(
  "%s -- --help tells how it is used, and starts nothing",
  async (script, file) => {
    const { code, output } = await run([...file, "--help"], {});
    expect(code).toBe(0);
    expect(output).toContain(`Usage: ${script}`);
    expect(output).toContain("docs/configuration.md");
  },
);

describe("a database that cannot serve", () => {
  test("is told before anything else is tried", async () => {
    const url = `postgres://a:b@127.0.0.1:${await freePort()}/c`;
    const failure = migrate(url);
    await expect(failure).rejects.toThrow(StartError);
    await expect(failure).rejects.toThrow(
      /^The database cannot be reached: .+ Check DATABASE_URL\.$/,
    );
  });
});
