import {
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type GraphQLFormattedError,
} from "graphql";
import { EventEmitter } from "node:events";
import { Pool } from "undici";
import type { InternalTokenSigner } from "../common/internal-token.ts";
import type { Logger } from "../common/log.ts";
import { requestIdHeader } from "../common/masking.ts";
import {
  failed,
  fromSubgraph,
  type DataSource,
  type Fetch,
  type FetchAnswer,
} from "./data-source.ts";
import { Away, SteadyCalls } from "./steady-calls.ts";

export interface HttpDataSourceOptions {
  readonly name: string;
  readonly url: URL;
  readonly tokens: InternalTokenSigner;
  readonly log: Logger;
  /** How long a whole answer may take. */
  readonly timeoutMs?: number;
}

/** A subgraph in another process, over kept connections. */
export class HttpDataSource implements DataSource {
  private readonly pool: Pool;
  private readonly calls: SteadyCalls;
  private readonly timeoutMs: number;

  constructor(private readonly options: HttpDataSourceOptions) {
    const { name, url, log, timeoutMs = usualTimeoutMs } = options;
    this.timeoutMs = timeoutMs;
    this.pool = new Pool(url.origin, {
      connections: 64,
      connect: { timeout: 5_000 },
      // They bound a silence alone, and a call bounds all of its answer.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    this.calls = new SteadyCalls((isAway) =>
      isAway
        ? log.warn({ subgraph: name }, "a subgraph is away")
        : log.info({ subgraph: name }, "a subgraph is back"),
    );
  }

  async process({
    request: { query, variables },
    context,
    document,
  }: Extract<
    Fetch,
    { incomingRequestContext: unknown }
  >): Promise<FetchAnswer> {
    const { name, log } = this.options;
    const { viewer, requestId } = context.call;
    const representations: unknown = variables?.["representations"];
    try {
      const body = JSON.stringify({ query, variables });
      const token = await this.options.tokens.sign(viewer);
      const isRead = changesNothing(document);
      const answer = await this.calls.make(
        async () =>
          whole(await this.post(body, token, requestId), representations),
        (error) => isRead && !(error instanceof TookTooLong),
      );
      return {
        ...answer,
        ...(answer.errors && { errors: answer.errors.map(fromSubgraph) }),
      } as FetchAnswer;
    } catch (error) {
      if (!(error instanceof Away))
        log.error({ requestId, subgraph: name, err: error }, "a fetch failed");
      return error instanceof TookTooLong
        ? failed(
            document,
            representations,
            "TIMEOUT",
            "A part of the answer took too long. Ask for less at a time.",
          )
        : failed(
            document,
            representations,
            "UNAVAILABLE",
            "A part of the answer is not available. Try again in a moment.",
          );
    }
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private async post(
    body: string,
    token: string,
    requestId: string,
  ): Promise<SubgraphAnswer> {
    const { statusCode, text } = await this.send(body, token, requestId);
    if (statusCode === 401)
      throw new Error(
        "The subgraph refuses the internal token: INTERNAL_TOKEN_SECRET must be the same in gateway and subgraphs.",
      );
    const answer: unknown = JSON.parse(text);
    if (!isAnswer(answer))
      throw new Error(
        `The subgraph answered ${statusCode} with something that is no GraphQL answer.`,
      );
    return answer;
  }

  private async send(body: string, token: string, requestId: string) {
    const deadline = new Deadline();
    const timer = setTimeout(() => deadline.pass(), this.timeoutMs);
    try {
      const response = await this.pool.request({
        path: this.options.url.pathname,
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${token}`,
          [requestIdHeader]: requestId,
        },
        body,
        signal: deadline,
      });
      return {
        statusCode: response.statusCode,
        text: await response.body.text(),
      };
    } finally {
      clearTimeout(timer);
    }
  }
}

class TookTooLong extends Error {
  constructor() {
    super("The subgraph's answer was not whole in time.");
  }
}

/** What undici takes for an AbortSignal, which costs it a fifth of a small call. */
class Deadline extends EventEmitter {
  reason: TookTooLong | undefined;

  pass(): void {
    this.reason = new TookTooLong();
    this.emit("abort");
  }
}

/** Longer than a statement may run, so that its own time-out is told first. */
export const usualTimeoutMs = 65_000;

const changesNothing = (document: DocumentNode | undefined) =>
  document?.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.operation === OperationTypeNode.QUERY,
  ) ?? false;

/** With an entity, or null, for each that was asked for: they are told apart by their places alone. */
function whole(answer: SubgraphAnswer, representations: unknown) {
  const entities = (
    answer.data as Record<string, unknown> | null | undefined
  )?.["_entities"];
  if (
    Array.isArray(representations) &&
    entities != null &&
    (!Array.isArray(entities) || entities.length !== representations.length)
  )
    throw new Error(
      "The subgraph answered with other entities than asked for.",
    );
  return answer;
}

interface SubgraphAnswer {
  readonly data?: object | null;
  readonly errors?: readonly GraphQLFormattedError[];
}

function isAnswer(answer: unknown): answer is SubgraphAnswer {
  if (typeof answer !== "object" || answer === null) return false;
  const { data, errors: faults } = answer as Record<string, unknown>;
  return (
    (typeof data === "object" || Array.isArray(faults)) &&
    (faults === undefined || Array.isArray(faults))
  );
}
