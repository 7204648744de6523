import { serveByHand } from "./by-hand.ts";
import { longRead } from "./long-read.ts";

/** Rows from PostgreSQL, columns made in Node. */
serveByHand(async (db, _viewer, { id, from, to }) => {
  const { rows } = await db.query<[timestamp: string, value: number]>({
    name: "events",
    text: `select e.ts, e.value ${longRead} order by e.ts`,
    values: [id, from, to],
    rowMode: "array",
  });
  const timestamps: string[] = [];
  const values: number[] = [];
  for (const [timestamp, value] of rows) {
    timestamps.push(timestamp);
    values.push(value);
  }
  return JSON.stringify({
    data: { stream: { events: { timestamps, values } } },
  });
});
