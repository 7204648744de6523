import type { Knex } from "../../../common/database.ts";
import type { Page } from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { ShareState } from "../generated.ts";

/** A share as one viewer sees it. */
export interface Share {
  readonly id: string;
  readonly rowId: number;
  readonly streamId: string;
  readonly communityId: string;
  readonly state: ShareState;
  readonly sharedAt: string;
  /** Null to other tenants. */
  readonly sharedById: string | null;
}

const columns = {
  id: "h.uuid",
  rowId: "h.id",
  streamId: "s.uuid",
  communityId: "c.uuid",
  sharedAt: "h.shared_at",
};

/** The shares that the viewer sees, with `v.is_own` of each. */
export const visibleShares = (db: Knex, viewer: Viewer): Knex.QueryBuilder =>
  selectShares(db, db.raw("stream.visible_shares(?)", [viewer.identityId]));

/** Own shares, limited to a page, where one is wanted, before anything is joined. */
export function ownShares(
  db: Knex,
  page: Page | undefined,
  narrow: (shares: Knex.QueryBuilder) => void,
): Knex.QueryBuilder {
  const shares = db
    .select("h.tenant_id", "h.id", db.raw("true as is_own"))
    .from("stream.shares as h")
    .modify(narrow);
  return selectShares(db, db.raw("?", [page ? page.select(shares) : shares]));
}

const selectShares = (db: Knex, shares: Knex.Raw): Knex.QueryBuilder =>
  db
    .select(columns)
    .select(
      db.raw(
        `case when exists (select from stream.sharers s where s.membership_id = h.membership_id)
                then 'ACTIVE' else 'PAUSED' end as state`,
      ),
      db.raw('case when v.is_own then h.shared_by end as "sharedById"'),
    )
    .from(db.raw("? v", [shares]))
    .joinRaw(
      // By its key (the offset sees to it): by stream, PostgreSQL would look through all shares of each.
      `cross join lateral (
           select * from stream.shares h where h.tenant_id = v.tenant_id and h.id = v.id offset 0) h
         join stream.streams s on s.tenant_id = h.tenant_id and s.id = h.stream_id
         join community.published_memberships m on m.id = h.membership_id
         join community.published_communities c on c.id = m.community_id`,
    );
