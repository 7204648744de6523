import { once } from "node:events";
import http, {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import https from "node:https";
import type { CallHandler } from "../common/call-handler.ts";
import { DomainError } from "../common/errors.ts";
import { drained, takeTime, whenClosed } from "../common/http-server.ts";
import type { InternalTokenSigner } from "../common/internal-token.ts";
import { requestIdHeader } from "../common/masking.ts";

/** What the stream subgraph serves. */
export const streamPaths = ["/data/streams/*", "/ingest"];

/** What of a request concerns the subgraph, and of its answer the client. */
const requestHeaders = ["accept", "accept-encoding"];
const bodyHeaders = ["content-type", "content-encoding", "content-length"];
const answerHeaders = [
  "accept",
  "accept-encoding",
  "allow",
  "content-type",
  "content-encoding",
  "content-length",
  "content-disposition",
];

/** What a subgraph in another process serves beside the graph, passed on both ways as it streams. */
export class Forwarder {
  private readonly agent;
  private readonly send;

  constructor(
    private readonly url: URL,
    private readonly tokens: InternalTokenSigner,
  ) {
    const { Agent, request } = url.protocol === "https:" ? https : http;
    this.agent = new Agent({ keepAlive: true });
    this.send = request;
  }

  readonly handler: CallHandler = async (request, response, call, log) => {
    const { viewer, requestId } = call;
    // Without a length Node sends the body of a GET as it is: the subgraph would take it for the next caller's request.
    const hasBody = request.method === "POST";
    const outgoing = this.send(new URL(this.url.origin), {
      agent: this.agent,
      path: request.url,
      method: request.method,
      headers: {
        ...chosen(request.headers, requestHeaders),
        ...(hasBody && chosen(request.headers, bodyHeaders)),
        authorization: `Bearer ${await this.tokens.sign(viewer)}`,
        [requestIdHeader]: requestId,
      },
    });
    whenClosed(response, () => outgoing.destroy());
    const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
    if (hasBody) {
      // The subgraph gives up who sends nothing. What fails here is met below: no answer comes, or it breaks off.
      takeTime(request);
      passOn(request, outgoing).catch(() => outgoing.destroy());
    } else outgoing.end();
    const [answer] = await answered.catch((error: unknown) => {
      log.error({ requestId, err: error }, "a request was not forwarded");
      throw new DomainError(
        "UNAVAILABLE",
        "This part of the service is not available. Try again in a moment.",
      );
    });
    response.statusCode = answer.statusCode ?? 502;
    for (const [name, value] of Object.entries(
      chosen(answer.headers, answerHeaders),
    ))
      response.setHeader(name, value);
    try {
      for await (const chunk of answer)
        if (!response.write(chunk)) await drained(response);
      response.end();
    } catch {
      // The subgraph broke off, or the client did: an answer that is not whole does not end.
      response.destroy();
    }
  };

  close(): void {
    this.agent.destroy();
  }
}

/** Leaves the request open, whatever becomes of what is sent on: it is still to be answered. */
async function passOn(
  request: IncomingMessage,
  outgoing: ClientRequest,
): Promise<void> {
  for await (const chunk of request.iterator({ destroyOnReturn: false }))
    if (!outgoing.write(chunk)) await drained(outgoing);
  outgoing.end();
}

const chosen = (
  headers: IncomingHttpHeaders,
  names: readonly string[],
): Record<string, string> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return value === undefined ? [] : [[name, String(value)]];
    }),
  );
