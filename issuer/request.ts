import type { IncomingMessage } from "node:http";
import { badInput, limitExceeded } from "../common/errors.ts";
import { mountPath } from "./config.ts";

const maxFormBytes = 16 * 1024;

/**
 * Makes a request look as if it had come straight to the public URL, whatever it says about itself: the provider's
 * library makes URLs and decides about secure cookies from these headers.
 */
export function makeCanonical(request: IncomingMessage, publicUrl: URL): void {
  const { headers, url = "" } = request;
  headers.host = publicUrl.host;
  headers["x-forwarded-proto"] = publicUrl.protocol.slice(0, -1);
  delete headers["x-forwarded-host"];
  delete headers["x-forwarded-for"];
  // As the library wants to be mounted.
  Object.assign(request, {
    originalUrl: url,
    url: url.slice(mountPath.length) || "/",
  });
}

export async function readForm(
  request: IncomingMessage,
): Promise<URLSearchParams> {
  const contentType = request.headers["content-type"] ?? "";
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType))
    throw badInput("Send the form of this page.");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // What is too long is read to its end, so that the browser comes to read the answer, but not kept.
    if (size <= maxFormBytes) chunks.push(chunk);
  }
  if (size > maxFormBytes)
    throw limitExceeded(
      "bytes in a form",
      maxFormBytes,
      size,
      "Shorten what you entered.",
    );
  return new URLSearchParams(Buffer.concat(chunks).toString());
}
