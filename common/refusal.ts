import { HeaderMap } from "@apollo/server";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import type { ServerResponse } from "node:http";
import { DomainError, type ErrorDetails } from "./errors.ts";
import { sendJson } from "./http-server.ts";
import type { Logger } from "./log.ts";
import { mask } from "./masking.ts";

/** Of requests that are refused as a whole. */
const statuses: Readonly<Record<string, number>> = {
  // Clients know it by its code, and go on.
  PERSISTED_QUERY_NOT_FOUND: 200,
  BAD_REQUEST: 400,
  BAD_USER_INPUT: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  CONFLICT: 409,
  LIMIT_EXCEEDED: 413,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
  TIMEOUT: 504,
};

const statusOf = (cause: unknown, code: unknown): number =>
  (cause instanceof DomainError ? cause.status : undefined) ??
  statuses[String(code)] ??
  500;

/** Answers a request as a whole by an error, and says what was done all the same, if anything was. */
export function refuse(
  response: ServerResponse,
  cause: unknown,
  requestId: string,
  log: Logger,
  done: object = {},
): void {
  // The client has gone.
  if (response.destroyed) return;
  const error = told(cause, requestId, log);
  const status = statusOf(cause, error.extensions?.["code"]);
  if (status === 401)
    response.setHeader("www-authenticate", 'Bearer error="invalid_token"');
  if (status === 429)
    response.setHeader("retry-after", retryAfter(error.extensions));
  sendJson(response, status, { errors: [error], ...done });
}

/** What is too much at a time is over as soon as what is under way has ended. */
const retryAfter = (extensions: object | undefined): string =>
  String((extensions as ErrorDetails | undefined)?.retryAfterSeconds ?? 1);

/** A refusal of a request as a whole that Apollo Server meets on its way, which asks errors for the status. */
export function asWhole(cause: unknown): unknown {
  if (!(cause instanceof DomainError)) return cause;
  const { message, extensions } = cause;
  const status = statusOf(cause, extensions.code);
  const headers = new HeaderMap();
  if (status === 429) headers.set("retry-after", retryAfter(extensions));
  const http: object = { status, headers };
  return new GraphQLError(message, { extensions: { ...extensions, http } });
}

/** What was thrown, as the client may read it. */
export function told(
  cause: unknown,
  requestId: string,
  log: Logger,
): GraphQLFormattedError {
  const { message, extensions } =
    cause instanceof DomainError || cause instanceof GraphQLError
      ? cause
      : { message: "", extensions: {} };
  return mask(
    { message, extensions: { ...extensions } },
    cause,
    requestId,
    log,
  );
}
