import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import type { Notice as NoticeFacts } from "../../../notices/sentence.ts";
import {
  Page,
  type Connection,
  type Order,
  type PageArgs,
} from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { AccessChangeStore } from "../access-change/store.ts";
import type { CommunityRole } from "../generated.ts";

/** Something that happened and concerns the viewer. */
export interface Notice extends NoticeFacts {
  readonly id: string;
  readonly at: string;
  readonly communityId: string | null;
  readonly tenantId: string | null;
  /** The own identity that it tells of: the viewer itself if it is one of several, or the only one. */
  readonly identityId: string | null;
  readonly role: CommunityRole | null;
}

export interface NoticeListArgs extends PageArgs {
  since?: string | null;
}

const columns = {
  id: "n.uuid",
  at: "n.at",
  kind: "n.kind",
  communityId: "n.community",
  communityName: "n.community_name",
  tenantId: "n.tenant",
  tenantName: "n.tenant_name",
  role: "n.role",
  streamCount: "n.stream_count",
  dueAt: "n.due_at",
};

/** By its id, for its number would tell how much happens in all tenants. Of those that are removed after a time all were older than the rest. */
const placeOfNotice = `coalesce((select l.id from mail.published_notices l where l.uuid = ?::uuid), 0)`;

const newestFirst: Order = {
  by: [
    {
      sql: "n.id",
      type: "bigint",
      heldAs: { sql: "n.uuid", place: placeOfNotice },
    },
  ],
  descending: true,
};

/** T2: the notices that concern one viewer, worked out as it asks. */
export class NoticeStore {
  private readonly accessChanges: AccessChangeStore;

  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {
    this.accessChanges = new AccessChangeStore(db, viewer);
  }

  async list({ since, ...args }: NoticeListArgs): Promise<Connection<Notice>> {
    const page = new Page(args, ["notices", since ?? null], newestFirst);
    const rows = await prepared<Notice & { position: string[] }>(
      this.db,
      page.select(this.visible(page, since)),
    );
    return page.connection(rows, () => this.count(since));
  }

  /** T3: the tenant, if the viewer sees it still. */
  seenTenant(id: string): Promise<string | null> {
    return this.seenTenants.load(id);
  }

  private readonly seenTenants = new DataLoader((ids: readonly string[]) =>
    this.accessChanges.seenTenants(ids),
  );

  /** What went to an e-mail, and so is told nobody by another mail, is for who has proved to have it. */
  private async count(since: string | null | undefined): Promise<number> {
    const { identityId, isEmailProven } = this.viewer;
    const { rows } = await this.db.raw<{ rows: [{ count: number }] }>(
      `select count(distinct r.notice_id) as count
       from mail.recipients r
       join mail.published_notices n on n.id = r.notice_id and n.at >= coalesce(?::timestamptz, '-infinity')
       where r.identity = ? and (r.by_mail or ?)`,
      [since ?? null, identityId, isEmailProven],
    );
    return rows[0].count;
  }

  /** Those that a page may hold. A notice tells the viewer of itself alone where it is one of several. */
  private visible(
    { backwards, from, size }: Page,
    since: string | null | undefined,
  ): Knex.QueryBuilder {
    const { identityId, isEmailProven } = this.viewer;
    const place = from ? placeOfNotice : "?::bigint";
    return this.db("mail.published_notices as n")
      .select(columns)
      .select(
        this.db.raw('?::uuid = any (n.identities) as "isAboutMe"', [
          identityId,
        ]),
        this.db.raw(
          `case when ?::uuid = any (n.identities) then 1 else cardinality(n.identities) end as "identityCount"`,
          [identityId],
        ),
        this.db.raw(
          `case when ?::uuid = any (n.identities) then ?::uuid
                when cardinality(n.identities) = 1 then n.identities[1] end as "identityId"`,
          [identityId, identityId],
        ),
      )
      .whereRaw(
        `n.id in (select o.id from mail.${backwards ? "newer" : "older"}_notices(?, ?, ${place}, ?, ?) o)`,
        [
          identityId,
          isEmailProven,
          from?.[0] ?? (backwards ? 0 : "9223372036854775807"),
          since ?? null,
          size + 1,
        ],
      );
  }
}
