import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { forbidden, notFound } from "../../../common/errors.ts";
import { groupInKeyOrder, inKeyOrder } from "../../../common/loaders.ts";
import { NestedList } from "../../../common/nested-list.ts";
import {
  isUuid,
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import { searchWords } from "../../../common/text.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";
import type {
  Extrapolation,
  StreamOrder,
  StreamRight,
  StreamSource,
} from "../generated.ts";
import type { StreamType } from "../stream-type/store.ts";
import type { Override } from "./overrides.ts";

/** A stream as one viewer sees it: what rule 18 keeps from other tenants is null to them. */
export interface Stream {
  readonly id: string;
  readonly rowId: number;
  readonly name: string;
  readonly description: string | null;
  readonly tags: readonly string[];
  readonly tenantId: string;
  readonly tenantRowId: number;
  readonly createdAt: string;
  readonly isOwn: boolean;
  /** What the viewer may do with it, as a sum. */
  readonly rights: number;
  readonly typeId: string;
  readonly typeRowId: number;
  readonly typeName: string;
  readonly typeDescription: string | null;
  readonly typeCreatedAt: string;
  readonly typeNamespaceRowId: number;
  readonly externalId: string | null;
  readonly metadata: object | null;
  readonly namespaceRowId: number | null;
  readonly extrapolation: Extrapolation | null;
  readonly updatedAt: string | null;
}

export const typeOf = (stream: Stream): StreamType => ({
  id: stream.typeId,
  rowId: stream.typeRowId,
  tenantRowId: stream.tenantRowId,
  namespaceRowId: stream.typeNamespaceRowId,
  name: stream.typeName,
  description: stream.typeDescription,
  createdAt: stream.typeCreatedAt,
});

interface Selection {
  search?: string | null;
  tenantIds?: readonly string[] | null;
  tags?: readonly string[] | null;
}

export interface CommunityStreamsArgs extends PageArgs, Selection {
  orderBy?: StreamOrder | null;
}

export interface StreamListArgs extends PageArgs, Selection {
  from: StreamSource;
  communityIds?: readonly string[] | null;
  namespaceId?: string | null;
  orderBy?: StreamOrder | null;
}

const columns = {
  id: "s.uuid",
  rowId: "s.id",
  name: "s.name",
  description: "s.description",
  tags: "s.tags",
  tenantId: "t.uuid",
  tenantRowId: "s.tenant_id",
  createdAt: "s.created_at",
  isOwn: "g.is_own",
  rights: "g.rights",
  typeId: "y.uuid",
  typeRowId: "y.id",
  typeName: "y.name",
  typeDescription: "y.description",
  typeCreatedAt: "y.created_at",
  typeNamespaceRowId: "y.namespace_id",
};

/** Rule 18. */
const ownColumns = {
  externalId: "s.external_id",
  metadata: "s.metadata",
  namespaceRowId: "s.namespace_id",
  extrapolation: "s.extrapolation",
  updatedAt: "s.updated_at",
};

/** What a search looks through: of other tenants' streams what rule 18 shows, so that no hit hints at the rest. */
const searched = `lower(concat_ws(E'\\n', s.name, s.description, array_to_string(s.tags, E'\\n'), y.name, t.name,
  case when g.is_own then s.external_id end, case when g.is_own then s.metadata::text end))`;

function orderOf(orderBy: StreamOrder | null | undefined): Order {
  const { field, direction } = orderBy ?? { field: "NAME", direction: "ASC" };
  const descending = direction === "DESC";
  const id = { sql: "s.uuid", type: "uuid" } as const;
  switch (field) {
    case "NAME":
      return { by: [{ sql: "s.name", type: "text" }, id], descending };
    case "CREATED_AT":
      return {
        by: [{ sql: "s.created_at", type: "timestamptz" }, id],
        descending,
      };
    case "UPDATED_AT":
      return {
        by: [
          // Other tenants' streams come last either way, and when they changed orders nothing: rule 18.
          { sql: `(g.is_own = ${descending})::int`, type: "int" },
          {
            sql: "case when g.is_own then s.updated_at else timestamptz 'epoch' end",
            type: "timestamptz",
          },
          id,
        ],
        descending,
      };
  }
}

/** Streams as one viewer sees them; every statement joins the gate. */
export class StreamStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.byCommunity = new NestedList(db, {
      name: "Community.streams",
      order: ({ orderBy }) => orderOf(orderBy),
      parents: (communityIds) => this.communities(communityIds),
      parentId: "g.community_id",
      rows: (args) =>
        narrow(
          this.select("stream.readable_here(?)", [viewer.identityId]),
          args,
        ),
      isPrepared: true,
    });
  }

  async find(id: string): Promise<Stream | null> {
    return isUuid(id) ? this.byId.load(id) : null;
  }

  /** The streams that arguments name, each once; NOT_FOUND for the first that is not there for the viewer. */
  async getAll(
    ids: readonly string[],
    at: (index: number) => string,
  ): Promise<Stream[]> {
    const streams = await Promise.all(ids.map((id) => this.find(id)));
    const found = new Map<string, Stream>();
    for (const [i, stream] of streams.entries()) {
      if (stream === null) throw notFound(at(i));
      found.set(stream.id, stream);
    }
    return [...found.values()];
  }

  /** Like `getAll`; FORBIDDEN for the first on which the viewer lacks the right. */
  async require(
    right: StreamRight,
    ids: readonly string[],
    at: (index: number) => string,
  ): Promise<Stream[]> {
    const streams = await this.getAll(ids, at);
    for (const { id, isOwn, rights } of streams)
      if (!isOwn || !includes(rights, right))
        throw forbidden(
          isOwn
            ? `You may not do this to stream ${id}: that takes the right ${right} on it.`
            : `Stream ${id} belongs to another tenant; only its tenant's identities may do this to it.`,
        );
    return streams;
  }

  async requireOne(
    right: StreamRight,
    id: string,
    at: string,
  ): Promise<Stream> {
    const [stream] = await this.require(right, [id], () => at);
    return stream as Stream;
  }

  /** Holds own streams as they are until the transaction ends. */
  async lock(ids: readonly string[]): Promise<void> {
    await this.db.raw(
      `select from stream.streams s
       where s.uuid = any (?::uuid[]) and s.tenant_id = (select c.tenant_id from stream.caller(?) c)
       order by s.id for no key update`,
      [ids.filter(isUuid), this.viewer.identityId],
    );
  }

  async list(args: StreamListArgs): Promise<Connection<Stream>> {
    const {
      search,
      from,
      communityIds,
      tenantIds,
      namespaceId,
      tags,
      orderBy,
    } = args;
    const page = new Page(
      args,
      [
        "streams",
        { search, from, communityIds, tenantIds, namespaceId, tags, orderBy },
      ],
      orderOf(orderBy),
    );
    const communities = await this.communityRowIds(communityIds);
    const listed = () => {
      const query = communities
        ? this.select(
            `(select distinct h.tenant_id, h.id, h.is_own, h.rights
              from stream.readable_here(?) h where h.community_id = any (?::int[]))`,
            [this.viewer.identityId, communities],
          )
        : this.visible();
      if (from !== "ALL")
        void query.whereRaw(from === "OWN" ? "g.is_own" : "not g.is_own");
      void query.whereRaw(
        `(? or g.is_own and s.namespace_id = (select n.id from stream.namespaces n
                                              where n.uuid = ? and n.tenant_id = s.tenant_id))`,
        [
          namespaceId == null,
          namespaceId && isUuid(namespaceId) ? namespaceId : null,
        ],
      );
      return narrow(query, args);
    };
    const rows = await prepared<Stream & { position: string[] }>(
      this.db,
      page.select(listed()),
    );
    return page.connection(rows, async () => {
      const [row] = await prepared<{ count: number }>(
        this.db,
        this.db.count("* as count").from(listed().as("listed")),
      );
      return row?.count ?? 0;
    });
  }

  /** What is shared in a community and readable now; null if the viewer does not take part there. */
  async ofCommunity(
    communityId: string,
    args: CommunityStreamsArgs,
  ): Promise<Connection<Stream> | null> {
    return isUuid(communityId)
      ? this.byCommunity.find(communityId, args)
      : null;
  }

  /** How many streams are shared in a community and readable now; null if the viewer does not take part there. */
  async countOfCommunity(communityId: string): Promise<number | null> {
    return isUuid(communityId) ? this.counts.load(communityId) : null;
  }

  /** What the stream does otherwise than its type. */
  overrides({ id }: Stream): Promise<Override[]> {
    return this.overridesByStream.load(id);
  }

  private readonly byId = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Stream>(
        this.db,
        this.visible().whereRaw("g.uuid = any (?::uuid[])", [[...ids]]),
      );
      return inKeyOrder(ids, rows, (stream) => stream.id);
    },
    // Nothing is remembered: a mutation may change what the request's next field reads.
    { cache: false },
  );

  private readonly byCommunity: NestedList<
    Stream,
    CommunityStreamsArgs,
    string
  >;

  private readonly counts = new DataLoader(
    async (communityIds: readonly string[]) => {
      const rows = await prepared<{ key: string; count: number }>(
        this.db,
        this.db
          .select("parent.key", "listed.count")
          .from(this.communities(communityIds))
          .joinRaw(
            `cross join lateral (select count(*) from stream.readable_here(?) g
                                 where g.community_id = parent.id) as listed`,
            [this.viewer.identityId],
          ),
      );
      return inKeyOrder(communityIds, rows, (row) => row.key).map(
        (row) => row?.count ?? null,
      );
    },
    { cache: false },
  );

  private readonly overridesByStream = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Override & { streamId: string }>(
        this.db,
        this.db.raw(
          `select g.uuid as "streamId", o.position, o.uom, o.interpolation
           from stream.visible(?) g
           join stream.property_overrides o on o.tenant_id = g.tenant_id and o.stream_id = g.id
           where g.uuid = any (?::uuid[])`,
          [this.viewer.identityId, [...ids]],
        ),
      );
      return groupInKeyOrder(ids, rows, (row) => row.streamId);
    },
    { cache: false },
  );

  private visible(): Knex.QueryBuilder {
    return this.select("stream.visible(?)", [this.viewer.identityId]);
  }

  /** Streams by a table of the gate, whose alias is g. */
  private select(gate: string, bindings: Knex.RawBinding[]): Knex.QueryBuilder {
    return this.db
      .select(columns)
      .select(
        Object.entries(ownColumns).map(([name, column]) =>
          this.db.raw(`case when g.is_own then ${column} end as ??`, [name]),
        ),
      )
      .from(this.db.raw(`${gate} g`, bindings))
      .joinRaw(
        `join stream.streams s on s.tenant_id = g.tenant_id and s.id = g.id
         join stream.stream_types y on y.tenant_id = s.tenant_id and y.id = s.type_id
         join tenant.published_tenants t on t.id = s.tenant_id`,
      );
  }

  /** Of these communities those in which the viewer takes part, as `parent` with its row's id and its id as key. */
  private communities(communityIds: readonly string[]): Knex.Raw {
    return this.db.raw(
      `(select c.id, c.uuid as key
        from stream.participations(?) p
        join community.published_communities c on c.id = p.community_id
        where c.uuid = any (?::uuid[])) as parent`,
      [this.viewer.identityId, [...communityIds]],
    );
  }

  private async communityRowIds(
    ids: readonly string[] | null | undefined,
  ): Promise<number[] | null> {
    if (ids == null) return null;
    const rows = (await this.db
      .select("parent.id", "parent.key")
      .from(this.communities(ids.filter(isUuid)))) as {
      id: number;
      key: string;
    }[];
    return inKeyOrder(ids, rows, (row) => row.key).map((row, i) => {
      if (row === null) throw notFound(`communityIds.${i}`);
      return row.id;
    });
  }
}

/** Every condition is always there, if only to be left open, so that few texts of the statement are there to prepare. */
function narrow(
  query: Knex.QueryBuilder,
  { search, tenantIds, tags }: Selection,
): Knex.QueryBuilder {
  const words = searchWords(search ?? "", "search");
  const tenants = tenantIds?.filter(isUuid) ?? null;
  return query
    .whereRaw(
      `(? or not exists (select from unnest(?::text[]) as w (word) where strpos(${searched}, w.word) = 0))`,
      [words.length === 0, words],
    )
    .whereRaw("(? or t.uuid = any (?::uuid[]))", [
      tenants === null,
      tenants ?? [],
    ])
    .whereRaw("s.tags @> ?::text[]", [[...(tags ?? [])]]);
}
