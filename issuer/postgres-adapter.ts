import { errors, type Adapter, type AdapterPayload } from "oidc-provider";
import type { Knex } from "../common/database.ts";

/** What the provider's library keeps of one model. */
export class PostgresAdapter implements Adapter {
  constructor(
    private readonly db: Knex,
    private readonly model: string,
  ) {}

  async upsert(
    id: string,
    payload: AdapterPayload,
    expiresInSeconds?: number,
  ): Promise<void> {
    const json = JSON.stringify(payload);
    // PostgreSQL keeps no NUL, and parameters of a request are part of what is kept.
    if (json.includes("\\u0000"))
      throw new errors.InvalidRequest("parameters must not contain NUL");
    await this.db.raw(
      `insert into issuer.records (model, id, payload, expires_at)
       values (?, ?, ?::jsonb, clock_timestamp() + make_interval(secs => ?))
       on conflict (model, id) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
      [this.model, id, json, expiresInSeconds ?? null],
    );
  }

  find(id: string) {
    return this.findOne({ id });
  }

  findByUid(uid: string) {
    return this.findOne({ uid });
  }

  /** Of the device flow, which is not offered. */
  findByUserCode() {
    return Promise.resolve(undefined);
  }

  /**
   * The library looks before it consumes; of two who come at the same time, the second is refused here. One of them may
   * be a thief, so the grant ends, which makes what the first is given the last.
   */
  async consume(id: string): Promise<void> {
    const consumed = await this.records()
      .where({ id, consumed_at: null })
      .update({ consumed_at: this.db.fn.now() });
    if (consumed === 1) return;
    await this.db.raw(
      `update issuer.records g set consumed_at = now() from issuer.records r
       where r.model = ? and r.id = ? and g.model = 'Grant' and g.id = r.grant_id`,
      [this.model, id],
    );
    throw new errors.InvalidGrant(`${this.model} already consumed`);
  }

  async destroy(id: string): Promise<void> {
    await this.records().where({ id }).delete();
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.records().where({ grant_id: grantId }).delete();
  }

  private async findOne(
    key: { id: string } | { uid: string },
  ): Promise<AdapterPayload | undefined> {
    if (Object.values(key).some((value) => value.includes("\0")))
      return undefined;
    const record = await this.records()
      .where(key)
      .first<
        { payload: AdapterPayload; consumed_at: string | null } | undefined
      >("payload", "consumed_at");
    if (!record?.consumed_at) return record?.payload;
    // Of a grant it says that it has ended.
    if (this.model === "Grant") return undefined;
    return { ...record.payload, consumed: true };
  }

  private records() {
    return this.db("issuer.records").where({ model: this.model });
  }
}
