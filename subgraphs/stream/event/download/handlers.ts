import type { GraphQLObjectType } from "graphql";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, createGzip } from "node:zlib";
import type { CallHandler } from "../../../../common/call-handler.ts";
import { tooManyAtOnce } from "../../../../common/errors.ts";
import {
  drained,
  sendJson,
  splitUrl,
  stallMs,
  whenClosed,
} from "../../../../common/http-server.ts";
import { told } from "../../../../common/refusal.ts";
import type { Call } from "../../../../common/viewer.ts";
import type { StreamContext } from "../../context.ts";
import { AtOnce } from "../at-once.ts";
import { openDownload } from "./actions.ts";
import { formatFrom, liked, type FileWriter } from "./format.ts";
import { questionFrom } from "./question.ts";

/** Reads of streams as files, each piece in its turn as the reads of the graph. */
export function downloads(
  stream: GraphQLObjectType,
  createContext: (call: Call) => StreamContext,
  perIdentity: number,
): CallHandler {
  const underWay = new AtOnce<string | null>(perIdentity, () =>
    tooManyAtOnce(
      "files of one identity",
      perIdentity,
      "Ask for this one when another has ended, or for several streams in one: /data/streams?ids=….",
    ),
  );
  return async (request, response, call, log) => {
    if (request.method !== "GET") {
      response.setHeader("allow", "GET");
      return sendJson(response, 405, { error: "Files are read by GET." });
    }
    const [, search] = splitUrl(request);
    const Writer = formatFrom(search, request.headers);
    const question = questionFrom(request, stream);
    const download = await openDownload(question, () => createContext(call));
    await underWay.run(call.viewer.identityId, async () => {
      const writer = new Writer(download.columns, question.namesStreams);
      const { rows } = download;
      // What is refused now is refused as a whole.
      const first = await rows.next();
      const body = new Body(response, takesGzip(request));
      body.begin(writer);
      try {
        for (let piece = first; !piece.done; piece = await rows.next())
          await body.write(writer.rows(piece.value));
        await body.end(writer.end());
      } catch (error) {
        if (!response.destroyed)
          await body.breakOff(writer.fault(told(error, call.requestId, log)));
      }
    });
  };
}

const takesGzip = ({ headers }: IncomingMessage) =>
  liked(String(headers["accept-encoding"] ?? "")).includes("gzip");

/** A response that is written no faster than its client takes it, and does not end if it is not whole. */
class Body {
  private readonly gzip;
  private readonly zipped: Buffer[] = [];

  constructor(
    private readonly response: ServerResponse,
    isZipped: boolean,
  ) {
    if (!isZipped) return;
    this.gzip = createGzip({ level: constants.Z_BEST_SPEED });
    this.gzip.on("data", (chunk: Buffer) => this.zipped.push(chunk));
  }

  begin({ contentType, extension }: FileWriter): void {
    this.response.setHeader("content-type", contentType);
    this.response.setHeader(
      "content-disposition",
      `attachment; filename="events.${extension}"`,
    );
    if (this.gzip) this.response.setHeader("content-encoding", "gzip");
  }

  async write(piece: Uint8Array): Promise<void> {
    await this.send(await this.encoded(piece));
  }

  async end(piece: Uint8Array): Promise<void> {
    await this.send(await this.encoded(piece));
    if (this.gzip) {
      const ended = once(this.gzip, "end");
      this.gzip.end();
      await ended;
    }
    this.response.end(Buffer.concat(this.zipped));
  }

  /** Says why, if there is a way to say it, and cuts the connection. */
  async breakOff(why: Uint8Array | null): Promise<void> {
    if (why) {
      const bytes = await this.encoded(why);
      await new Promise<void>((resolve) => {
        this.response.setTimeout(stallMs);
        this.response.write(bytes, () => resolve());
        whenClosed(this.response, resolve);
      });
    }
    this.response.destroy();
  }

  private async encoded(piece: Uint8Array): Promise<Uint8Array> {
    const { gzip } = this;
    if (!gzip) return piece;
    gzip.write(piece);
    await new Promise<void>((resolve) => gzip.flush(resolve));
    return Buffer.concat(this.zipped.splice(0));
  }

  private async send(bytes: Uint8Array): Promise<void> {
    if (this.response.destroyed) throw new Error("The client has gone.");
    if (bytes.length === 0 || this.response.write(bytes)) return;
    await drained(this.response);
  }
}
