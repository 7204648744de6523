import type { IncomingMessage, ServerResponse } from "node:http";
import { passOver, type Handler } from "./http-server.ts";
import type { Logger } from "./log.ts";
import { requestIdHeader } from "./masking.ts";
import { refuse } from "./refusal.ts";
import type { Call, Viewer } from "./viewer.ts";

/** Serves what is no GraphQL to a caller who is known. What it throws before it answers is told as JSON. */
export type CallHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  call: Call,
  log: Logger,
) => Promise<void>;

/** Handlers by path, as in the routes of a server. */
export type CallRoutes = Readonly<Record<string, CallHandler>>;

/** How a server knows a request and its caller, from the headers alone. */
export interface Reception {
  readonly requestId: (request: IncomingMessage) => string;
  /** Throws for a caller whom it does not believe. */
  readonly viewer: (
    request: IncomingMessage,
    requestId: string,
    response: ServerResponse,
  ) => Promise<Viewer>;
  readonly log: Logger;
}

/** The same as routes of a server. */
export const calledRoutes = (
  routes: CallRoutes,
  reception: Reception,
): Record<string, Handler> =>
  Object.fromEntries(
    Object.entries(routes).map(([path, handler]) => [
      path,
      called(handler, reception),
    ]),
  );

const called =
  (
    handler: CallHandler,
    { requestId: requestIdOf, viewer: viewerOf, log }: Reception,
  ): Handler =>
  async (request, response) => {
    const requestId = requestIdOf(request);
    response.setHeader(requestIdHeader, requestId);
    response.setHeader("cache-control", "no-store");
    try {
      const viewer = await viewerOf(request, requestId, response);
      await handler(request, response, { viewer, requestId }, log);
    } catch (error) {
      if (response.headersSent) response.destroy();
      refuse(response, error, requestId, log);
    }
    passOver(request);
    const status = response.statusCode;
    log[status === 401 ? "info" : "debug"]({ requestId, status });
  };
