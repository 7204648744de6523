import { prepared, type Knex } from "../../../common/database.ts";
import { notFound } from "../../../common/errors.ts";
import { PackedJson } from "../../../common/packed.ts";
import { isUuid } from "../../../common/page.ts";
import { plain, sql } from "../../../common/sql.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { NoteRead, Way } from "../usage/recorder-store.ts";
import type { Unit } from "./asked.ts";
import { firstRefusal, type GateStore } from "./gate-store.ts";
import type { LimitStore } from "./limit-store.ts";
import { assertNamedOnce, assertStreams } from "./limits.ts";
import { gated } from "./read-store.ts";
import { unreadable } from "./refusals.ts";
import type { Value } from "./shape.ts";
import { converted, inUnit, type Measured } from "./unit.ts";

/** The last events of streams as columns, in the order in which the streams are named. */
export interface LastEvents {
  readonly rowCount: number;
  readonly timestamps: PackedJson;
  /** The first properties'. */
  readonly values: PackedJson;
  /** Theirs, if they are asked for. */
  readonly kinds: PackedJson | undefined;
  readonly uoms: PackedJson | undefined;
}

interface LastEventsRow {
  /** Of the streams those that the gate shows; null if it shows all, and all can be read. */
  readonly places: readonly number[] | null;
  readonly unreadable: readonly number[] | null;
  readonly timestamps: string;
  readonly values: string;
  readonly measured: readonly Measured[] | null;
  readonly reader: Way[4] | null;
  /** Of other tenants' streams: what makes a way, and whether there is an event, as texts of arrays; null of none. */
  readonly tenants: string | null;
  readonly streams: string;
  readonly shares: string;
  readonly communities: string;
  readonly points: string;
}

/**
 * The last events of many streams as one row, whose texts go out as they are. Most streams have a FLOAT first: their types
 * are looked up once, and found in a hash, as "is true" says.
 */
const lastEventsOf = (
  viewer: string | null,
  streamIds: string,
  count: number,
  isMeasured: boolean,
) => sql`
  with seen as materialized (
    select v.*, l.ts, l.value, l.texts from ${gated(viewer, streamIds)} order by v.place
  ),
  floats as materialized (
    select y.type_id
    from (select distinct s.tenant_id, s.type_id from seen s) y
    join stream.properties p on p.tenant_id = y.tenant_id and p.type_id = y.type_id and p.position = 0
    where p.kind = 'FLOAT'
  )
  select case when count(*) < ${count}::int or bool_or(s.rights & 1 = 0)
              then coalesce(array_agg(s.place), '{}') end as places,
         array_agg(s.place) filter (where s.rights & 1 = 0) as unreadable,
         array_to_json(array_agg(s.ts))::text as timestamps,
         '[' || string_agg(coalesce(
           case when (s.type_id in (select f.type_id from floats f)) is true then s.value::text
                else (select case p.kind when 'INTEGER' then s.value::bigint::text
                                         when 'BOOLEAN' then (s.value <> 0)::text
                                         when 'TIMESTAMP' then to_json(timestamptz 'epoch' + s.value * interval '1 microsecond')::text
                                         when 'ENUM' then to_json(p.states[s.value::int + 1])::text
                                         when 'TEXT' then to_json(s.texts[1])::text end
                      from stream.properties p
                      where p.tenant_id = s.tenant_id and p.type_id = s.type_id and p.position = 0) end,
           'null'), ',') || ']' as values,
         ${isMeasured ? measured : plain("null")} as measured,
         (select json_build_array(i.id, i.tenant_id) from tenant.published_identities i where i.uuid = ${viewer}) as reader,
         (array_agg(s.tenant_id) filter (where not s.is_own))::text as tenants,
         (array_agg(s.id) filter (where not s.is_own))::text as streams,
         (array_agg(s.share_id) filter (where not s.is_own))::text as shares,
         (array_agg(s.community_id) filter (where not s.is_own))::text as communities,
         (array_agg((s.ts is not null)::int) filter (where not s.is_own))::text as points
  from seen s`;

/** How the first properties are measured, each as its stream has it. */
const measured = plain(`(
           select json_agg(json_build_object('name', p.name, 'kind', p.kind, 'uom', coalesce(o.uom, p.uom)) order by s.place)
           from seen s
           join stream.properties p on p.tenant_id = s.tenant_id and p.type_id = s.type_id and p.position = 0
           left join stream.property_overrides o on o.tenant_id = s.tenant_id and o.stream_id = s.id and o.position = 0
         )`);

/** The last events of many streams, as far as one viewer may read them. */
export class LastEventsStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
    private readonly noteRead: NoteRead,
    private readonly limits: LimitStore,
    private readonly gate: GateStore,
  ) {}

  /** The first stream that is not readable is refused with its place in `ids`. */
  async read(
    ids: readonly string[],
    { uom }: Unit,
    isMeasured: boolean,
  ): Promise<LastEvents> {
    assertStreams(ids, await this.limits.get());
    const malformed = ids.findIndex((id) => !isUuid(id));
    if (malformed >= 0) throw notFound(`ids.${malformed}`);
    assertNamedOnce(ids);
    // As the text of an array: the driver would look at each for what is to be escaped.
    const streamIds = `{${ids.join(",")}}`;
    const { text, bindings } = lastEventsOf(
      this.viewer.identityId,
      streamIds,
      ids.length,
      isMeasured || uom != null,
    );
    const [[row], admissions] = await this.gate.run(
      streamIds,
      () =>
        prepared<LastEventsRow>(
          this.db,
          this.db.raw(text, bindings as Knex.RawBinding[]),
        ) as Promise<[LastEventsRow]>,
    );
    assertAll(ids, row);
    const refusal = firstRefusal(ids, admissions);
    if (refusal) {
      this.note(row, false);
      throw refusal;
    }
    const { values, measured } = uom == null ? row : readIn(uom, row);
    this.note(row, true);
    return {
      rowCount: ids.length,
      timestamps: new PackedJson(row.timestamps),
      values: new PackedJson(values),
      kinds: packed(measured?.map(({ kind }) => kind)),
      uoms: packed(measured?.map(({ uom }) => uom)),
    };
  }

  private note(
    { reader, tenants, ...row }: LastEventsRow,
    isHandedOut: boolean,
  ): void {
    if (reader === null || tenants === null) return;
    const streams = partsOf(row.streams);
    const shares = partsOf(row.shares);
    const communities = partsOf(row.communities);
    const points = partsOf(row.points);
    for (const [i, tenant] of partsOf(tenants).entries())
      this.noteRead(
        [
          Number(tenant),
          Number(streams[i]),
          String(shares[i]),
          Number(communities[i]),
          reader,
        ],
        {
          ...{ kind: "LAST", from: null, to: null },
          points: isHandedOut ? Number(points[i]) : 0,
        },
      );
  }
}

/** The numbers in a unit, as far as they have one. */
function readIn(uom: string, { values, measured }: LastEventsRow) {
  const slots = inUnit(measured ?? [], uom);
  const stored = JSON.parse(values) as Value[];
  return {
    values: JSON.stringify(
      stored.map((value, i) => converted(value, slots[i]?.conversion)),
    ),
    measured: slots,
  };
}

const packed = (column: readonly unknown[] | undefined) =>
  column && new PackedJson(JSON.stringify(column));

const partsOf = (array: string): string[] => array.slice(1, -1).split(",");

function assertAll(
  ids: readonly string[],
  { places, unreadable: closed }: LastEventsRow,
): void {
  if (places === null) return;
  const seen = new Set(places);
  const refused = ids.findIndex(
    (_, i) => !seen.has(i + 1) || closed?.includes(i + 1),
  );
  throw seen.has(refused + 1)
    ? unreadable(`ids.${refused}`)
    : notFound(`ids.${refused}`);
}
