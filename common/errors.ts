import type { GraphQLFormattedError } from "graphql";

/** Every code that a client can meet, besides Apollo's own for requests that are not valid GraphQL. */
export type ErrorCode =
  | "UNAUTHENTICATED"
  | "FORBIDDEN"
  | "NOT_FOUND"
  | "CONFLICT"
  | "BAD_USER_INPUT"
  | "LIMIT_EXCEEDED"
  | "RATE_LIMITED"
  | "TIMEOUT"
  | "UNAVAILABLE";

/**
 * What an error can say besides its code: the place in the arguments, the limit that was passed, when to try again, the
 * caller's own tenants where it is to name one.
 */
export interface ErrorDetails {
  at?: string;
  limit?: number;
  value?: number;
  retryAfterSeconds?: number;
  tenants?: readonly { readonly id: string; readonly name: string }[];
}

/** A refusal that the client is meant to read; anything else that is thrown is a bug or an outage. */
export class DomainError extends Error {
  readonly extensions: ErrorDetails & { code: ErrorCode };

  /** `status` is that of a request which is refused as a whole, if its code alone does not say it. */
  constructor(
    code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
    readonly status?: number,
  ) {
    super(message);
    this.name = "DomainError";
    this.extensions = { code, ...details };
  }
}

/** What is not there and what the caller may not see: one text, so that nobody learns which it was. */
export const notFound = (at?: string) =>
  new DomainError(
    "NOT_FOUND",
    "Not found, or not visible to you. Check the id.",
    at === undefined ? {} : { at },
  );

export const forbidden = (message: string, at?: string) =>
  new DomainError("FORBIDDEN", message, at === undefined ? {} : { at });

export const badInput = (message: string, at?: string) =>
  new DomainError("BAD_USER_INPUT", message, at === undefined ? {} : { at });

export const conflict = (message: string, at?: string) =>
  new DomainError("CONFLICT", message, at === undefined ? {} : { at });

export const unauthenticated = (
  message = "Sign in, and send the access token as a bearer token.",
) => new DomainError("UNAUTHENTICATED", message);

export const identityGone = () =>
  unauthenticated(
    "This identity was removed or disabled. Ask your tenant's account administrator.",
  );

/** Too often; the message says when to try again. */
export const rateLimited = (message: string, details: ErrorDetails = {}) =>
  new DomainError("RATE_LIMITED", message, details);

/** `what` names the limit in words, `next` how to go on. */
export const limitExceeded = (
  what: string,
  limit: number,
  value: number,
  next: string,
  at?: string,
) =>
  new DomainError(
    "LIMIT_EXCEEDED",
    `At most ${limit} ${what}; this asks for ${value}. ${next}`,
    at === undefined ? { limit, value } : { limit, value, at },
  );

/** What a caller has under way is as much as it may have at a time. */
export const tooManyAtOnce = (what: string, limit: number, next: string) =>
  new DomainError(
    "LIMIT_EXCEEDED",
    `At most ${limit} ${what} at a time. ${next}`,
    { limit, value: limit + 1 },
    429,
  );

const publicCodes = new Set<unknown>([
  "UNAUTHENTICATED",
  "FORBIDDEN",
  "NOT_FOUND",
  "CONFLICT",
  "BAD_USER_INPUT",
  "LIMIT_EXCEEDED",
  "RATE_LIMITED",
  "TIMEOUT",
  "UNAVAILABLE",
  "GRAPHQL_PARSE_FAILED",
  "GRAPHQL_VALIDATION_FAILED",
  "OPERATION_RESOLUTION_FAILURE",
  "BAD_REQUEST",
  "PERSISTED_QUERY_NOT_FOUND",
  "PERSISTED_QUERY_NOT_SUPPORTED",
]);

/** Whether an error may go out as it is; all others are masked, once per server. */
export const isPublic = (error: GraphQLFormattedError) =>
  publicCodes.has(error.extensions?.["code"]);
