import { serveByHand } from "./by-hand.ts";
import { longRead } from "./long-read.ts";

/** Columns whose JSON text PostgreSQL builds, passed through. */
serveByHand(async (db, _viewer, { id, from, to }) => {
  const { rows } = await db.query<[timestamps: string, values: string]>({
    name: "events",
    text: `select array_to_json(array_agg(ts))::text, array_to_json(array_agg(value))::text
           from (select e.ts, e.value ${longRead} order by e.ts) e`,
    values: [id, from, to],
    rowMode: "array",
  });
  const [timestamps, values] = rows[0] ?? [];
  return `{"data":{"stream":{"events":{"timestamps":${timestamps},"values":${values}}}}}`;
});
