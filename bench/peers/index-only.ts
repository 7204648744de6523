import type pg from "pg";

/** What a page of streams is asked for by, beside who asks. */
export interface Asked {
  /** OWN or SHARED; of a community there is its id instead. */
  readonly from?: string | undefined;
  readonly id?: string | undefined;
  readonly first?: number | null | undefined;
  /** A cursor of the graph. */
  readonly after?: string | null | undefined;
  /** A word by which names are ranked, if the page is ordered by RELEVANCE, and not searched for. */
  readonly search?: string | null | undefined;
  readonly orderBy?: { readonly field: string } | null | undefined;
}

/** What a page shows is in the index that it goes by. */
const lists = {
  OWN: {
    from: "stream.streams s where s.tenant_id = (select i.tenant_id from tenant.identities i where i.uuid = $1)",
    name: "s.name",
    id: "s.uuid",
  },
  /** The caller takes part in one community. */
  SHARED: sharedIn(`
    select me.community_id from community.members me
    join tenant.identities i on i.id = me.identity_id where i.uuid = $1`),
  COMMUNITY: sharedIn(
    "select c.id from community.communities c where c.uuid = $1",
  ),
};

function sharedIn(community: string) {
  return {
    from: `stream.shares h where h.community_id = (${community})`,
    name: "h.stream_name",
    id: "h.stream_uuid",
  };
}

const byName = ({ from, name, id }: typeof lists.OWN) => `
  select ${id} as id, ${name} as name from ${from} and (${name}, ${id}) > ($2, $3)
  order by ${name}, ${id} limit $4`;
/** The first 10,000 by name, those first whose names hold the word. */
const byRank = ({ from, name, id }: typeof lists.OWN) => `
  select r.id, r.name
  from (select g.*, -(lower(g.name) ~ $5)::int as rank
        from (select ${id} as id, ${name} as name from ${from} order by ${name}, ${id} limit 10000) g) r
  where (r.rank, r.name, r.id) > ($6, $2, $3)
  order by r.rank, r.name, r.id limit $4`;

const beginning = ["-9", "", "00000000-0000-0000-0000-000000000000"];

/** The rank, if there is one, the name and the id with which a cursor of the graph ends. */
const placeOf = (cursor: string) =>
  (JSON.parse(Buffer.from(cursor, "base64url").toString()) as string[]).slice(
    -3,
  );

/** Asks neither what is searched for nor what the caller may see, which makes the comparison stricter. */
export async function indexOnlyPage(
  db: pg.Pool,
  viewer: string | null,
  { from, id, first, after, search, orderBy }: Asked,
) {
  const list = id ? "COMMUNITY" : from === "OWN" ? "OWN" : "SHARED";
  const size = first ?? 0;
  const isRanked = orderBy?.field === "RELEVANCE";
  const [rank, ...place] = after ? placeOf(after) : beginning;
  const { rows } = await db.query<{ id: string; name: string }>({
    name: isRanked ? `${list} RANKED` : list,
    text: (isRanked ? byRank : byName)(lists[list]),
    values: [
      id ?? viewer,
      ...place,
      size + 1,
      ...(isRanked ? [search ?? "", rank] : []),
    ],
  });
  return {
    nodes: rows.slice(0, size),
    pageInfo: { hasNextPage: rows.length > size },
  };
}
