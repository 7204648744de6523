import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Agent, request } from "undici";
import { TestDatabase } from "../support/database.ts";
import { withHome } from "../support/embedded-postgres.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
} from "../support/process.ts";
import { Seed, type Identity, type Row, type Stream } from "../support/seed.ts";
import {
  SeparateProcesses,
  type Subgraph,
} from "../support/separate-processes.ts";

jest.setTimeout(180_000);

/* What is under way when processes are told to stop, while others go on asking over connections that they keep. */

/** Events of about 20 MB: more than what lies between server and client can hold. */
const bulkyCount = 45_000;
/** Rows that are sent one by one. */
const uploadCount = 30;
const pauseMs = 50;
/** So long something goes on after the signal. */
const slowMs = 1_500;
const clients = 4;
const restMs = 5;

/** What of the steady requests is lost without one of the subgraphs. */
const partsOf: Readonly<Record<Subgraph, readonly string[]>> = {
  tenant: ["viewer", "stream.tenant"],
  community: ["communities"],
  stream: ["stream", "writeEvents"],
};

let database: TestDatabase;
let seed: Seed;
let tenant: Row;
let administrator: Identity;
let bulky: Stream;
let short: Stream;
beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  tenant = await seed.tenant("Orchard");
  administrator = await seed.client(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  bulky = await seed.stream(tenant, {
    properties: [{ name: "note", kind: "TEXT" }],
  });
  const text = Array.from({ length: 14 }, (_, i) => `md5('${i}' || g)`);
  await seed.events(bulky, bulkyCount, `array[${text.join(" || ")}]`);
  short = await seed.stream(tenant);
  await seed.events(short, 10);
});
afterAll(async () => {
  await stopAll();
  await database.drop();
});

/** Requests at one installation as somebody who may do all of this. */
class Visitor {
  private readonly agent = new Agent({ connections: clients + 3 });
  private isOver = false;
  /** Of the steady requests: null for a whole, good answer. */
  private readonly outcomes: unknown[] = [];
  /** The subgraph without which answers may be. */
  without: Subgraph | undefined;
  /** How many reads were without its parts, and how many whole, since the last look. */
  seen = { partial: 0, whole: 0 };
  /** Whether an answer has said that its connection ends. */
  isToldToClose = false;
  private clients: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly origin: string,
    private readonly token: string,
  ) {}

  /** Many clients that ask and change, each one thing after another, until nobody takes their connections. */
  async begin(): Promise<void> {
    this.clients = Promise.all(
      Array.from({ length: clients }, (_, i) => this.visit(i)),
    );
    while (this.outcomes.length < 10 * clients) await sleep(20);
  }

  /** What went wrong with any of them. */
  async end(): Promise<unknown[]> {
    this.isOver = true;
    await this.clients;
    await this.agent.close();
    return [...new Set(this.outcomes)].filter((fault) => fault !== null);
  }

  get answered(): number {
    return this.outcomes.length;
  }

  /** A write that waits for a lock until it is released. */
  async writeSlowly(): Promise<{
    written: Promise<unknown>;
    release(): Promise<void>;
  }> {
    const lock = await database.owner.transaction();
    await lock("tenant.tenants").where({ id: tenant.id }).forUpdate();
    const region = `region ${Math.random()}`;
    const written = this.ask(
      "mutation ($region: String) { updateTenant(input: { region: $region }) { region } }",
      { region },
    ).then(async (answer) => [
      answer,
      await database.owner("tenant.tenants").where({ id: tenant.id, region }),
    ]);
    await sleep(300);
    return { written, release: async () => void (await lock.rollback()) };
  }

  /** Reads a file piece by piece. Answers how many lines it had. */
  async download(): Promise<number> {
    const { statusCode, body } = await this.send(
      "GET",
      `/data/streams/${bulky.uuid}?format=csv`,
    );
    expect(statusCode).toBe(200);
    let lines = 0;
    const begun = performance.now();
    for await (const chunk of body) {
      if (performance.now() - begun < slowMs) await sleep(5);
      for (const byte of chunk as Buffer) if (byte === 10) lines += 1;
    }
    return lines;
  }

  /** Sends events row by row. Answers what it is told. */
  async upload(): Promise<unknown> {
    async function* rows() {
      yield `timestamp,${short.uuid}\n`;
      for (let i = 0; i < uploadCount; i += 1) {
        await sleep(pauseMs);
        yield `2026-03-01T00:00:${String(i).padStart(2, "0")}Z,${i}\n`;
      }
    }
    const { body } = await this.send("POST", "/ingest", "text/csv", rows());
    return body.json();
  }

  private async visit(client: number): Promise<void> {
    for (let i = 0; !this.isOver; i += 1)
      try {
        const isWrite = (client + i) % 4 === 0;
        this.outcomes.push(await (isWrite ? this.write(i) : this.read()));
        await sleep(restMs);
      } catch (error) {
        // Connections are refused in the end: such a request never arrived.
        if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") return;
        this.outcomes.push(String(error));
      }
  }

  private read(): Promise<unknown> {
    return this.faultOf(
      "query ($id: ID!) { viewer { tenant { name } } stream(id: $id) { tenant { name } last { value } } communities { totalCount } }",
      { id: short.uuid },
      ["viewer", "stream", "communities"],
    );
  }

  private write(i: number): Promise<unknown> {
    return this.faultOf(
      "mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }",
      {
        input: {
          mode: "UPSERT",
          streams: [
            {
              streamId: short.uuid,
              timestamps: ["2026-02-01T00:00:00Z"],
              values: [i],
            },
          ],
        },
      },
      ["writeEvents"],
    );
  }

  /** What is wrong with an answer: errors elsewhere than at the parts that may be away, or anything else that is not there. */
  private async faultOf(
    query: string,
    variables: object,
    fields: readonly string[],
  ): Promise<string | null> {
    const before = this.without;
    const { data, errors = [] } = await this.ask(query, variables);
    const away = before ?? this.without;
    const parts = away ? partsOf[away] : [];
    const places = errors.map(({ path = [] }) => `${path.join(".")}.`);
    // Each of them has parts of all subgraphs.
    if (fields.includes("viewer"))
      this.seen[errors.length > 0 ? "partial" : "whole"] += 1;
    const isTold = errors.every(
      ({ extensions }, i) =>
        extensions.code === "UNAVAILABLE" &&
        parts.some((part) => places[i]?.startsWith(`${part}.`)),
    );
    const isRest = fields.every(
      (field) =>
        data?.[field] || places.some((place) => place.startsWith(`${field}.`)),
    );
    return isTold && isRest
      ? null
      : `without ${away}: ${JSON.stringify({ data, errors })}`;
  }

  private async ask(query: string, variables: object) {
    const { body, headers } = await this.send(
      "POST",
      "/graphql",
      "application/json",
      JSON.stringify({ query, variables }),
    );
    this.isToldToClose ||= headers["connection"] === "close";
    return (await body.json()) as {
      data?: Record<string, unknown> | null;
      errors?: {
        path?: readonly (string | number)[];
        extensions: { code: string };
      }[];
    };
  }

  private send(
    method: "GET" | "POST",
    path: string,
    type?: string,
    body?: string | AsyncIterable<string>,
  ) {
    return request(new URL(path, this.origin), {
      dispatcher: this.agent,
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(type && { "content-type": type }),
      },
      body: (body ?? null) as string | null,
    });
  }
}

/** Tells processes to stop in the midst of all this, and sees that all of it is whole. */
async function stopUnderLoad(
  visitor: Visitor,
  stop: () => Promise<unknown>,
): Promise<void> {
  const { written, release } = await visitor.writeSlowly();
  const downloaded = visitor.download();
  const uploaded = visitor.upload();
  await sleep(200);
  const stopped = stop();
  await sleep(slowMs);
  await release();
  expect(await written).toEqual([
    { data: { updateTenant: { region: expect.any(String) } } },
    [expect.anything()],
  ]);
  expect(await downloaded).toBe(bulkyCount + 1);
  expect(await uploaded).toMatchObject({ eventCount: uploadCount });
  await stopped;
}

test("one process that is told to stop answers whole whatever it has begun, and ends", () =>
  withHome(async (home) => {
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const environment = {
      DATABASE_URL: database.url,
      PORT: `${port}`,
      TRIBUTARY_DATA: home,
      TRIBUTARY_DEMO: "off",
    };
    const process = new Process(["installation/main.ts"], environment);
    await process.until(() => isReady(origin));
    const { output } = await run(
      ["commands/token.ts", administrator.uuid],
      environment,
    );
    const visitor = new Visitor(origin, output.split("\n").at(-2) ?? "");
    await visitor.begin();
    await stopUnderLoad(visitor, async () =>
      expect(await process.stop()).toBe(0),
    );
    expect(await visitor.end()).toEqual([]);
    expect(visitor.isToldToClose).toBe(true);
    await expect(fetch(origin)).rejects.toThrow();
  }));

/** Stops a subgraph that nothing takes the place of until it is missed. */
async function stopAndMiss(
  visitor: Visitor,
  name: Subgraph,
  { processes }: SeparateProcesses,
  takeOver: () => void,
): Promise<void> {
  const seen = async (kind: "partial" | "whole") => {
    visitor.seen = { partial: 0, whole: 0 };
    while (visitor.seen[kind] < clients) await sleep(20);
  };
  visitor.without = name;
  expect(await processes[name].stop()).toBe(0);
  await seen("partial");
  takeOver();
  await seen("whole");
  visitor.without = undefined;
}

test("separate processes answer whole whatever they have begun: subgraphs that others replace, a gateway beside another, and all that are told to stop together", async () => {
  const installation = await SeparateProcesses.start(database, {
    environment: {},
    areReplaceable: true,
  });
  try {
    const { gateway } = installation.urls;
    const token = (
      await installation.operate("token", administrator.uuid)
    ).trim();
    const [second, third, beside] = await Promise.all([
      installation.startReplacements(),
      installation.startReplacements(),
      installation.startGateway(),
    ]);
    const visitor = new Visitor(gateway, token);
    await visitor.begin();
    // Without them the rest is served, and nothing else goes wrong.
    for (const { name, takeOver } of second)
      await stopAndMiss(visitor, name, installation, takeOver);

    await stopUnderLoad(visitor, async () =>
      expect(
        await Promise.all(third.map(({ takeOver }) => takeOver().stop())),
      ).toEqual([0, 0, 0]),
    );
    const before = visitor.answered;
    while (visitor.answered < before + clients) await sleep(20);

    await stopUnderLoad(visitor, async () =>
      expect(await installation.processes.gateway.stop()).toBe(0),
    );
    expect(await visitor.end()).toEqual([]);
    expect(visitor.isToldToClose).toBe(true);

    const lastVisitor = new Visitor(beside.url, token);
    await lastVisitor.begin();
    await stopUnderLoad(lastVisitor, async () => {
      const { tenant, community, stream } = installation.processes;
      const all = [tenant, community, stream, beside.process];
      expect(await Promise.all(all.map((process) => process.stop()))).toEqual([
        0, 0, 0, 0,
      ]);
    });
    expect(await lastVisitor.end()).toEqual([]);
    expect(lastVisitor.isToldToClose).toBe(true);
  } finally {
    await installation.stop();
  }
});
