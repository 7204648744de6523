import type { ApolloServerPlugin } from "@apollo/server";
import { limitExceeded } from "../../common/errors.ts";
import { asWhole } from "../../common/refusal.ts";
import type { GatewayContext } from "../data-source.ts";
import { costOf } from "./cost.ts";
import { Weights } from "./weights.ts";

/** What takes two seconds of a core (docs/decisions/cost.md); a page of a hundred with a hundred in each is half. */
export const usualMaxCost = 50_000;

/** Whoever sends it, with any value, is told in `extensions.cost` what the operation costs. */
export const costHeader = "tributary-cost";

/**
 * Refuses an operation that may cost more than that, or than its caller has left, before it is planned.
 */
export function limitCost(
  supergraphSdl: string,
  maxCost: number,
): ApolloServerPlugin<GatewayContext> {
  const weights = new Weights(supergraphSdl);
  return {
    requestDidStart: () =>
      Promise.resolve({
        async didResolveOperation({
          document,
          operation,
          request,
          contextValue,
        }) {
          if (!operation) return;
          try {
            const { variables = {} } = request;
            const cost = costOf(weights, document, operation, variables);
            if (cost > maxCost)
              throw limitExceeded(
                "points of cost a request, one for each object that its lists may hold, more for what is computed",
                maxCost,
                cost,
                "Ask for smaller pages by first, or for fewer lists within lists.",
              );
            await contextValue.account.charge(cost);
            contextValue.cost = cost;
          } catch (error) {
            throw asWhole(error);
          }
        },
        willSendResponse({ request, response, contextValue: { cost } }) {
          if (
            response.body.kind === "single" &&
            cost !== null &&
            request.http?.headers.has(costHeader)
          )
            response.body.singleResult.extensions = {
              cost: { value: cost, limit: maxCost },
            };
          return Promise.resolve();
        },
      }),
  };
}
