import { expect, jest, test } from "@jest/globals";
import { Supergraph } from "@apollo/federation-internals";
import { Agent, request } from "undici";
import { readSupergraph } from "../../gateway/supergraph.ts";
import { casesOr, firstCase } from "../support/cases.ts";
import { TestDatabase } from "../support/database.ts";
import { logTo } from "../support/log.ts";
import { startGraph } from "../support/graph.ts";
import { modes, type Mode, type TestGraph } from "../support/gateway.ts";
import { faulty, secret } from "./fuzz/faults.ts";
import { requestOf, type FuzzedRequest } from "./fuzz/requests.ts";
import { MarkedWorld } from "./fuzz/world.ts";

jest.setTimeout(60 * 60_000);

/** The longest that any request may take, on a busy machine. */
const boundMs = 30_000;
const cases = casesOr(300);
/** After so many a new world is planted, for mutations wear it out. */
const perWorld = Math.min(400, Math.ceil(cases / modes.length));

const schema = Supergraph.build(readSupergraph())
  .apiSchema()
  .toGraphQLJSSchema();

interface Answered {
  readonly status: number;
  readonly text: string;
}

interface Body {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly {
    readonly message: unknown;
    readonly extensions?: { readonly code?: unknown };
  }[];
}

const statuses = [200, 400, 401, 403, 405, 406, 413, 415, 429];

const codes: readonly unknown[] = [
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "CONFLICT",
  "BAD_USER_INPUT",
  "LIMIT_EXCEEDED",
  "RATE_LIMITED",
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "OPERATION_RESOLUTION_FAILURE",
  "BAD_REQUEST",
  "PERSISTED_QUERY_NOT_FOUND",
  "PERSISTED_QUERY_NOT_SUPPORTED",
];
const codeOfFault = "INTERNAL_SERVER_ERROR";

/** What only the inside knows: stack traces, SQL, files, the words of PostgreSQL and of JavaScript. */
const inside =
  /\n\s+at |node_modules|\.[jt]s:\d|\bselect\b.+\bfrom\b|syntax error at or near|violates|duplicate key|invalid byte|relation "|(Type|Range|Reference)Error|Cannot read|is not a function|is not iterable|ECONN|hunter2/;

/** What is wrong with an answer, whoever asked what. */
function faultsOf(
  { method }: FuzzedRequest,
  { status, text }: Answered,
  allowed = codes,
) {
  const faults: string[] = [];
  if (!statuses.includes(status)) faults.push(`status ${status}`);
  if (method === "HEAD") return faults;
  let body: Body;
  try {
    body = JSON.parse(text) as Body;
  } catch {
    return [...faults, "no JSON"];
  }
  for (const error of body.errors ?? [])
    if (!allowed.includes(error.extensions?.code))
      faults.push(`code ${String(error.extensions?.code)}`);
  const said = JSON.stringify(body.errors ?? []).match(inside);
  if (said) faults.push(`told: ${said[0]}`);
  if (status !== 200 && body.data != null) faults.push("refused with data");
  return faults;
}

/** What was found, so that a run that finds nothing because it asks nothing is noticed. */
const tally = {
  withData: 0,
  withMarks: 0,
  withForeignMarks: 0,
  changed: 0,
  withFault: 0,
};

interface Logged extends Record<string, unknown> {
  readonly err?: { readonly message: string };
}

class Fuzzer {
  private readonly cursors: string[] = [];
  private readonly agent = new Agent({
    headersTimeout: boundMs,
    bodyTimeout: boundMs,
  });

  static async start(mode: Mode, isFaulty = false): Promise<Fuzzer> {
    const database = await TestDatabase.create();
    const world = await MarkedWorld.seed(database);
    const { log, lines } = logTo<Logged>([], "error");
    const graph = await startGraph(database, mode, {
      log,
      ...(isFaulty && { change: faulty }),
    });
    return new Fuzzer(database, world, graph, lines, isFaulty);
  }

  private constructor(
    private readonly database: TestDatabase,
    private readonly world: MarkedWorld,
    private readonly graph: TestGraph,
    /** What the operator would be told to look into. */
    private readonly logged: Logged[],
    private readonly isFaulty: boolean,
  ) {}

  async stop(): Promise<void> {
    await this.agent.close();
    await this.graph.stop();
    await this.database.drop();
  }

  /** What is wrong with the answer to the request of a number, told so that it can be sent again. */
  async try(number: number): Promise<string[]> {
    const asked = requestOf(schema, number, this.world, this.cursors);
    const whole = JSON.stringify([asked.search, asked.body]);
    const faults: string[] = [];
    let answered: Answered | undefined;
    try {
      answered = await this.send(asked);
      faults.push(
        ...faultsOf(
          asked,
          answered,
          this.isFaulty ? [...codes, codeOfFault] : codes,
        ),
        ...(await this.leaks(asked, answered)),
      );
      this.learn(answered.text);
    } catch (error) {
      faults.push(`no answer: ${String(error)}`);
    }
    for (const line of this.logged.splice(0))
      if (this.isFaulty && line.err?.message.includes(secret))
        tally.withFault += 1;
      else faults.push(`logged: ${JSON.stringify(line)}`);
    if ("polluted" in {}) faults.push("a prototype is polluted");
    return faults.map(
      (fault) =>
        `${number} (${asked.kind}, by ${asked.sender.name}): ${fault}\n${JSON.stringify(asked.headers)} ${whole.slice(0, 4_000)}\n${answered?.text.slice(0, 2_000)}`,
    );
  }

  async send({
    sender,
    method,
    search,
    headers,
    body,
  }: FuzzedRequest): Promise<Answered> {
    const token = await this.graph.issuer.tokenFor(sender.viewer);
    const answer = await request(
      new URL(
        search === undefined ? "/graphql" : `/graphql?${search}`,
        this.graph.url,
      ),
      {
        dispatcher: this.agent,
        method,
        headers: {
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        body: body ?? null,
      },
    );
    return { status: answer.statusCode, text: await answer.body.text() };
  }

  /** Marks of others in an answer; of a change what may be met before or after it. */
  private async leaks(
    { sender, search, body }: FuzzedRequest,
    { text }: Answered,
  ): Promise<string[]> {
    const asked = [...new URLSearchParams(search).values(), body].join(" ");
    const told = this.world.told(asked, text);
    const isForeign = (mark: string) => !this.world.isFor(sender, asked, mark);
    let foreign = told.filter(isForeign);
    if (/"data":\{/.test(text)) tally.withData += 1;
    if (told.length > 0) tally.withMarks += 1;
    if (told.some((mark) => !this.world.isOwn(sender, mark)))
      tally.withForeignMarks += 1;
    // By its hash, too.
    if (/mutation|sha256Hash/.test(asked)) {
      if (/"data":\{"[^"]+":[^n]/.test(text)) tally.changed += 1;
      await this.world.lookAgain();
      foreign = foreign.filter(isForeign);
    }
    return foreign.map((mark) => `another's ${mark}`);
  }

  private learn(text: string): void {
    for (const [, cursor = ""] of text.matchAll(/"\w*[cC]ursor":"([^"]+)"/g))
      this.cursors.unshift(cursor);
    this.cursors.length = Math.min(this.cursors.length, 40);
  }
}

/** Tries so many, each mode in turn. */
async function tryAll(
  cases: number,
  perWorld: number,
  isFaulty = false,
): Promise<string> {
  const faults: string[] = [];
  let fuzzer: Fuzzer | undefined;
  try {
    for (let i = 0; i < cases && faults.length < 10; i += 1) {
      if (i % perWorld === 0) {
        await fuzzer?.stop();
        const mode = modes[(i / perWorld) % 2] as Mode;
        fuzzer = await Fuzzer.start(mode, isFaulty);
      }
      faults.push(...((await fuzzer?.try(firstCase + i)) ?? []));
    }
  } finally {
    await fuzzer?.stop();
  }
  return faults.join("\n\n");
}

test("no request brings out a fault, or what belongs to another tenant", async () => {
  expect(await tryAll(cases, perWorld)).toBe("");
  console.log(tally);
  expect(tally.withData).toBeGreaterThan(cases / 3);
  expect(tally.withMarks).toBeGreaterThan(cases / 20);
  expect(tally.withForeignMarks).toBeGreaterThan(0);
  expect(tally.changed).toBeGreaterThan(0);
});

test("of a fault that is there nobody outside is told more than that", async () => {
  const few = Math.ceil(cases / 5);
  expect(await tryAll(few, Math.ceil(few / modes.length), true)).toBe("");
  expect(tally.withFault).toBeGreaterThan(few / 10);
});
