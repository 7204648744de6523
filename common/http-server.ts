import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type OutgoingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { Server as NetServer, type AddressInfo, type Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import { StartError, type EnvironmentReader } from "./config.ts";
import type { Logger } from "./log.ts";

export type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
) => void | Promise<void>;

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** By path; `/*` at the end takes every path below, and the path itself. */
  readonly routes: Readonly<Record<string, Handler>>;
  /** Whether requests can be served now; asked by `/readyz`. */
  readonly isReady: () => Promise<boolean>;
  /** How long `/readyz` fails before connections are refused, so that a load balancer can turn away. */
  readonly graceMs: number;
  readonly times?: HttpTimes;
  readonly log: Logger;
}

/** How long a client may take, which sends as little as it likes as slowly as it likes. */
export interface HttpTimes {
  /** To send its first headers after it has connected, and those of each further request once it has begun. */
  readonly headersMs: number;
  /** To send a body, unless its handler takes its time. */
  readonly bodyMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** Without taking anything of what is left of its answer. */
  readonly stallMs: number;
}

/** A client that takes nothing for so long is given up. */
export const stallMs = 60_000;

const usualTimes: HttpTimes = {
  headersMs: 10_000,
  bodyMs: 120_000,
  // Longer than a load balancer keeps an idle connection, so that it is the one to close it.
  idleMs: 65_000,
  stallMs,
};

export interface HttpServer {
  readonly url: string;
  /** Finishes every request whose headers have arrived. */
  stop(): Promise<void>;
}

/** Where a process listens, and how it stops. */
export const readListenAddress = (
  reader: EnvironmentReader,
  port: number,
  graceMs = 500,
) => ({
  host: reader.text("HOST", "127.0.0.1"),
  port: reader.integer("PORT", port, { min: 1, max: 65_535 }),
  graceMs: reader.integer("STOP_GRACE_MS", graceMs, { min: 0, max: 120_000 }),
});

/** Whether nobody but this machine reaches a host of this name. */
export const isLoopback = (host: string) =>
  ["localhost", "::1", "[::1]"].includes(host) ||
  /^127\.\d+\.\d+\.\d+$/.test(host);

/** A request that is served at this time when the process stops has this long to end. */
const drainMs = 60_000;

/** Serves the routes, and `/healthz` and `/readyz` beside them. */
export async function listen(options: ListenOptions): Promise<HttpServer> {
  const { host, port, graceMs, times = usualTimes, log } = options;
  let isStopping = false;
  let isClosing = false;
  const isReadyNow = shared(options.isReady);
  const routes: Record<string, Handler> = {
    ...options.routes,
    "/healthz": (_request, response) =>
      sendJson(response, 200, { status: "ok" }),
    "/readyz": async (_request, response) => {
      const isReady = !isStopping && (await isReadyNow());
      sendJson(response, isReady ? 200 : 503, {
        status: isReady ? "ready" : "not ready",
      });
    },
  };

  const open = new Set<ServerResponse>();
  const server = createServer(
    {
      headersTimeout: times.headersMs,
      // How often the server looks for those that are too slow.
      connectionsCheckingInterval: Math.min(times.headersMs, 2_000),
      // The body has its own, see below.
      requestTimeout: 0,
      keepAliveTimeout: times.idleMs,
    },
    (request, response) => {
      open.add(response);
      whenClosed(response, () => open.delete(response));
      response.once("prefinish", () => response.setTimeout(times.stallMs));
      // Before Node gives the connection to the next answer, which may take its time.
      response.prependOnceListener("finish", () => response.setTimeout(0));
      response.shouldKeepAlive &&= !isClosing;
      limitTime(request, times.bodyMs);
      void answer(routes, request, response, log);
    },
  );
  // Of answers that are asked for on one connection, Node tells it to the one whose turn it is alone.
  server.on("connection", (socket: Socket) =>
    socket.once("close", () => {
      for (const response of open)
        if (response.socket === null && response.req.socket === socket)
          response.destroy().emit("close");
    }),
  );
  await bind(server, host, port);

  return {
    url: urlOf(server.address() as AddressInfo),
    async stop() {
      isStopping = true;
      await sleep(graceMs);
      isClosing = true;
      for (const response of open) {
        response.shouldKeepAlive = false;
        // One that has begun has told that its connection stays.
        if (response.headersSent)
          response.once("close", () =>
            setTimeout(() => server.closeIdleConnections(), graceMs),
          );
      }
      const closed = stopListening(server);
      // Whoever sends another request meanwhile is told by its answer that the connection ends.
      await Promise.race([closed, sleep(graceMs)]);
      // Right after the loop's poll: what has arrived has been read by now, and its connection is not idle.
      await setImmediate();
      server.close();
      const deadline = setTimeout(() => server.closeAllConnections(), drainMs);
      await closed;
      clearTimeout(deadline);
    },
  };
}

/** One at a time, whose answer all get who ask meanwhile. */
function shared(ask: () => Promise<boolean>): () => Promise<boolean> {
  let asked: Promise<boolean> | undefined;
  return () =>
    (asked ??= ask().finally(() => {
      asked = undefined;
    }));
}

/** As the server's own `close`, which would also cut idle connections, without a word to who is about to use one. */
const stopListening = (server: Server) =>
  new Promise((resolve) => NetServer.prototype.close.call(server, resolve));

async function answer(
  routes: Readonly<Record<string, Handler>>,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  for (const [name, value] of Object.entries(securityHeaders))
    response.setHeader(name, value);
  try {
    const handler = route(routes, pathOf(request));
    if (handler) await handler(request, response);
    else sendJson(response, 404, { error: "There is nothing at this path." });
  } catch (error) {
    log.error({ err: error }, "a request failed");
    if (response.headersSent) response.destroy();
    else sendJson(response, 500, { error: "Internal server error." });
  }
}

/** Calls when the answer has gone out or its client has gone, at once if that was before. */
export function whenClosed(
  stream: Readable | Writable,
  call: () => void,
): void {
  if (stream.destroyed) call();
  else stream.once("close", call);
}

/** Until more can be written; throws, and gives up, where who takes it has gone or takes nothing for long. */
export async function drained(
  sent: OutgoingMessage,
  maxMs = stallMs,
): Promise<void> {
  const over = new AbortController();
  const leave = () => over.abort(new Error("Who takes this has gone."));
  let stalled: NodeJS.Timeout | undefined;
  const begin = () => {
    stalled = setTimeout(
      () => over.abort(new Error("Who takes this takes no more of it.")),
      maxMs,
    );
  };
  whenClosed(sent, leave);
  // An answer behind another on its connection has nobody who could take it yet.
  if (sent.socket) begin();
  else sent.once("socket", begin);
  try {
    await once(sent, "drain", { signal: over.signal });
  } catch (error) {
    sent.destroy();
    throw error;
  } finally {
    clearTimeout(stalled);
    sent.off("socket", begin).off("close", leave);
  }
}

const deadlines = new WeakMap<IncomingMessage, NodeJS.Timeout>();

function limitTime(request: IncomingMessage, bodyMs: number): void {
  const { headers } = request;
  if (!("content-length" in headers || "transfer-encoding" in headers)) return;
  const deadline = setTimeout(() => request.destroy(), bodyMs).unref();
  deadlines.set(request, deadline);
  request.once("close", () => clearTimeout(deadline));
}

/** For a handler that reads a body as it comes, and gives up on its own a client that sends nothing. */
export const takeTime = (request: IncomingMessage): void =>
  clearTimeout(deadlines.get(request));

/** A client that has its answer and still sends is listened to this long, so that it comes to read the answer. */
const lingerMs = 5_000;

/** Passes over what is left of a body whose request is answered. */
export function passOver(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const deadline = setTimeout(() => request.destroy(), lingerMs).unref();
  request.once("close", () => clearTimeout(deadline));
}

/** A page loosens the policy by its own. */
const securityHeaders = {
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  // No other site shows or measures what it may not read.
  "cross-origin-resource-policy": "same-origin",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

function route(
  routes: Readonly<Record<string, Handler>>,
  path: string,
): Handler | undefined {
  if (Object.hasOwn(routes, path)) return routes[path];
  const below = Object.keys(routes).find(
    (key) => key.endsWith("/*") && `${path}/`.startsWith(key.slice(0, -1)),
  );
  return below === undefined ? undefined : routes[below];
}

/** The path of the request; the host that a client names is never looked at. */
const pathOf = (request: IncomingMessage) => splitUrl(request)[0];

/** Path and query string, the latter with its question mark. */
export function splitUrl({
  url = "/",
}: IncomingMessage): readonly [path: string, search: string] {
  const mark = url.indexOf("?");
  return mark < 0 ? [url, ""] : [url.slice(0, mark), url.slice(mark)];
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
): void {
  send(response, status, "application/json", JSON.stringify(body));
}

export function send(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Buffer,
): void {
  if (response.destroyed) return;
  response.statusCode = status;
  response.setHeader("content-type", contentType);
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(body);
}

async function bind(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  }).catch((cause: NodeJS.ErrnoException) => {
    const reason = reasons[cause.code ?? ""] ?? cause.message;
    throw new StartError(
      `Cannot listen on ${host}, port ${port}: ${reason}. Set HOST and PORT to another address.`,
      { cause },
    );
  });
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: "another process listens there",
  EACCES: "this account may not",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "no such host is known",
};

const urlOf = ({ address, family, port }: AddressInfo) =>
  `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
