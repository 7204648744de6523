import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { tableFromIPC } from "@uwdata/flechette";
import { parse } from "csv-parse/sync";
import { once } from "node:events";
import { request as send, type ClientRequest } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import type { Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { as, outcome } from "../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Stream,
} from "../support/seed.ts";
import { until, untilWaiting } from "../support/waiting.ts";

/**
 * A plant that shares all but one of its streams with a partner: a short one, a long one, and one of more bytes than
 * all that lies between server and client can hold.
 */
let database: TestDatabase;
let seed: Seed;
let short: Stream;
let long: Stream;
let bulky: Stream;
let hidden: Stream;
/** Of whole metres. */
let counts: Stream;
let shares: Membership;
let viewer: Viewer;
let leader: Viewer;
let client: Identity;
let partner: Viewer;

const longCount = 200_000;
const bulkyCount = 90_000;

beforeAll(async () => {
  database = await TestDatabase.create();
  seed = new Seed(database.owner);
  const plant = await seed.tenant("plant");
  const community = await seed.community(plant);
  shares = community.ownerMembership;
  [short, long, hidden] = [
    await seed.stream(plant),
    await seed.stream(plant),
    await seed.stream(plant),
  ];
  await seed.events(short, 100);
  await seed.events(long, longCount);
  await seed.events(hidden, 100);
  await seed.share(short, shares);
  await seed.share(long, shares);
  bulky = await seed.stream(plant, {
    properties: [{ name: "note", kind: "TEXT" }],
  });
  const text = Array.from({ length: 14 }, (_, i) => `md5('${i}' || g)`);
  await seed.events(bulky, bulkyCount, `array[${text.join(" || ")}]`);
  await seed.share(bulky, shares);
  counts = await seed.stream(plant, {
    properties: [{ name: "metres", kind: "INTEGER" }],
  });
  await seed.events(counts, 3);
  await database.owner.raw(
    "update stream.properties set uom = 'm' where name = 'metres'",
  );
  viewer = as(await seed.user(plant, ["VIEWER"]));
  const moderator = await seed.user(plant);
  await seed.member(shares, moderator, "MODERATOR");
  leader = as(moderator);
  const company = await seed.tenant("partner");
  client = await seed.client(company);
  await seed.member(await seed.membership(community, company), client);
  partner = as(client);
});
afterAll(() => database.drop());

const minute = (n: number) =>
  new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString().replace(".000Z", "+00:00");
const window = `from=${minute(10)}&to=${minute(12)}`.replaceAll("+", "%2B");

describe.each(modes)("%s", (mode) => {
  let graph: TestGraph;
  beforeAll(async () => {
    graph = await startGraph(database, mode, {
      environment: { READ_FILES: "2" },
    });
  });
  afterAll(() => graph.stop());

  async function get(
    who: Viewer,
    path: string,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const authorization = `Bearer ${await graph.issuer.tokenFor(who)}`;
    return graph.fetch(`/data/streams${path}`, {
      headers: { authorization, ...headers },
    });
  }

  async function refusal(response: Response) {
    const { errors } = (await response.json()) as {
      errors: { message: string; extensions: { code: string } }[];
    };
    return [response.status, errors[0]?.extensions.code, errors[0]?.message];
  }

  test("a shared stream is read as CSV, JSON lines and Arrow alike", async () => {
    const expected = [10, 11, 12].map((n) => [minute(n), n]);
    const csv = await get(partner, `/${short.uuid}?${window}`);
    expect(csv.headers.get("content-type")).toMatch(/^text\/csv/);
    expect(parse(await csv.text(), { cast: castNumbers })).toEqual([
      ["timestamp", "value"],
      ...expected,
    ]);
    const lines = await get(partner, `/${short.uuid}?${window}`, {
      accept: "text/html;q=0.1, application/x-ndjson",
    });
    expect(
      (await lines.text())
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(expected.map(([timestamp, value]) => ({ timestamp, value })));
    const arrow = await get(partner, `/${short.uuid}?${window}&format=arrow`);
    expect(arrow.headers.get("content-type")).toBe(
      "application/vnd.apache.arrow.stream",
    );
    const table = tableFromIPC(await arrow.arrayBuffer(), { useDate: true });
    expect(table.toArray()).toEqual(
      expected.map(([timestamp, value]) => ({
        timestamp: new Date(timestamp as string),
        value,
      })),
    );
  });

  test("a long one is read whole, piece by piece, plain and zipped", async () => {
    const response = await get(viewer, `/${long.uuid}?format=csv`, {
      "accept-encoding": "gzip",
    });
    expect(response.headers.get("content-encoding")).toBe("gzip");
    const text = await response.text();
    const rows = text.trimEnd().split("\r\n");
    expect(rows.length).toBe(longCount + 1);
    expect(rows.at(-1)).toMatch(new RegExp(`,${longCount - 1}$`));
    const arrow = await get(viewer, `/${long.uuid}?format=arrow`);
    const table = tableFromIPC(await arrow.arrayBuffer());
    expect(table.numRows).toBe(longCount);
    const values = table.getChild("value").toArray() as Float64Array;
    expect(values.every((value, i) => value === i)).toBe(true);
  });

  test("several streams are one file whose rows name their stream", async () => {
    const path = `?ids=${short.uuid},${long.uuid}&${window}`;
    const csv = parse(await (await get(viewer, path)).text());
    expect(csv).toEqual([
      ["stream", "timestamp", "value"],
      ...[short, long].flatMap(({ uuid }) =>
        [10, 11, 12].map((n) => [uuid, minute(n), `${n}`]),
      ),
    ]);
    const arrow = await get(viewer, `${path}&format=arrow`);
    const table = tableFromIPC(await arrow.arrayBuffer());
    expect(table.getChild("stream").toArray()).toEqual(
      [short, long].flatMap(({ uuid }) => [uuid, uuid, uuid]),
    );
  });

  test("computed events and summaries are files by the arguments of the graph", async () => {
    const summaries = await get(
      partner,
      `/${short.uuid}?kind=summaries&${window}&interval=PT1M&kinds=COUNT,MAXIMUM`,
    );
    expect(parse(await summaries.text())).toEqual([
      ["timestamp", "value COUNT", "value MAXIMUM"],
      [minute(10), "1", "10"],
      [minute(11), "2", "12"],
    ]);
    const interpolated = await get(
      partner,
      `/${short.uuid}?kind=interpolated&${window}&count=5&format=jsonl`,
    );
    const values = (await interpolated.text())
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { value: number }).value);
    expect(values).toEqual([10, 10.5, 11, 11.5, 12]);
  });

  test("the graph gives the addresses of its reads as files", async () => {
    const { data, errors } = await graph.request(
      partner,
      `query ($id: ID!, $window: TimeWindow!) {
        stream(id: $id) {
          events(window: $window, boundary: INSIDE, first: 0) { downloads { csv jsonLines arrow } }
          summaries(window: $window, count: 1, kinds: [MEAN, COUNT]) { downloads { csv } }
          interpolated(timestamps: ["${minute(3)}"]) { downloads { csv } }
        }
      }`,
      { id: short.uuid, window: { from: minute(10), to: minute(12) } },
    );
    expect(errors).toEqual([]);
    const stream = data?.["stream"] as unknown as Record<
      string,
      { downloads: Record<string, string> }
    >;
    const read = async (address: string | undefined) =>
      (
        await get(partner, (address ?? "").slice("/data/streams".length))
      ).text();
    const { csv, jsonLines, arrow } = stream["events"]?.downloads ?? {};
    expect(parse(await read(csv))[1]).toEqual([minute(11), "11"]);
    expect(JSON.parse(await read(jsonLines))).toMatchObject({ value: 11 });
    expect(arrow).toMatch(/format=arrow$/);
    expect(parse(await read(stream["summaries"]?.downloads["csv"]))).toEqual([
      ["timestamp", "value MEAN", "value COUNT"],
      [minute(10), "11", "3"],
    ]);
    expect(
      parse(await read(stream["interpolated"]?.downloads["csv"]))[1],
    ).toEqual([minute(3), "3"]);
  });

  test("the graph says so where no file holds a read", async () => {
    const { data, errors } = await graph.request(
      partner,
      `query ($id: ID!, $window: TimeWindow!, $times: [DateTime!]!) {
        stream(id: $id) {
          interpolated(timestamps: $times) { downloads { csv } }
          plot(window: $window, width: 10) { downloads { csv } }
          read: interpolated(timestamps: $times) { rowCount }
        }
        streamJoin(ids: [$id], window: $window, mode: OUTER) { downloads { csv } }
      }`,
      {
        id: short.uuid,
        window: { from: minute(10), to: minute(12) },
        times: Array.from({ length: 200 }, () => minute(3)),
      },
    );
    expect(data).toEqual({
      stream: { interpolated: null, plot: null, read: { rowCount: 200 } },
      streamJoin: null,
    });
    expect(errors).toHaveLength(3);
    for (const { message, extensions } of errors) {
      expect(message).toContain("Leave out downloads");
      expect(extensions.code).toBe("BAD_USER_INPUT");
    }
  });

  test("whole numbers in another unit are no whole numbers any more", async () => {
    const response = await get(viewer, `/${counts.uuid}?uom=km&format=arrow`);
    const table = tableFromIPC(await response.arrayBuffer());
    expect([...table.getChild("metres").toArray()]).toEqual([0, 0.001, 0.002]);
    expect(table.schema.fields[1]?.metadata?.get("uom")).toBe("km");
  });

  test("what one may not see is as what was never issued, and nobody reads without a bearer token", async () => {
    const never = "5b0d1f5e-5bd0-4b4e-8b0e-0d6f3c1f9a11";
    const expected = await refusal(await get(partner, `/${never}`));
    expect(expected.slice(0, 2)).toEqual([404, "NOT_FOUND"]);
    for (const path of [
      `/${hidden.uuid}`,
      "/malformed",
      "/%zz",
      `?ids=${short.uuid},${hidden.uuid}`,
    ])
      expect(await refusal(await get(partner, path))).toEqual(expected);
    expect(
      (await refusal(await get(leader, `/${short.uuid}`))).slice(0, 2),
    ).toEqual([403, "FORBIDDEN"]);
    const token = await graph.issuer.tokenFor(viewer);
    for (const [path, headers] of [
      ["", { cookie: `token=${token}; access_token=${token}` }],
      [`?access_token=${token}`, {}],
      ["", { authorization: token }],
      ["", { authorization: "Bearer stolen" }],
    ] as [string, Record<string, string>][]) {
      const url = new URL(`/data/streams/${short.uuid}${path}`, graph.url);
      const response = await fetch(url, { headers });
      expect((await refusal(response)).slice(0, 2)).toEqual([
        401,
        "UNAUTHENTICATED",
      ]);
    }
  });

  test.each([
    ["a parameter that is misspelt", "form=2026-01-01T00:00:00Z", "form"],
    ["a parameter given twice", "kind=events&kind=events", "twice"],
    ["another format", "format=xlsx", "csv, jsonl, arrow"],
    ["another kind", "kind=plot", "events, interpolated, summaries"],
    ["no timestamp", "from=yesterday", "RFC 3339"],
    [
      "a window the wrong way round",
      "from=2027-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
      "before it begins",
    ],
    ["no window for summaries", "kind=summaries&count=3", "from and to"],
    [
      "a count that is no number",
      `kind=interpolated&${window}&count=many`,
      "Int",
    ],
    [
      "a kind of summary that is none",
      `kind=summaries&${window}&count=1&kinds=MODE`,
      "SummaryKind",
    ],
    ["a property that is not there", "property=other", "no property"],
    ["a filter with a fault", "filter=value+%3E%3E+3", "character 8"],
  ])("refuses %s before it begins", async (_, query, message) => {
    expect(await refusal(await get(viewer, `/${short.uuid}?${query}`))).toEqual(
      [400, "BAD_USER_INPUT", expect.stringContaining(message)],
    );
  });

  test("a file is only read, from pages of allowed origins too", async () => {
    const authorization = `Bearer ${await graph.issuer.tokenFor(viewer)}`;
    const path = `/data/streams/${short.uuid}`;
    const posted = await graph.fetch(path, {
      method: "POST",
      headers: { authorization },
      body: "timestamp,value",
    });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET"]);
    await posted.text();
    const origin = "https://allowed.example";
    const read = await get(viewer, `/${short.uuid}?${window}`, { origin });
    expect(read.headers.get("access-control-allow-origin")).toBe(origin);
    expect(read.headers.get("cache-control")).toBe("no-store");
    await read.text();
  });

  test("more computed rows than the graph has a page are too many here", async () => {
    const path = `/${short.uuid}?kind=summaries&${window}&count=100001`;
    expect((await refusal(await get(viewer, path))).slice(0, 2)).toEqual([
      413,
      "LIMIT_EXCEEDED",
    ]);
  });

  /** Takes the beginning, does something, and takes the rest. */
  async function interrupted(
    query: string,
    headers: Record<string, string>,
    meanwhile: () => Promise<unknown>,
    token = graph.issuer.tokenFor(partner),
  ): Promise<{ body: Buffer; isWhole: boolean }> {
    const url = new URL(`/data/streams/${bulky.uuid}${query}`, graph.url);
    const authorization = `Bearer ${await token}`;
    return new Promise((resolve, reject) => {
      const request = send(
        url,
        { headers: { authorization, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.once("data", () => {
            response.pause();
            meanwhile().then(() => response.resume(), reject);
          });
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", () => undefined);
          response.once("close", () =>
            resolve({
              body: Buffer.concat(chunks),
              isWhole: response.complete,
            }),
          );
        },
      );
      request.once("error", reject);
      request.end();
    });
  }

  test("a reader whose access ends is told so, and gets no whole file", async () => {
    const end = () =>
      database.owner("stream.shares").where({ stream_id: bulky.id }).delete();
    for (const [query, headers, told] of [
      ["?format=csv", {}, /\r\nERROR,"NOT_FOUND: Not found.*"\r\n$/],
      ["?format=jsonl", {}, /\n\{"error":\{"code":"NOT_FOUND",.*\}\}\n$/],
      ["?format=arrow", {}, null],
      ["?format=jsonl", { "accept-encoding": "gzip" }, /"NOT_FOUND"/],
    ] as [string, Record<string, string>, RegExp | null][]) {
      const { body, isWhole } = await interrupted(query, headers, end);
      await seed.share(bulky, shares);
      expect([query, isWhole]).toEqual([query, false]);
      if (told)
        expect(
          (headers["accept-encoding"]
            ? gunzipSync(body, { finishFlush: 2 })
            : body
          )
            .toString()
            .slice(-200),
        ).toMatch(told);
      else
        expect([...body.subarray(-8)]).not.toEqual([
          255, 255, 255, 255, 0, 0, 0, 0,
        ]);
    }
  });

  test.each([
    ["interpolated", `count=${bulkyCount}`],
    ["summaries", `count=${bulkyCount}&kinds=COUNT,LAST`],
  ])(
    "%s come piece by piece, as long as they may be read",
    async (kind, rows) => {
      const times = `from=${minute(0)}&to=${minute(bulkyCount - 1)}`;
      const { body, isWhole } = await interrupted(
        `?kind=${kind}&${times.replaceAll("+", "%2B")}&${rows}`,
        {},
        () =>
          database
            .owner("stream.shares")
            .where({ stream_id: bulky.id })
            .delete(),
      );
      await seed.share(bulky, shares);
      expect(isWhole).toBe(false);
      expect(body.toString().slice(-200)).toMatch(/\r\nERROR,"NOT_FOUND: /);
    },
  );

  test("an identity that is disabled meanwhile is told that", async () => {
    const enable = (enabled: boolean) =>
      database
        .owner("tenant.identities")
        .where({ id: client.id })
        .update({ enabled });
    const { body, isWhole } = await interrupted("", {}, () => enable(false));
    await enable(true);
    expect(isWhole).toBe(false);
    expect(body.toString().slice(-200)).toMatch(/ERROR,.*UNAUTHENTICATED/);
  });

  test("a token that ends meanwhile ends the file", async () => {
    // Clocks may differ by half a minute.
    const token = graph.issuer.sign({
      sub: client.uuid,
      identity: client.uuid,
      exp: Math.floor(Date.now() / 1000) - 28,
    });
    const { body, isWhole } = await interrupted(
      "",
      {},
      () => sleep(3_000),
      token,
    );
    expect(isWhole).toBe(false);
    expect(body.toString().slice(-200)).toMatch(
      /ERROR,"UNAUTHENTICATED: The access token has expired meanwhile/,
    );
  });

  test("a client that takes its time, or leaves, holds nothing in the database", async () => {
    const busy = async () => {
      const { rows } = await database.owner.raw<{ rows: unknown[] }>(
        `select state, query from pg_stat_activity
         where datname = current_database() and application_name = 'tributary-stream' and state <> 'idle'`,
      );
      return rows;
    };
    const request = send(
      new URL(`/data/streams/${bulky.uuid}`, graph.url),
      {
        headers: {
          authorization: `Bearer ${await graph.issuer.tokenFor(partner)}`,
        },
      },
      (response) => response.once("data", () => response.pause()),
    );
    request.on("error", () => undefined).end();
    await sleep(1_000);
    expect(await busy()).toEqual([]);
    request.destroy();
    await sleep(200);
    expect(await busy()).toEqual([]);
  });

  /** Begins a file that is larger than what lies between, and takes no more than its beginning. */
  async function begun(who: Viewer): Promise<ClientRequest> {
    const authorization = `Bearer ${await graph.issuer.tokenFor(who)}`;
    const url = new URL(`/data/streams/${bulky.uuid}`, graph.url);
    return new Promise((resolve, reject) => {
      const request = send(url, { headers: { authorization } }, (response) => {
        response.on("error", () => undefined);
        response.once("data", () => {
          response.pause();
          resolve(request);
        });
      });
      request.once("error", reject).end();
    });
  }

  test("a client that has gone before its file begins keeps nobody else from one", async () => {
    const { hostname, port } = new URL(graph.url);
    for (let delayMs = 0; delayMs < 8; delayMs++) {
      const { identityId, tenantId } = partner;
      // Another one each time, which is still to be verified.
      const token = await graph.issuer.sign({
        sub: identityId ?? "",
        identity: identityId,
        tenant: tenantId,
        jti: String(delayMs),
      });
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      socket.write(
        `GET /data/streams/${bulky.uuid} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`,
      );
      await once(socket, "connect");
      await sleep(delayMs);
      socket.resetAndDestroy();
    }
    await until(async () => {
      const reads = await Promise.all(
        // As many as are allowed at a time.
        [1, 2].map(() => get(partner, `/${short.uuid}?${window}`)),
      );
      await Promise.all(reads.map((read) => read.text()));
      return reads.every(({ status }) => status === 200);
    });
  });

  test("an identity downloads so many files at a time, and goes on when one has ended", async () => {
    const [one, another] = [await begun(partner), await begun(partner)];
    try {
      expect(
        await refusal(await get(partner, `/${short.uuid}?${window}`)),
      ).toEqual([
        429,
        "LIMIT_EXCEEDED",
        expect.stringMatching(/^At most 2 files .* when another has ended/),
      ]);
      // What one may not see is no different for that, and others are not held up.
      expect(
        (await refusal(await get(partner, `/${hidden.uuid}`))).slice(0, 2),
      ).toEqual([404, "NOT_FOUND"]);
      const read = await get(viewer, `/${short.uuid}?${window}`);
      expect(read.status).toBe(200);
      await read.text();
      one.destroy();
      await until(async () => {
        const again = await get(partner, `/${short.uuid}?${window}`);
        await again.text();
        return again.status === 200;
      });
    } finally {
      one.destroy();
      another.destroy();
    }
  });
});

describe("a reader whose files take the database long", () => {
  let graph: TestGraph;
  let reach: string;
  beforeAll(async () => {
    graph = await startGraph(database, "in one process");
    const { rows } = await database.owner.raw<{ rows: [{ text: string }] }>(
      "select pg_get_functiondef('stream.reach'::regproc) as text",
    );
    reach = rows[0].text;
    // The long stream's reads alone wait.
    const latest = "from stream.latest l";
    expect(reach).toContain(latest);
    await database.owner.raw(
      reach.replace(
        latest,
        `${latest} cross join lateral (
           select case when l.stream_id = ${long.id} then pg_advisory_xact_lock_shared(1) end offset 0) held`,
      ),
    );
  });
  afterAll(async () => {
    await database.owner.raw(reach);
    await graph.stop();
  });

  test("waits for itself, and holds up neither the files nor the graph of others", async () => {
    const get = async (who: Viewer, { uuid }: Stream) => {
      const token = await graph.issuer.tokenFor(who);
      const answer = await graph.fetch(`/data/streams/${uuid}?${window}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(20_000),
      });
      return [answer.status, (await answer.text()).split("\n").length];
    };
    const waiting = async () => {
      const { rows } = await database.owner.raw<{ rows: unknown[] }>(
        `select from pg_locks l join pg_stat_activity a on a.pid = l.pid
         where not l.granted and a.datname = current_database()`,
      );
      return rows.length;
    };
    const files = 6;
    const reading = await database.owner.transaction(async (holder) => {
      await holder.raw("select pg_advisory_xact_lock(1)");
      const reading = Array.from({ length: files }, () => get(partner, long));
      // By another connection: a transaction sees no session that is newer than its first look at them.
      await untilWaiting(database.owner, 3);
      expect(await get(viewer, short)).toEqual([200, 5]);
      const answer = await graph.request(
        viewer,
        `{ stream(id: "${short.uuid}") { last { value } } }`,
      );
      expect(outcome(answer)).toBe("ok");
      // No more of one reader than three have a connection, files or not.
      expect(await waiting()).toBe(3);
      return reading;
    });
    expect(await Promise.all(reading)).toEqual(
      Array.from({ length: files }, () => [200, 5]),
    );
  }, 60_000);
});

const castNumbers = (text: string) =>
  /^\d+$/.test(text) ? Number(text) : text;
