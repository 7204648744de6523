import { randomUUID } from "node:crypto";
import type { Knex } from "../../common/database.ts";
import type { ChainKind } from "../../common/ledger/chain.ts";
import type { ShownLink } from "../../common/ledger/verify.ts";
import { record } from "../../common/ledger-store.ts";
import { anonymous } from "../../common/viewer.ts";

export interface Chain {
  readonly id: string;
  readonly kind: ChainKind;
  readonly sequence: number;
  readonly hash: string;
  readonly sealedAt: string;
  /** Signed, as is the checkpoint. */
  readonly head: string;
  readonly checkpoint: string | null;
}

const pageSize = 1_000;

/** The ledger as the owner of the database reads it, and the little that an operator may do to it. */
export class LedgerStore {
  constructor(private readonly db: Knex) {}

  async chains(): Promise<Chain[]> {
    const { rows } = await this.db.raw<{ rows: Chain[] }>(
      `select id, kind, sequence, encode(hash, 'hex') as hash, sealed_at as "sealedAt", head, checkpoint
       from ledger.chains order by kind, id`,
    );
    return rows;
  }

  /** The tenant's own chain, and those of communities in which something concerned it. */
  async chainsOf(tenantId: string): Promise<Chain[]> {
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `select ?::uuid as id union
       select l.chain_id from ledger.concerns c
       join ledger.chains k on k.id = c.community_id
       join ledger.links l on l.entry_id = c.entry_id and l.chain_id = k.id
       where c.tenant_id = ? union
       select s.community_id from ledger.stays s where s.tenant_id = ?`,
      [tenantId, tenantId, tenantId],
    );
    const ids = new Set(rows.map(({ id }) => id));
    return (await this.chains()).filter(({ id }) => ids.has(id));
  }

  /** Page by page. A tenant is not shown what does not concern it. */
  async *links(
    chainId: string,
    shownTo: string | null = null,
  ): AsyncGenerator<ShownLink> {
    let after = 0;
    for (;;) {
      const page = await this.page(chainId, after, shownTo);
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return;
      after = last.sequence;
    }
  }

  private async page(
    chainId: string,
    after: number,
    shownTo: string | null,
  ): Promise<ShownLink[]> {
    const { rows } = await this.db.raw<{
      rows: (ShownLink & { isShown: boolean })[];
    }>(
      `select l.chain_id as "chainId", l.sequence, encode(l.digest, 'hex') as digest,
              encode(l.previous, 'hex') as previous, encode(l.hash, 'hex') as hash, r.record,
              :shownTo::uuid is null or r.record is null
                or exists (select from ledger.concerns c where c.tenant_id = :shownTo and c.entry_id = l.entry_id)
                or r.record -> 'tenants' = 'null' and exists (
                  select from ledger.stays s
                  where s.tenant_id = :shownTo and s.community_id = l.chain_id
                    and l.entry_id between s.told_from and s.told_to) as "isShown",
              array(select jsonb_build_object('id', n.id, 'name', n.name, 'email', n.email, 'salt', n.salt)
                    from ledger.names n where n.entry_id = l.entry_id) as names
       from ledger.links l
       left join ledger.records r on r.id = l.entry_id
       where l.chain_id = :chainId and l.sequence > :after
       order by l.sequence limit :pageSize`,
      { chainId, after, shownTo, pageSize },
    );
    return rows.map(({ isShown, record: shown, ...link }) =>
      isShown ? { ...link, record: shown ?? null } : link,
    );
  }

  /** How many entries wait for the sealer. */
  async waiting(): Promise<number> {
    const { rows } = await this.db.raw<{ rows: [{ count: number }] }>(
      "select count(distinct entry_id) as count from ledger.unsealed",
    );
    return rows[0].count;
  }

  /** Entries that are in no chain and do not wait to be: nobody sealed them, or somebody took their links away. */
  async strays(): Promise<string[]> {
    const { rows } = await this.db.raw<{ rows: { id: string }[] }>(
      `select e.uuid as id from ledger.entries e
       where not exists (select from ledger.links l where l.entry_id = e.id)
         and not exists (select from ledger.unsealed u where u.entry_id = e.id)
       order by e.id limit 10`,
    );
    return rows.map(({ id }) => id);
  }

  /** While it lasts, nothing is sealed. */
  async lock(): Promise<void> {
    await this.db.raw("select pg_advisory_xact_lock(hashtext('ledger.seal'))");
  }

  /** The last link of a chain before the first one whose entry is of this time or later; null if there is none. */
  async lastBefore(
    chainId: string,
    time: string,
  ): Promise<{ sequence: number; hash: string } | null> {
    const { rows } = await this.db.raw<{
      rows: { sequence: number; hash: string }[];
    }>(
      `select l.sequence, encode(l.hash, 'hex') as hash from ledger.links l
       where l.chain_id = :chainId and l.sequence < coalesce(
         (select min(kept.sequence) from ledger.links kept join ledger.entries e on e.id = kept.entry_id
          where kept.chain_id = :chainId and e.at >= :time::timestamptz), 9223372036854775807)
       order by l.sequence desc limit 1`,
      { chainId, time },
    );
    return rows[0] ?? null;
  }

  /** Removes a chain's links up to the one of which the checkpoint tells. Answers how many there were. */
  async dropLinks(
    chainId: string,
    sequence: number,
    checkpoint: string,
  ): Promise<number> {
    await this.db.raw("update ledger.chains set checkpoint = ? where id = ?", [
      checkpoint,
      chainId,
    ]);
    const { rowCount } = await this.db.raw<{ rowCount: number }>(
      "delete from ledger.links where chain_id = ? and sequence <= ?",
      [chainId, sequence],
    );
    return rowCount;
  }

  /** Removes the entries before this time that no chain holds any more, with their names. */
  async dropEntries(time: string): Promise<number> {
    const { rowCount } = await this.db.raw<{ rowCount: number }>(
      `delete from ledger.entries e
       where e.at < ?
         and not exists (select from ledger.links l where l.entry_id = e.id)
         and not exists (select from ledger.unsealed u where u.entry_id = e.id)`,
      [time],
    );
    return rowCount;
  }

  /** Erases every name and e-mail of an id, or of whoever had this e-mail. Answers how many there were. */
  async eraseNames(idOrEmail: string): Promise<number> {
    return this.db.transaction(async (transaction) => {
      const { rows } = await transaction.raw<{
        rows: { id: string; tenants: string[] }[];
      }>(
        `with erased as (
           delete from ledger.names n
           where n.id::text = :it or n.email = :it
              or n.id in (select other.id from ledger.names other where other.email = :it)
           returning n.id, n.entry_id)
         select d.id, coalesce(e.tenant_ids, array(
                  select s.tenant_id from ledger.stays s
                  where s.community_id = e.community_id and e.id between s.told_from and s.told_to)) as tenants
         from erased d left join ledger.entries e on e.id = d.entry_id`,
        { it: idOrEmail },
      );
      const tenantsOf = new Map<string, Set<string>>();
      for (const { id, tenants } of rows)
        tenantsOf.set(id, new Set([...(tenantsOf.get(id) ?? []), ...tenants]));
      await record(
        transaction,
        { viewer: anonymous, requestId: `operator-${randomUUID()}` },
        "eraseNames",
        [...tenantsOf].map(([id, tenants]) => ({
          kind: "IDENTITY",
          subjectType: "Name",
          subjectId: id,
          tenantIds: [...tenants],
        })),
      );
      return rows.length;
    });
  }
}
