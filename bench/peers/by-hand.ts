import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import pg from "pg";
import { connectionSettings } from "../../common/database.ts";
import { identify } from "./identity.ts";

type Answer<Variables> = (
  db: pg.Pool,
  viewer: string | null,
  variables: Variables,
) => Promise<string>;

/** What one would write without a graph: a statement behind node:http, for a caller with the same bearer token. */
export function serveByHand<Variables = Readonly<Record<string, string>>>(
  answer: Answer<Variables>,
): void {
  const { DATABASE_URL = "", HOST, PORT } = process.env;
  const db = new pg.Pool(connectionSettings(DATABASE_URL, "bench-by-hand"));
  const reply = async (request: IncomingMessage) => {
    const { identityId } = await identify(request);
    const { variables } = JSON.parse(await text(request)) as {
      variables: Variables;
    };
    return answer(db, identityId, variables);
  };
  createServer((request, response) => {
    reply(request).then(
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
  }).listen(Number(PORT), HOST);
}
