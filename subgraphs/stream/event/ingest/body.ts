import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import {
  badInput,
  DomainError,
  limitExceeded,
} from "../../../../common/errors.ts";
import type { IngestLimits } from "./limits.ts";

/** A body as it comes, unpacked, and no sooner than it is asked for. */
export async function* unpacked(
  request: IncomingMessage,
  { bytes, idleMs }: IngestLimits,
  signal: AbortSignal,
): AsyncGenerator<Buffer, undefined> {
  const sent = within(bytes, received(request, idleMs, signal));
  yield* isZipped(request) ? within(bytes, unzipped(sent)) : sent;
}

/** Packed as well as unpacked: a gzip can go on for ever and hold nothing. */
async function* within(
  bytes: number,
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, undefined> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > bytes)
      throw limitExceeded(
        "bytes an upload, unpacked",
        bytes,
        size,
        "Send the file in several parts.",
      );
    yield chunk;
  }
}

const isZipped = ({ headers }: IncomingMessage) =>
  headers["content-encoding"] === "gzip";

/** Leaves the request open, whatever happens: it is still to be answered. */
async function* received(
  request: IncomingMessage,
  idleMs: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer, undefined> {
  for (;;) {
    signal.throwIfAborted();
    const chunk = request.read() as Buffer | null;
    if (chunk !== null) yield chunk;
    else if (request.readableEnded) return;
    else if (request.destroyed) throw new Error("The client has gone.");
    else await moved(request, idleMs, signal);
  }
}

/** Until there is more to read, or nothing will come any more. */
function moved(
  request: IncomingMessage,
  idleMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const events = ["readable", "end", "close", "error"] as const;
    const settle = (outcome: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", goOn);
      for (const event of events) request.off(event, goOn);
      outcome();
    };
    const goOn = () => settle(resolve);
    const timer = setTimeout(
      () => settle(() => reject(stalled(idleMs))),
      idleMs,
    );
    signal.addEventListener("abort", goOn);
    for (const event of events) request.on(event, goOn);
  });
}

const stalled = (idleMs: number) =>
  new DomainError(
    "TIMEOUT",
    `Nothing came for ${idleMs / 1000} seconds. Send what is left in a request of its own.`,
  );

async function* unzipped(
  sent: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer, undefined> {
  // A source that fails ends the unzipping with the same error.
  const gunzip = pipeline(sent, createGunzip(), () => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } catch (error) {
    throw isOfZip(error)
      ? badInput(
          `The gzip data is broken: ${error.message}. Send the file again.`,
          "content-encoding",
        )
      : error;
  }
}

const isOfZip = (error: unknown): error is NodeJS.ErrnoException =>
  String((error as NodeJS.ErrnoException).code).startsWith("Z_");
