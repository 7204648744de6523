import { randomUUID } from "node:crypto";
import { calledRoutes, type CallRoutes } from "../common/call-handler.ts";
import { unauthenticated } from "../common/errors.ts";
import {
  listen,
  passOver,
  type Handler,
  type HttpServer,
  type ListenOptions,
} from "../common/http-server.ts";
import { filePoints } from "./budgets/limits.ts";
import { refuse } from "../common/refusal.ts";
import { cors } from "./cors.ts";
import { explorer } from "./explorer/explorer.ts";
import { Graphs, type GraphOptions } from "./graph.ts";
import { invitationPage } from "./invitation-page.ts";

export interface GatewayOptions
  extends Omit<ListenOptions, "routes">, GraphOptions {
  readonly supergraphSdl: string;
  /** What subgraphs serve beside the graph. */
  readonly subgraphRoutes: CallRoutes;
  /** Of pages that may call from a browser. */
  readonly origins: readonly string[];
  /** Whether people can register here. */
  readonly isBuiltInOn: boolean;
  /** The issuer, which has everything below /oidc. */
  readonly oidc: Handler;
  /** What a developer reads instead of e-mails, if anything. */
  readonly mailbox?: Handler | undefined;
}

export interface Gateway extends HttpServer {
  /** Another supergraph from now on; throws for one that cannot be served, and goes on with what there is. */
  serve(supergraphSdl: string): Promise<void>;
}

/** Serves the graph, its explorer, the issuer, the page that invitations lead to, and the mailbox where there is one. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const graphs = new Graphs(options);
  await graphs.serve(options.supergraphSdl);
  const http = await listen({
    ...options,
    routes: {
      "/graphql": cors(options.origins, graphs.handler),
      ...routesFor(options),
      "/oidc/*": charged(options.oidc, options),
      "/": charged(explorer(options.isBuiltInOn), options),
      "/invitation/*": charged(invitationPage(options.isBuiltInOn), options),
      ...(options.mailbox && { "/dev/mail": options.mailbox }),
    },
  });
  return {
    url: http.url,
    serve: (supergraphSdl) => graphs.serve(supergraphSdl),
    async stop() {
      options.budgets.hurry();
      await http.stop();
      await graphs.stop();
    },
  };
}

/** As the graph, for pages of the same origins; nobody is anonymous here. */
function routesFor({
  subgraphRoutes,
  origins,
  budgets,
  log,
}: GatewayOptions): Record<string, Handler> {
  const routes = calledRoutes(subgraphRoutes, {
    requestId: () => randomUUID(),
    async viewer(request, requestId, response) {
      const account = await budgets.receive(request, requestId, response);
      await account.charge(filePoints);
      response.once("finish", () => {
        if (response.statusCode === 401) void account.disown();
      });
      const { viewer } = account;
      if (viewer.identityId === null && viewer.person === null)
        throw unauthenticated();
      return viewer;
    },
    log,
  });
  return Object.fromEntries(
    Object.entries(routes).map(([path, handler]) => [
      path,
      cors(origins, handler),
    ]),
  );
}

/** What nobody has to be known for is charged to the address. The issuer counts tries of passwords by itself. */
function charged(
  handler: Handler,
  { budgets, log }: Pick<GatewayOptions, "budgets" | "log">,
): Handler {
  return async (request, response) => {
    try {
      await budgets.chargeStranger(request, response);
    } catch (error) {
      const { message } = error as Error;
      // Clients of OpenID Connect look for these two.
      refuse(response, error, randomUUID(), log, {
        error: "temporarily_unavailable",
        error_description: message,
      });
      passOver(request);
      return;
    }
    await handler(request, response);
  };
}
