import DataLoader from "dataloader";
import { BoundedMap } from "../../../common/bounded-map.ts";
import { prepared, type Knex } from "../../../common/database.ts";
import { groupInKeyOrder } from "../../../common/loaders.ts";
import { slotsOf, type Slot, type ValueProperty } from "./shape.ts";

/** A stream's type, by rows. */
export interface ShapeKey {
  readonly tenantRowId: number;
  readonly typeRowId: number;
}

export type Shape = readonly Slot[];

/** As many characters are remembered: those of 2,000 types of a hundred properties each, or of a few with many states. */
const rememberedCharacters = 30_000_000;
/** What a property takes besides its name, and a state besides its own, in characters. */
const propertyCharacters = 100;
const stateCharacters = 20;

const charactersOf = (shape: Shape): number =>
  shape.reduce(
    (sum, { name, states }) =>
      (states ?? []).reduce(
        (all, state) => all + stateCharacters + state.length,
        sum + propertyCharacters + name.length,
      ),
    0,
  );

/**
 * What it takes to understand the values of a type's events. A type never changes, nor does another one take its place,
 * so that all requests share what is known; it is for those whom the gate has let read an event of the type.
 */
export class ShapeStore {
  private readonly known: BoundedMap<Shape, number>;

  constructor(
    private readonly db: Knex,
    maxCharacters = rememberedCharacters,
  ) {
    this.known = new BoundedMap(maxCharacters);
  }

  /** At once, where it is known. */
  of(key: ShapeKey): Shape | Promise<Shape> {
    return this.known.get(key.typeRowId) ?? this.unknown.load(key);
  }

  private readonly unknown = new DataLoader(
    async (keys: readonly ShapeKey[]) => {
      const rows = await prepared<ValueProperty & { typeRowId: number }>(
        this.db,
        this.db.raw(
          `select p.type_id as "typeRowId", p.name, p.kind, p.states
           from (select distinct * from unnest(?::int[], ?::int[]) as y (tenant_id, id)) y
           join stream.properties p on p.tenant_id = y.tenant_id and p.type_id = y.id
           order by p.position`,
          [
            keys.map(({ tenantRowId }) => tenantRowId),
            keys.map(({ typeRowId }) => typeRowId),
          ],
        ),
      );
      const typeRowIds = keys.map(({ typeRowId }) => typeRowId);
      const shapes = groupInKeyOrder(
        typeRowIds,
        rows,
        (row) => row.typeRowId,
      ).map((properties) => slotsOf(properties));
      for (const [i, shape] of shapes.entries())
        this.known.set(typeRowIds[i] as number, shape, charactersOf(shape));
      return shapes;
    },
    { cache: false },
  );
}
