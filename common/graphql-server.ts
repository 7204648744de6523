import { HeaderMap, type ApolloServer, type BaseContext } from "@apollo/server";
import { GraphQLError } from "graphql";
import type { IncomingMessage, ServerResponse } from "node:http";
import { limitExceeded } from "./errors.ts";
import { send, splitUrl, whenClosed, type Handler } from "./http-server.ts";
import type { Logger } from "./log.ts";
import { requestIdHeader } from "./masking.ts";
import { refuse } from "./refusal.ts";

/** What a body may take of the memory that there is for all of them. */
export interface BodyRoom {
  /** Throws for a body of this length that cannot be taken now. */
  assertFits(bytes: number): void;
  /** Keeps room for what has come of it so far. */
  take(bytes: number): void;
  /** The request is answered, and nothing kept of its body. */
  release(): void;
}

/** An operation as a request names it. */
export interface AskedOperation {
  /** Empty if it has none. */
  readonly query: string;
  /** SHA-256 of the text, as hexadecimal digits. */
  readonly hash: string | undefined;
}

export interface GraphqlEndpoint<Context extends BaseContext> {
  readonly server: ApolloServer<Context>;
  /** The id of this request in log, ledger and errors. */
  readonly requestId: (request: IncomingMessage) => string;
  /** Made from the headers alone, before the body is read; throws for a caller whom it does not believe. */
  readonly createContext: (
    request: IncomingMessage,
    requestId: string,
    response: ServerResponse,
  ) => Promise<Context>;
  /** Throws for a body that is longer than this caller's may be, as soon as that is known. */
  readonly admitBytes: (bytes: number, context: Context) => void;
  readonly roomFor: (context: Context) => BodyRoom;
  /** The text to be executed; throws for an operation that is not even looked at. */
  readonly admit: (asked: AskedOperation, context: Context) => string;
  readonly log: Logger;
}

/** GraphQL over HTTP: JSON in and out. */
export const graphqlHandler =
  <Context extends BaseContext>(endpoint: GraphqlEndpoint<Context>): Handler =>
  async (request, response) => {
    const requestId = endpoint.requestId(request);
    const begun = performance.now();
    response.setHeader(requestIdHeader, requestId);
    response.setHeader("cache-control", "no-store");
    try {
      await execute(endpoint, request, response, requestId);
    } catch (error) {
      refuse(response, error, requestId, endpoint.log);
    }
    const ms = Math.round(performance.now() - begun);
    const status = response.statusCode;
    // Whoever is not signed in has no ledger.
    endpoint.log[status === 401 ? "info" : "debug"]({ requestId, status, ms });
  };

async function execute<Context extends BaseContext>(
  endpoint: GraphqlEndpoint<Context>,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
): Promise<void> {
  const context = await endpoint.createContext(request, requestId, response);
  const room = endpoint.roomFor(context);
  try {
    const [, search] = splitUrl(request);
    // As the server does: what was admitted must be what is executed.
    const isPost = request.method === "POST";
    const body = isPost
      ? await readJson(request, {
          announced: (bytes) => {
            endpoint.admitBytes(bytes, context);
            room.assertFits(bytes);
          },
          come: (bytes) => {
            endpoint.admitBytes(bytes, context);
            room.take(bytes);
          },
        })
      : undefined;
    const asked = isPost ? body : inSearch(search);
    const operation = operationOf(asked);
    const query = endpoint.admit(operation, context);
    // A hash stands for a text, which is all that the server gets to see of it.
    const byHash = operation.hash !== undefined && { ...asOwn(asked), query };
    const answer = await endpoint.server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method ?? "",
        headers: headersOf(request, requestId),
        search: byHash && !isPost ? asSearch(byHash) : search,
        body: byHash && isPost ? byHash : body,
      },
      context: () => Promise.resolve(context),
    });
    if (answer.body.kind !== "complete")
      throw new Error("Answers in parts are not served.");
    for (const [name, value] of answer.headers) response.setHeader(name, value);
    send(
      response,
      answer.status ?? 200,
      answer.headers.get("content-type") ?? "application/json",
      answer.body.string,
    );
  } finally {
    room.release();
  }
}

function headersOf({ headers }: IncomingMessage, requestId: string): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) map.set(name, String(value));
  map.set(requestIdHeader, requestId);
  return map;
}

type Asked = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Asked =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// What has no query is refused by the server.
function operationOf(asked: unknown): AskedOperation {
  const { query, extensions } = isObject(asked) ? asked : {};
  const persisted = isObject(extensions)
    ? extensions["persistedQuery"]
    : undefined;
  const hash = isObject(persisted) ? persisted["sha256Hash"] : undefined;
  return {
    query: typeof query === "string" ? query : "",
    hash: typeof hash === "string" ? hash : undefined,
  };
}

/** Without what names the operation by its hash. */
function asOwn(asked: unknown): Asked {
  const { extensions, ...others } = isObject(asked) ? asked : {};
  if (!isObject(extensions)) return others;
  return {
    ...others,
    extensions: { ...extensions, persistedQuery: undefined },
  };
}

/** The parameters of a GET as the members of a body. */
function inSearch(search: string): Asked {
  const parameters = Object.fromEntries(new URLSearchParams(search));
  const { extensions } = parameters;
  if (extensions === undefined) return parameters;
  try {
    return { ...parameters, extensions: JSON.parse(extensions) as unknown };
  } catch {
    // The server has the words for that.
    return parameters;
  }
}

const asSearch = (asked: Asked) =>
  `?${new URLSearchParams(
    Object.entries(asked).map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  ).toString()}`;

/** Throw for a body that is not taken: by the length that its headers tell, and by what has come of it so far. */
interface Admission {
  readonly announced: (bytes: number) => void;
  readonly come: (bytes: number) => void;
}

/** The body, or undefined if its content type is not JSON: the server has the words for that. */
export async function readJson(
  request: IncomingMessage,
  admission: Admission,
): Promise<unknown> {
  const contentType = request.headers["content-type"] ?? "";
  if (!/^application\/json\s*(;|$)/i.test(contentType)) return undefined;
  // It is read as that, whatever its sender calls it.
  if (!/^[^;]*(;\s*charset\s*=\s*"?utf-8"?\s*)?$/i.test(contentType))
    throw badRequest("Send the body as application/json, in UTF-8.");
  if (request.headers["content-encoding"] !== undefined)
    throw badRequest("Send the body as it is, without a content-encoding.");
  const text = await readText(request, admission);
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch (error) {
    throw badRequest(`The body is not JSON: ${(error as Error).message}`);
  }
}

const badRequest = (message: string) =>
  new GraphQLError(message, { extensions: { code: "BAD_REQUEST" } });

function readText(
  request: IncomingMessage,
  { announced, come }: Admission,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let size = 0;
    const keep = (chunk: Buffer) => {
      size += chunk.length;
      if (isAdmitted(() => come(size))) chunks.push(chunk);
    };
    // What is refused is read to its end, so that the client comes to read the answer, but not kept.
    const isAdmitted = (admit: () => void) => {
      try {
        admit();
        return true;
      } catch (error) {
        chunks = [];
        request.off("data", keep).resume();
        reject(error as Error);
        return false;
      }
    };
    request.on("data", keep);
    request.once("end", () => resolve(Buffer.concat(chunks).toString()));
    request.once("error", reject);
    // The only word of a client that has gone, or was given up.
    whenClosed(request, () => reject(new Error("The client has gone.")));
    isAdmitted(() => announced(Number(request.headers["content-length"] ?? 0)));
  });
}

/** At most so many bytes a request. */
export function assertBytes(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes)
    throw limitExceeded(
      "bytes in a request",
      maxBytes,
      bytes,
      "Send it in several requests.",
    );
}
