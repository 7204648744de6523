import type { IncomingMessage } from "node:http";
import type { CallHandler } from "../../../../common/call-handler.ts";
import { sendJson, takeTime } from "../../../../common/http-server.ts";
import { DomainError, forbidden } from "../../../../common/errors.ts";
import { assertLive, hintFor } from "../../../../common/permissions.ts";
import { refuse } from "../../../../common/refusal.ts";
import { Turns } from "../../../../common/turns.ts";
import type { Call } from "../../../../common/viewer.ts";
import type { StreamContext } from "../../context.ts";
import { storeBatch } from "./actions.ts";
import { batchesOf } from "./batches.ts";
import { unpacked } from "./body.ts";
import { inTimeEach } from "./in-time.ts";
import { layoutOf } from "./layout.ts";
import type { IngestLimits } from "./limits.ts";
import { readAhead } from "./read-ahead.ts";
import { contentTypes, formatOf, requestOf } from "./request.ts";
import { Uploads } from "./uploads.ts";

/** Of all uploads of a process, so that the graph keeps connections. */
const maxWritesAtOnce = 2;
/** Of a batch, as of a call of `writeEvents`. */
const batch = { bytes: 16 * 2 ** 20, streams: 1_000 };

/** Writes events that come as a file, batch by batch, no faster than they are stored. */
export function ingest(
  createContext: (call: Call) => StreamContext,
  limits: IngestLimits,
): CallHandler {
  const turns = new Turns({ inAll: maxWritesAtOnce });
  const uploads = new Uploads(limits);
  return async (request, response, call, log) => {
    if (request.method !== "POST") {
      response.setHeader("allow", "POST");
      return sendJson(response, 405, { error: "Events are sent by POST." });
    }
    const format = formatOf(request);
    if (!format || !isReadable(request)) {
      response.setHeader("accept", contentTypes.join(", "));
      response.setHeader("accept-encoding", "gzip");
      return sendJson(response, 415, {
        error: `Send ${contentTypes.join(", ")}, plain or with "Content-Encoding: gzip".`,
      });
    }
    const asked = requestOf(request);
    const context = createContext(call);
    await assertLive(context);
    const caller = await context.callers.find();
    if (!caller)
      throw forbidden(`You may not send events.${hintFor(call.viewer)}`);
    await uploads.run(caller.tenantRowId, async (place) => {
      takeTime(request);
      const done = { eventCount: 0, rowCount: 0 };
      const { abandon } = place;
      const batches = batchesOf(
        format(unpacked(request, limits, abandon.signal)),
        layoutOf,
        { ...batch, cells: limits.batchCells },
        asked.skip,
      );
      try {
        const inTime = inTimeEach(
          readAhead(batches, () => abandon.abort()),
          limits.batchMs,
          () => abandon.abort(tooSlow(limits.batchMs)),
        );
        for await (const next of inTime) {
          const { eventCount } = await place.keepFor(() =>
            turns.run(call.viewer, {
              work: () => storeBatch(next, asked, createContext(call)),
            }),
          );
          done.eventCount += eventCount;
          done.rowCount = next.firstRow + next.rowCount;
        }
        sendJson(response, 200, done);
      } catch (error) {
        refuse(response, error, call.requestId, log, done);
      }
    });
  };
}

const tooSlow = (batchMs: number) =>
  new DomainError(
    "TIMEOUT",
    `What is stored at a time took longer than ${batchMs / 1000} seconds to come. Collect more events first, and send them at once.`,
  );

const isReadable = ({ headers }: IncomingMessage) =>
  [undefined, "identity", "gzip"].includes(headers["content-encoding"]);
