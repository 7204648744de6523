import type { GraphQLFormattedError } from "graphql";
import { errors, Pool } from "undici";
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

export interface HttpDataSourceOptions {
  readonly name: string;
  readonly url: URL;
  readonly tokens: InternalTokenSigner;
  readonly log: Logger;
  /** Longer than a statement may run, so that its own time-out is told first. */
  readonly timeoutMs?: number;
}

/** A subgraph in another process, over kept connections. */
export class HttpDataSource implements DataSource {
  private readonly pool: Pool;

  constructor(private readonly options: HttpDataSourceOptions) {
    const { url, timeoutMs = 65_000 } = options;
    this.pool = new Pool(url.origin, {
      connections: 64,
      connect: { timeout: 5_000 },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
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
    try {
      const answer = await this.post(
        JSON.stringify({ query, variables }),
        await this.options.tokens.sign(viewer),
        requestId,
      );
      return {
        ...answer,
        ...(answer.errors && { errors: answer.errors.map(fromSubgraph) }),
      } as FetchAnswer;
    } catch (error) {
      log.error({ requestId, subgraph: name, err: error }, "a fetch failed");
      return isTimeout(error)
        ? failed(
            document,
            "TIMEOUT",
            "A part of the answer took too long. Ask for less at a time.",
          )
        : failed(
            document,
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
    const response = await this.pool.request({
      path: this.options.url.pathname,
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
        [requestIdHeader]: requestId,
      },
      body,
    });
    const text = await response.body.text();
    if (response.statusCode === 401)
      throw new Error(
        "The subgraph refuses the internal token: INTERNAL_TOKEN_SECRET must be the same in gateway and subgraphs.",
      );
    const answer: unknown = JSON.parse(text);
    if (!isAnswer(answer))
      throw new Error(
        `The subgraph answered ${response.statusCode} with something that is no GraphQL answer.`,
      );
    return answer;
  }
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

const isTimeout = (error: unknown) =>
  error instanceof errors.HeadersTimeoutError ||
  error instanceof errors.BodyTimeoutError;
