import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestDatabase } from "../support/database.ts";
import { gone, postmasterOf, withHome } from "../support/embedded-postgres.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
} from "../support/process.ts";

const main = ["installation/main.ts"];

afterAll(stopAll);

describe("npm start", () => {
  test(
    "serves on an embedded database of its own, keeps it, and ends with it",
    () =>
      withHome(async (home) => {
        const port = await freePort();
        const origin = `http://127.0.0.1:${port}`;
        const environment = {
          PORT: `${port}`,
          TRIBUTARY_DATA: home,
          TRIBUTARY_DEMO: "off",
        };
        for (const start of ["first", "second"]) {
          const installation = new Process(main, environment);
          await installation.until(() => isReady(origin));
          expect(installation.output).toContain(`${origin}/graphql`);
          expect(await ask(origin, "{ viewer { id } }")).toEqual({
            data: { viewer: null },
            errors: [
              expect.objectContaining({
                path: ["viewer"],
                extensions: { code: "UNAUTHENTICATED" },
              }),
            ],
          });
          const postmaster = await postmasterOf(`${home}/postgres`);
          if (start === "first") expect(await installation.stop()).toBe(0);
          else {
            installation.signal("SIGKILL");
            await installation.ended;
          }
          await gone(postmaster);
        }
      }),
    60_000,
  );

  test(
    "ends when its PostgreSQL does",
    () =>
      withHome(async (home) => {
        const port = await freePort();
        const installation = new Process(main, {
          PORT: `${port}`,
          TRIBUTARY_DATA: home,
          TRIBUTARY_DEMO: "off",
        });
        await installation.until(() => isReady(`http://127.0.0.1:${port}`));
        process.kill(await postmasterOf(`${home}/postgres`), "SIGKILL");
        expect(await installation.ended).toBe(1);
        expect(installation.output).toContain("PostgreSQL has ended");
      }),
    60_000,
  );

  test("tells every fault of its configuration at once", async () => {
    const { code, output } = await run(main, {
      PORT: "http",
      CORS_ORIGINS: "https://app.example/path, nonsense",
      LOG_LEVEL: "loud",
      INTROSPECTION: "yes",
      POOL_SIZE: "0",
    });
    expect(code).toBe(1);
    expect(output.trim().split("\n").slice(1)).toEqual(
      expect.arrayContaining([
        '- PORT must be a whole number from 1 to 65535, not "http".',
        '- CORS_ORIGINS must list origins by commas, like https://app.example.com, not "https://app.example/path".',
        '- CORS_ORIGINS must list origins by commas, like https://app.example.com, not "nonsense".',
        '- LOG_LEVEL must be one of fatal, error, warn, info, debug, silent, not "loud".',
        '- INTROSPECTION must be one of on, off, not "yes".',
        '- POOL_SIZE must be a whole number from 1 to 1000, not "0".',
      ]),
    );
  });
});

describe("npm start on a database of one's own", () => {
  let database: TestDatabase;
  let home: string;

  beforeAll(async () => {
    database = await TestDatabase.create();
    home = await mkdtemp(join(tmpdir(), "tributary-start-"));
  });
  afterAll(async () => {
    await rm(home, { recursive: true });
    await database.drop();
  });

  const environment = (url: string, port: number) => ({
    DATABASE_URL: url,
    PORT: `${port}`,
    TRIBUTARY_DATA: home,
    TRIBUTARY_DEMO: "off",
    STOP_GRACE_MS: "60000",
  });

  test("tells that its port is taken, and leaves nothing open", async () => {
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) =>
      other.listen(port, "127.0.0.1", resolve),
    );
    const { code, output } = await run(main, environment(database.url, port));
    other.close();
    expect(code).toBe(1);
    expect(output).toContain(
      `Cannot listen on 127.0.0.1, port ${port}: another process listens there. Set HOST and PORT to another address.`,
    );
  });

  test("tells that the database cannot be reached", async () => {
    const url = `postgres://a:b@127.0.0.1:${await freePort()}/c`;
    const { code, output } = await run(main, environment(url, 4000));
    expect(code).toBe(1);
    expect(output).toMatch(
      /^The database cannot be reached: .+ Check DATABASE_URL\.$/m,
    );
  });

  test("ends at once on a second signal", async () => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const installation = new Process(main, environment(database.url, port));
    await installation.until(() => isReady(origin));
    installation.signal("SIGTERM");
    await installation.until(async () => !(await isReady(origin)) || null);
    installation.signal("SIGINT");
    expect(await installation.ended).toBe(1);
  });
});

async function ask(origin: string, query: string): Promise<unknown> {
  const response = await fetch(new URL("/graphql", origin), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  return response.json();
}
