import DataLoader from "dataloader";
import { prepared, rawOf, type Knex } from "../../../common/database.ts";
import { forbidden, notFound } from "../../../common/errors.ts";
import { groupInKeyOrder, inKeyOrder } from "../../../common/loaders.ts";
import { isUuid } from "../../../common/page.ts";
import { named, plain, type Sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { includes } from "../access/rights.ts";
import type { StoredEvent } from "../event/event.ts";
import { lastEventOf } from "../event/single-store.ts";
import type {
  Extrapolation,
  StreamRight,
  UpdateStreamInput,
} from "../generated.ts";
import type { StreamType, TypeKey } from "../stream-type/store.ts";
import { wayThrough, type Way } from "../usage/recorder-store.ts";
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
  readonly retention: string | null;
  /** Before this nothing is kept; null if everything is. */
  readonly keptFrom: string | null;
  readonly updatedAt: string | null;
  /** Where what found the stream has read it along; null if there is none, or none to read. */
  readonly last?: StoredEvent | null;
  /** How the viewer got at it; null if the stream is its own. */
  readonly lastWay?: Way | null;
}

/** What of streams is fetched that are named: what the gate itself tells, or all; and their last events. */
export type Fetched = "NAMED" | "NAMED_WITH_LAST" | "ALL" | "ALL_WITH_LAST";

/** What the gate itself tells of a stream. */
export type NamedStream = Pick<
  Stream,
  "id" | "rowId" | "tenantRowId" | "typeRowId" | "isOwn" | "rights"
>;

/** Of an own stream: the type as far as its properties are asked for. */
export const ownTypeOf = ({
  typeRowId,
  tenantRowId,
}: NamedStream): TypeKey => ({ rowId: typeRowId, tenantRowId, streamId: null });

export const typeOf = (stream: Stream): StreamType => ({
  id: stream.typeId,
  rowId: stream.typeRowId,
  tenantRowId: stream.tenantRowId,
  namespaceRowId: stream.typeNamespaceRowId,
  streamId: stream.isOwn ? null : stream.id,
  name: stream.typeName,
  description: stream.typeDescription,
  createdAt: stream.typeCreatedAt,
});

const columns = named({
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
});

const namedColumns = named({
  id: "g.uuid",
  rowId: "g.id",
  tenantRowId: "g.tenant_id",
  typeRowId: "g.type_id",
  isOwn: "g.is_own",
  rights: "g.rights",
});

/** Rule 18. */
const ownColumns = named(
  Object.fromEntries(
    Object.entries({
      externalId: "s.external_id",
      metadata: "s.metadata",
      namespaceRowId: "s.namespace_id",
      extrapolation: "s.extrapolation",
      retention: "s.retention::text",
      keptFrom: "now() - s.retention",
      updatedAt: "s.updated_at",
    }).map(([name, column]) => [name, `case when g.is_own then ${column} end`]),
  ),
);

/** Streams as one viewer sees them; every statement joins the gate. */
export class StreamStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** What is not fetched is not there. */
  find(id: string, fetched: Fetched = "ALL"): Promise<Stream | null> {
    return isUuid(id)
      ? this.byId[fetched].load(id)
      : Promise.resolve<null>(null);
  }

  /** Each of the streams as the viewer sees it, or null. */
  findAll(
    ids: readonly string[],
    fetched?: Fetched,
  ): Promise<(Stream | null)[]> {
    return Promise.all(ids.map((id) => this.find(id, fetched)));
  }

  /** The streams that arguments name, each once; NOT_FOUND for the first that is not there for the viewer. */
  async getAll(
    ids: readonly string[],
    at: (index: number) => string,
  ): Promise<Stream[]> {
    return eachOnce(await this.findAll(ids), at);
  }

  /** Like `getAll`; FORBIDDEN for the first on which the viewer lacks the right. */
  async require(
    right: StreamRight,
    ids: readonly string[],
    at: (index: number) => string,
  ): Promise<Stream[]> {
    return withRight(right, await this.getAll(ids, at));
  }

  /** The same for what writes or removes events, which needs no more of a stream and asks often: at a third of the cost. */
  async requireNamed(
    right: StreamRight,
    ids: readonly string[],
    at: (index: number) => string,
  ): Promise<NamedStream[]> {
    return withRight(right, eachOnce(await this.findAll(ids, "NAMED"), at));
  }

  async requireOne(
    right: StreamRight,
    id: string,
    at: string,
  ): Promise<Stream> {
    const [stream] = await this.require(right, [id], () => at);
    return stream as Stream;
  }

  /**
   * S1: the streams that are to be changed like this. A shorter retention ends events, as removing them does; `at` is the
   * place of each change in the arguments.
   */
  async requireChanges(
    changes: readonly Pick<UpdateStreamInput, "id" | "retention">[],
    at: (index: number) => string,
  ): Promise<Stream[]> {
    const streams = await this.require(
      "WRITE",
      changes.map(({ id }) => id),
      (i) => `${at(i)}.id`,
    );
    await this.require(
      "DELETE",
      changes.flatMap(({ id, retention }) =>
        retention === undefined ? [] : [id],
      ),
      () => "input",
    );
    return streams;
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

  /** What the stream does otherwise than its type. */
  overrides({ id }: Stream): Promise<Override[]> {
    return this.overridesByStream.load(id);
  }

  private readonly byId: Readonly<
    Record<Fetched, DataLoader<string, Stream | null>>
  > = {
    NAMED: this.finder(selectNamed),
    NAMED_WITH_LAST: this.finder(this.withLast(selectNamed)),
    ALL: this.finder(selectStreams),
    ALL_WITH_LAST: this.finder(this.withLast(selectStreams)),
  };

  private readonly overridesByStream = new DataLoader(
    async (ids: readonly string[]) => {
      const rows = await prepared<Override & { streamId: string }>(
        this.db,
        this.db.raw(
          `select g.uuid as "streamId", o.position, o.uom, o.interpolation
           from stream.visible(?, ?::uuid[]) g
           join stream.property_overrides o on o.tenant_id = g.tenant_id and o.stream_id = g.id
           order by o.position`,
          [this.viewer.identityId, [...new Set(ids)]],
        ),
      );
      return groupInKeyOrder(ids, rows, (row) => row.streamId).map((ofStream) =>
        ofStream.map(({ position, uom, interpolation }) => ({
          position,
          uom,
          interpolation,
        })),
      );
    },
    { cache: false },
  );

  /** Streams that are named, by a table of what the gate says of them. */
  private finder(select: typeof selectStreams) {
    return new DataLoader(
      async (ids: readonly string[]) => {
        const rows = await prepared<Stream>(
          this.db,
          select(this.db, "seen", []).withMaterialized(
            "seen",
            this.db.raw("select * from stream.visible(?, ?::uuid[])", [
              this.viewer.identityId,
              // As the text of an array: the driver would look at each for what is to be escaped.
              `{${[...new Set(ids)].join(",")}}`,
            ]),
          ),
        );
        return inKeyOrder(ids, rows, (stream) => stream.id);
      },
      // Nothing is remembered: a mutation may change what the request's next field reads.
      { cache: false },
    );
  }

  private withLast(select: typeof selectStreams): typeof selectStreams {
    return (db, ...gate) =>
      select(db, ...gate)
        .select(db.raw(`${lastEventOf("g")} as last`))
        .select(
          db.raw(`${wayThrough("g")} as "lastWay"`, [this.viewer.identityId]),
        );
  }
}

function eachOnce<Found extends Pick<Stream, "id">>(
  streams: readonly (Found | null)[],
  at: (index: number) => string,
): Found[] {
  const found = new Map<string, Found>();
  for (const [i, stream] of streams.entries()) {
    if (stream === null) throw notFound(at(i));
    found.set(stream.id, stream);
  }
  return [...found.values()];
}

function withRight<Found extends Pick<Stream, "id" | "isOwn" | "rights">>(
  right: StreamRight,
  streams: Found[],
): Found[] {
  for (const { id, isOwn, rights } of streams)
    if (!isOwn || !includes(rights, right))
      throw forbidden(
        isOwn
          ? `You may not do this to stream ${id}: that takes the right ${right} on it.`
          : `Stream ${id} belongs to another tenant; only its tenant's identities may do this to it.`,
      );
  return streams;
}

/** Of streams what `stream.visible` says. */
const selectNamed: typeof selectStreams = (db, gate, bindings) =>
  db.select(db.raw(namedColumns)).from(db.raw(`${gate} g`, bindings));

/** Streams by a table of the gate, whose alias is g. */
export const selectStreams = (
  db: Knex,
  gate: string,
  bindings: Knex.RawBinding[],
): Knex.QueryBuilder => selectBy(allOfStreams)(db, gate, bindings);

/** What is shown of streams by a table of the gate, whose alias is g, and what has to be joined for it. */
export interface Select {
  readonly columns: Sql;
  readonly joined: string;
}

export const allOfStreams: Select = {
  columns: plain(`${columns}, ${ownColumns}`),
  joined: `join stream.streams s on s.tenant_id = g.tenant_id and s.id = g.id
       join stream.stream_types y on y.tenant_id = s.tenant_id and y.id = s.type_id
       join tenant.published_tenants t on t.id = s.tenant_id`,
};

export const selectBy =
  ({ columns, joined }: Select): typeof selectStreams =>
  (db, gate, bindings) =>
    db
      .select(rawOf(db, columns))
      .from(db.raw(`${gate} g`, bindings))
      .joinRaw(joined);
