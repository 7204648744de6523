import type pg from "pg";

/** What a page of streams is asked for by, beside who asks. */
export interface Asked {
  /** OWN or SHARED; of a community there is its id instead. */
  readonly from?: string | undefined;
  readonly id?: string | undefined;
  readonly first?: number | null | undefined;
  /** A cursor of the graph. */
  readonly after?: string | null | undefined;
}

/** What a page shows is in the index that it goes by. */
const own = `
  select s.uuid as id, s.name from stream.streams s
  where s.tenant_id = (select i.tenant_id from tenant.identities i where i.uuid = $1) and (s.name, s.uuid) > ($2, $3)
  order by s.name, s.uuid limit $4`;
const sharedIn = (community: string) => `
  select h.stream_uuid as id, h.stream_name as name from stream.shares h
  where h.community_id = (${community}) and (h.stream_name, h.stream_uuid) > ($2, $3)
  order by h.stream_name, h.stream_uuid limit $4`;
/** The caller takes part in one community. */
const shared = sharedIn(`
  select me.community_id from community.members me
  join tenant.identities i on i.id = me.identity_id where i.uuid = $1`);
const ofCommunity = sharedIn(
  "select c.id from community.communities c where c.uuid = $1",
);

const beginning = ["", "00000000-0000-0000-0000-000000000000"];

/** The name and the id with which a cursor of the graph ends. */
const placeOf = (cursor: string) =>
  (JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[]).slice(
    -2,
  );

/** Asks neither what is searched for nor what the caller may see, which makes the comparison stricter. */
export async function indexOnlyPage(
  db: pg.Pool,
  viewer: string | null,
  { from, id, first, after }: Asked,
) {
  const size = first ?? 0;
  const text = id ? ofCommunity : from === "OWN" ? own : shared;
  const { rows } = await db.query<{ id: string; name: string }>({
    name: id ? "COMMUNITY" : (from ?? ""),
    text,
    values: [id ?? viewer, ...(after ? placeOf(after) : beginning), size + 1],
  });
  return {
    nodes: rows.slice(0, size),
    pageInfo: { hasNextPage: rows.length > size },
  };
}
