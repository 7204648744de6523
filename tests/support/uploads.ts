import { request as open, type ClientRequest } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Viewer } from "../../common/viewer.ts";
import type { TestGraph } from "./gateway.ts";

/** What an upload is answered with. */
export interface Received {
  readonly status: number;
  readonly eventCount?: number;
  readonly rowCount?: number;
  readonly code?: string;
  readonly at?: string;
  readonly message?: string;
}

export interface Upload {
  readonly query?: string;
  readonly type?: string;
  readonly headers?: Record<string, string>;
}

/** An upload that is under way. */
export interface OpenUpload {
  readonly request: ClientRequest;
  readonly received: Promise<Received>;
}

/** Begins to send events as somebody, or with a token of the test's own making; the test writes the body. */
export async function begin(
  graph: TestGraph,
  who: Viewer | string,
  { query = "", type = "text/csv", headers = {} }: Upload = {},
): Promise<OpenUpload> {
  const token =
    typeof who === "string" ? who : await graph.issuer.tokenFor(who);
  const request = open(new URL(`/ingest${query}`, graph.url), {
    method: "POST",
    headers: {
      "content-type": type,
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...headers,
    },
  });
  const received = new Promise<Received>((resolve, reject) => {
    request.on("error", reject);
    request.once("response", (response) => {
      text(response).then((body) => {
        const { errors, ...done } = JSON.parse(body) as {
          errors?: { message: string; extensions: object }[];
        };
        const [error] = errors ?? [];
        const status = response.statusCode ?? 0;
        const told = error && { message: error.message, ...error.extensions };
        resolve({ status, ...done, ...told });
      }, reject);
    });
  });
  // A test that ends it itself does not wait for its answer.
  received.catch(() => undefined);
  return { request, received };
}

/** Sends events in pieces. */
export async function send(
  graph: TestGraph,
  who: Viewer | string,
  body: string | Buffer | readonly (string | Buffer)[],
  upload: Upload & { readonly pauseMs?: number } = {},
): Promise<Received> {
  const { request, received } = await begin(graph, who, upload);
  for (const piece of Array.isArray(body) ? (body as Buffer[]) : [body]) {
    request.write(piece);
    if (upload.pauseMs) await sleep(upload.pauseMs);
  }
  request.end();
  return received;
}
