import DataLoader from "dataloader";
import { prepared, type Knex } from "../../../common/database.ts";
import { inKeyOrder } from "../../../common/loaders.ts";
import { isUuid } from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import type { OwnSide } from "./gates.ts";

/** What an own identity's access to a stream rests on, and what the gate makes of it. */
export interface AccessExplanation {
  readonly streamId: string;
  readonly identityId: string;
  readonly ownSide: OwnSide;
  /** The identity's, as a sum. */
  readonly rights: number;
}

type Pair = Pick<AccessExplanation, "streamId" | "identityId">;

const keyOf = ({ streamId, identityId }: Pair) => `${streamId} ${identityId}`;

/** Why identities of the viewer's own tenant read or do not read the streams that the viewer sees. */
export class ExplanationStore {
  constructor(
    private readonly db: Knex,
    private readonly viewer: Viewer,
  ) {}

  /** Whether the identity, enabled or not, is of the viewer's tenant. */
  async isColleague(identityId: string): Promise<boolean> {
    return isUuid(identityId) && this.colleagues.load(identityId);
  }

  /** Null unless the stream is visible to the viewer and the identity a colleague. */
  async find(pair: Pair): Promise<AccessExplanation | null> {
    return isUuid(pair.streamId) && isUuid(pair.identityId)
      ? this.byPair.load(pair)
      : null;
  }

  private readonly colleagues = new DataLoader(
    async (identityIds: readonly string[]) => {
      const rows = await prepared<{ id: string }>(
        this.db,
        this.db.raw(
          `select i.uuid as id from stream.caller(?) c
           join tenant.published_identities i on i.tenant_id = c.tenant_id
           where i.uuid = any (?::uuid[])`,
          [this.viewer.identityId, [...identityIds]],
        ),
      );
      const found = new Set(rows.map(({ id }) => id));
      return identityIds.map((id) => found.has(id));
    },
    // Nothing is remembered: a mutation may change what the request's next field reads.
    { cache: false },
  );

  // The offset has the identity's gate asked for this one stream, not for all that the identity reads.
  private readonly byPair = new DataLoader<
    Pair,
    AccessExplanation | null,
    string
  >(
    async (pairs) => {
      const rows = await prepared<AccessExplanation>(
        this.db,
        this.db.raw(
          `select g.uuid as "streamId", i.uuid as "identityId", coalesce(theirs.rights, 0) as rights,
                  jsonb_build_object(
                    'isEnabled', i.enabled,
                    'isEntitled', exists (select from tenant.published_entitlements e
                                          where e.tenant_id = i.tenant_id and e.entitlement = 'COMMUNITIES'),
                    'isTenantInCommunity', exists (select from community.published_memberships m
                                                   where m.tenant_id = i.tenant_id),
                    'takesPart', exists (select from community.published_members me where me.identity_id = i.id),
                    'list', case when g.is_own then jsonb_build_object(
                      'isOwner', s.owner_id is not distinct from i.id,
                      'entries', (select coalesce(jsonb_agg(jsonb_build_object(
                                           'effect', e.effect, 'rights', e.rights, 'role', e.role) order by e.position), '[]')
                                  from stream.access_entries e
                                  where e.tenant_id = s.tenant_id and e.list_id = s.access_list_id
                                    and (e.identity_id = i.id or e.role = 'MEMBER'
                                      or e.role in (select r.role from tenant.published_roles r
                                                    where r.identity_id = i.id)))
                    ) end) as "ownSide"
           from stream.visible(?, ?::uuid[]) g
           join unnest(?::uuid[]) with ordinality as asked (identity, place) on asked.place = g.place
           join stream.streams s on s.tenant_id = g.tenant_id and s.id = g.id
           cross join stream.caller(?) c
           join tenant.published_identities i on i.uuid = asked.identity and i.tenant_id = c.tenant_id
           left join lateral (select v.rights from stream.visible(i.uuid, array[g.uuid]) v offset 0) theirs on true`,
          [
            this.viewer.identityId,
            pairs.map(({ streamId }) => streamId),
            pairs.map(({ identityId }) => identityId),
            this.viewer.identityId,
          ],
        ),
      );
      return inKeyOrder(pairs.map(keyOf), rows, keyOf);
    },
    { cache: false, cacheKeyFn: keyOf },
  );
}
