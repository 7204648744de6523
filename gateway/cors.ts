import type { Handler } from "../common/http-server.ts";
import { requestIdHeader } from "../common/masking.ts";
import { tenantHeader } from "../common/trusted-issuer.ts";
import { budgetHeaders } from "./budgets/account.ts";
import { costHeader } from "./cost/limit-cost.ts";

/** What pages may read of an answer besides its body and type. */
const exposedHeaders = [requestIdHeader, ...budgetHeaders].join(", ");

/** Lets pages of these origins send requests with a bearer token; cookies are never asked for. */
export const cors =
  (origins: readonly string[], handler: Handler): Handler =>
  (request, response) => {
    const { origin } = request.headers;
    response.setHeader("vary", "Origin");
    if (origin !== undefined && origins.includes(origin)) {
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-expose-headers", exposedHeaders);
      if (request.method === "OPTIONS") {
        response.setHeader("access-control-allow-methods", "GET, POST");
        response.setHeader(
          "access-control-allow-headers",
          `authorization, content-type, ${costHeader}, ${tenantHeader}, apollo-require-preflight, x-apollo-operation-name, apollographql-client-name, apollographql-client-version`,
        );
        response.setHeader("access-control-max-age", "600");
        // Asked by browsers when a public page, as Apollo Sandbox, calls a server on this machine.
        response.setHeader("access-control-allow-private-network", "true");
      }
    }
    if (request.method !== "OPTIONS") return handler(request, response);
    response.statusCode = 204;
    response.end();
  };
