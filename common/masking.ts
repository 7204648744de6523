import type { ApolloServerPlugin, BaseContext } from "@apollo/server";
import { GraphQLError, type GraphQLFormattedError } from "graphql";
import { isOutage, isTimeout } from "./database.ts";
import { isPublic } from "./errors.ts";
import type { Logger } from "./log.ts";

export const requestIdHeader = "x-request-id";

/**
 * The error as the client may read it. What is no refusal of ours is a bug or an outage: it is logged with its cause,
 * and the client gets the request id under which the log has it.
 */
export function mask(
  error: GraphQLFormattedError,
  cause: unknown,
  requestId: string,
  log: Logger,
): GraphQLFormattedError {
  if (isPublic(error) || isMasked(error)) return error;
  const { code, message } = describe(rootOf(cause));
  log.error({ requestId, path: error.path, err: rootOf(cause) }, code);
  return {
    message,
    ...(error.path && { path: error.path }),
    extensions: { code, requestId },
  };
}

/** Masked and logged by the subgraph that it comes from. */
const isMasked = ({ extensions }: GraphQLFormattedError) =>
  extensions?.["code"] === "INTERNAL_SERVER_ERROR" &&
  extensions["requestId"] !== undefined;

function describe(cause: unknown): { code: string; message: string } {
  if (isTimeout(cause))
    return {
      code: "TIMEOUT",
      message: "This took too long. Ask for less at a time.",
    };
  if (isOutage(cause))
    return {
      code: "UNAVAILABLE",
      message: "The database is not available. Try again in a moment.",
    };
  return {
    code: "INTERNAL_SERVER_ERROR",
    message:
      "Something went wrong on our side. Name the request id when you report it.",
  };
}

function rootOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError
    ? rootOf(error.originalError)
    : error;
}

/** Masks the errors of every answer of one server; `shape` has the last word on what else they show. */
export const maskErrors = (
  log: Logger,
  shape: (error: GraphQLFormattedError) => GraphQLFormattedError,
): ApolloServerPlugin<BaseContext> => ({
  unexpectedErrorProcessingRequest({ requestContext, error }) {
    const requestId = requestContext.request.http?.headers.get(requestIdHeader);
    log.error({ requestId, err: error }, "the server failed");
    return Promise.resolve();
  },
  requestDidStart: ({ request }) =>
    Promise.resolve({
      willSendResponse({ errors, response }) {
        const requestId = request.http?.headers.get(requestIdHeader) ?? "";
        if (response.body.kind === "single" && errors) {
          const result = response.body.singleResult;
          result.errors = result.errors?.map((error, i) =>
            shape(mask(error, errors[i], requestId, log)),
          ) as NonNullable<typeof result.errors>;
        }
        return Promise.resolve();
      },
    }),
});
