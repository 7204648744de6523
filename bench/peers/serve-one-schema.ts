import type { ExecutionResult, GraphQLSchema } from "graphql";
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { stringifyResult } from "../../common/packed.ts";
import { identify } from "./identity.ts";
import { oneSchema, type Contexts } from "./one-schema.ts";

type Execute = (
  contexts: Contexts,
  variables: Record<string, unknown>,
) => ExecutionResult | Promise<ExecutionResult>;

/** One schema with no more around it than it takes: each query is made ready once. */
export function serveOneSchema(
  prepare: (schema: GraphQLSchema, query: string) => Execute,
): void {
  const { schema, contextsOf } = oneSchema();
  const known = new Map<string, Execute>();
  const answer = async (request: IncomingMessage): Promise<string> => {
    const viewer = await identify(request);
    const { query, variables } = JSON.parse(await text(request)) as {
      query: string;
      variables: Record<string, unknown>;
    };
    const execute = known.get(query) ?? prepare(schema, query);
    known.set(query, execute);
    const contexts = contextsOf({ viewer, requestId: randomUUID() });
    const { data, errors } = await execute(contexts, variables);
    if (errors) throw new Error("The query fails.", { cause: errors[0] });
    return stringifyResult({ data: data ?? null });
  };
  createServer((request, response) => {
    answer(request).then(
      (body) => {
        response.setHeader("content-type", "application/json");
        response.setHeader("content-length", Buffer.byteLength(body));
        response.end(body);
      },
      (error: unknown) => {
        response.statusCode = request.method === "GET" ? 404 : 500;
        response.end(String(error));
      },
    );
  }).listen(Number(process.env["PORT"]), process.env["HOST"]);
}
