import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, jest, test } from "@jest/globals";
import { connect } from "../../common/database.ts";
import { startEmbeddedPostgres } from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";
import { migrate } from "../../migrations/run.ts";
import { withHome } from "../support/embedded-postgres.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
} from "../support/process.ts";
import { Seed } from "../support/seed.ts";

jest.setTimeout(180_000);
afterAll(stopAll);

/** How long after its database is back everything has to be served again. */
const recoversWithinMs = 3_000;
/** So many requests before it leaves, and after that. */
const enough = 30;

interface Outcome {
  readonly begunAt: number;
  readonly endedAt: number;
  /** What went wrong, by its code; null for a whole answer. */
  readonly fault: unknown;
}

test("a PostgreSQL that is restarted under load costs what is asked while it is away, and nothing after", () =>
  withHome(async (home) => {
    const startPostgres = () =>
      startEmbeddedPostgres({
        directory: join(home, "postgres"),
        log: createLogger("test", "silent"),
        durable: false,
      });
    let postgres = await startPostgres();
    const { url } = postgres;
    await migrate(url);
    const owner = connect(url, { name: "test", poolSize: 1 });
    const seed = new Seed(owner);
    const client = await seed.client(await seed.tenant("Orchard"));
    await owner.destroy();

    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const environment = {
      DATABASE_URL: url,
      PORT: `${port}`,
      TRIBUTARY_DATA: join(home, "data"),
      TRIBUTARY_DEMO: "off",
    };
    const installation = new Process(["installation/main.ts"], environment);
    await installation.until(() => isReady(origin));
    const { output } = await run(
      ["commands/token.ts", client.uuid],
      environment,
    );
    const token = output.split("\n").at(-2) ?? "";

    const outcomes: Outcome[] = [];
    let isOver = false;
    const visit = async () => {
      while (!isOver) {
        const begunAt = performance.now();
        const fault = await ask(origin, token).catch(
          (error: unknown) => `no answer: ${String(error)}`,
        );
        outcomes.push({ begunAt, endedAt: performance.now(), fault });
      }
    };
    const visits = Promise.all(Array.from({ length: 8 }, visit));

    while (outcomes.length < enough) await sleep(50);
    const leftAt = performance.now();
    await postgres.stop();
    await sleep(1_500);
    expect(await isReady(origin)).toBeNull();
    postgres = await startPostgres();
    const backAt = performance.now();
    await installation.until(() => isReady(origin));
    const later = () =>
      outcomes.filter(({ begunAt }) => begunAt > backAt + recoversWithinMs);
    while (later().length < enough) await sleep(50);
    isOver = true;
    await visits;

    const faultsOf = (some: readonly Outcome[]) =>
      [...new Set(some.map(({ fault }) => fault))].sort();
    const before = outcomes.filter(({ endedAt }) => endedAt < leftAt);
    expect(faultsOf(before)).toEqual([null]);
    expect(faultsOf(outcomes)).toEqual(["UNAVAILABLE", null]);
    expect(faultsOf(later())).toEqual([null]);
    expect(await installation.stop()).toBe(0);
    await postgres.stop();
  }));

async function ask(origin: string, token: string): Promise<unknown> {
  const response = await fetch(new URL("/graphql", origin), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({
      query: "{ viewer { id tenant { name } } streams { totalCount } }",
    }),
  });
  const { data, errors } = (await response.json()) as {
    data?: { viewer?: { tenant?: { name?: string } } };
    errors?: { extensions?: { code?: string } }[];
  };
  if (errors) return errors[0]?.extensions?.code;
  return data?.viewer?.tenant?.name === "Orchard" ? null : "another answer";
}
