import { prepared, type Knex } from "../../../common/database.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { ReadLimits } from "./limits.ts";

/** The limits of the viewer's tenant. */
export class LimitStore {
  private found: Promise<ReadLimits> | undefined;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
    private readonly usual: ReadLimits,
  ) {}

  /** Asked once a request. */
  get(): Promise<ReadLimits> {
    this.found ??= this.find();
    return this.found;
  }

  private async find(): Promise<ReadLimits> {
    const [own] = await prepared<
      Partial<Record<keyof ReadLimits, number | null>>
    >(
      this.db,
      this.db.raw(
        `select l.rows, l.points, l.streams, l.milliseconds
         from stream.caller(?) c join stream.read_limits l on l.tenant_id = c.tenant_id`,
        [this.viewer.identityId],
      ),
    );
    return {
      rows: own?.rows ?? this.usual.rows,
      points: own?.points ?? this.usual.points,
      streams: own?.streams ?? this.usual.streams,
      milliseconds: own?.milliseconds ?? this.usual.milliseconds,
    };
  }
}
