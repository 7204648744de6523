import { randomUUID } from "node:crypto";
import type { Knex } from "../../../common/database.ts";
import { record } from "../../../common/ledger-store.ts";
import type { Logger } from "../../../common/log.ts";
import { notify } from "../../../notices/store.ts";
import { anonymous } from "../../../common/viewer.ts";
import { leaders } from "./leaders.ts";

const everyMs = 1_000;

/** An accepted offer whose time has come. */
interface DueTransfer {
  readonly communityRowId: number;
  readonly ownerTenantId: string;
  readonly toTenantId: string;
  readonly acceptedBy: string;
  /** Of the owner, and of the tenant that becomes it. */
  readonly membershipRowIds: readonly [number, number];
}

/** A role that a transfer changed. */
interface MovedRole {
  readonly identityId: string;
  readonly tenantId: string;
  readonly before: string;
  readonly after: string;
}

/**
 * Lets ownership move within a second of its time, also where nobody touches the community; answers how to stop. Of
 * several processes the first one does it.
 */
export function keepOwnership(db: Knex, log: Logger): () => Promise<void> {
  const attempt = () =>
    transferDue(db, log).catch((error: unknown) => {
      log.warn({ err: error }, "No ownership could move yet.");
    });
  let running = attempt();
  const timer = setInterval(() => {
    running = running.then(attempt);
  }, everyMs);
  return async () => {
    clearInterval(timer);
    await running;
  };
}

/** Each community in a transaction of its own; one that fails keeps no other from its turn. */
async function transferDue(db: Knex, log: Logger): Promise<void> {
  const { rows } = await db.raw<{ rows: { communityId: string }[] }>(
    `select c.uuid as "communityId"
     from community.ownership_offers o
     join community.communities c on c.id = o.community_id
     where o.effective_at <= now()
     order by o.effective_at`,
  );
  for (const { communityId } of rows)
    await db
      .transaction((transaction) =>
        transferOwnership(transaction, communityId, `clock-${randomUUID()}`),
      )
      .catch((error: unknown) => {
        log.warn({ err: error, communityId }, "Ownership could not move yet.");
      });
}

/**
 * Moves the ownership of a community if that is due; the ledger says that nobody did it. If whoever accepted could not
 * accept any more, the offer ends and the community stays where it is.
 */
export async function transferOwnership(
  transaction: Knex.Transaction,
  communityId: string,
  requestId: string,
): Promise<void> {
  const due = await claim(transaction, communityId);
  if (due === null) return;
  const { ownerTenantId, toTenantId } = due;
  const isKept = !(await isStillAccepted(transaction, due));
  const moved = isKept ? [] : await move(transaction, due);
  await transaction("community.ownership_offers")
    .where({ community_id: due.communityRowId })
    .delete();
  const call = { viewer: anonymous, requestId };
  await record(
    transaction,
    call,
    isKept ? "lapseOwnershipOffer" : "transferOwnership",
    [
      {
        kind: "COMMUNITY",
        subjectType: "Community",
        subjectId: communityId,
        tenantIds: null,
        communityId,
        before: { ownerTenantId, offeredToTenantId: toTenantId },
        after: { ownerTenantId: isKept ? ownerTenantId : toTenantId },
      },
      ...moved.map(({ identityId, tenantId, before, after }) => ({
        kind: "ROLE" as const,
        subjectType: "Identity",
        subjectId: identityId,
        tenantIds: [tenantId],
        communityId,
        before: { role: before },
        after: { role: after },
      })),
    ],
  );
  await notify(transaction, call, [
    {
      kind: isKept ? "OWNERSHIP_OFFER_ENDED" : "OWNERSHIP_TRANSFERRED",
      communityId,
      tenantId: toTenantId,
      audience: leaders,
    },
  ]);
}

/** What is due in a community, with all rows locked that it rests on; null if somebody else was first. */
async function claim(
  transaction: Knex.Transaction,
  communityId: string,
): Promise<DueTransfer | null> {
  await transaction.raw(
    "select from community.communities where uuid = ? for no key update",
    [communityId],
  );
  const { rows } = await transaction.raw<{ rows: DueTransfer[] }>(
    `select c.id as "communityRowId", owner.uuid as "ownerTenantId", heir.uuid as "toTenantId",
            o.accepted_by as "acceptedBy", array[owning.id, inheriting.id] as "membershipRowIds"
     from community.communities c
     join community.ownership_offers o on o.community_id = c.id and o.effective_at <= now()
     join community.memberships inheriting on inheriting.id = o.membership_id
     join community.memberships owning on owning.community_id = c.id and owning.tenant_id = c.owner_tenant_id
     join tenant.published_tenants heir on heir.id = inheriting.tenant_id
     join tenant.published_tenants owner on owner.id = owning.tenant_id
     where c.uuid = ?`,
    [communityId],
  );
  const [due] = rows;
  if (!due) return null;
  const memberships = [...due.membershipRowIds];
  await transaction.raw("select from community.claim_memberships(?::int[])", [
    memberships,
  ]);
  await transaction.raw(
    `select from tenant.lock_identities(
       array(select m.tenant_id from community.memberships m where m.id = any (:memberships::int[])),
       array(select i.uuid
             from community.members r
             join tenant.published_identities i on i.id = r.identity_id
             where r.membership_id = any (:memberships::int[])
               and (r.role = 'ADMINISTRATOR' or i.uuid = :acceptedBy)))`,
    { memberships, acceptedBy: due.acceptedBy },
  );
  return due;
}

/** C15: whether the user who accepted still could, in a tenant that is entitled. */
async function isStillAccepted(
  transaction: Knex.Transaction,
  { acceptedBy, membershipRowIds: [, to] }: DueTransfer,
): Promise<boolean> {
  const { rows } = await transaction.raw<{ rows: unknown[] }>(
    `select
     from tenant.published_identities i
     join community.members r on r.identity_id = i.id and r.membership_id = ? and r.role = 'MODERATOR'
     join tenant.published_roles a on a.identity_id = i.id and a.role = 'ACCOUNT_ADMINISTRATOR'
     join tenant.published_entitlements e on e.tenant_id = i.tenant_id and e.entitlement = 'COMMUNITIES'
     where i.uuid = ? and i.enabled`,
    [to, acceptedBy],
  );
  return rows.length > 0;
}

/** Rule 5: whoever accepted becomes ADMINISTRATOR, and those of the old owner become MODERATORs. */
async function move(
  transaction: Knex.Transaction,
  { communityRowId, acceptedBy, membershipRowIds: [from, to] }: DueTransfer,
): Promise<MovedRole[]> {
  await transaction.raw(
    `update community.communities c set owner_tenant_id = m.tenant_id
     from community.memberships m where m.id = ? and c.id = ?`,
    [to, communityRowId],
  );
  const { rows } = await transaction.raw<{ rows: MovedRole[] }>(
    `with moved as (
       select r.membership_id, r.identity_id, i.uuid as identity, t.uuid as tenant, r.role as before,
              case r.role when 'ADMINISTRATOR' then 'MODERATOR' else 'ADMINISTRATOR' end as after
       from community.members r
       join tenant.published_identities i on i.id = r.identity_id
       join tenant.published_tenants t on t.id = i.tenant_id
       where r.membership_id = :from and r.role = 'ADMINISTRATOR'
          or r.membership_id = :to and i.uuid = :acceptedBy
     ), changed as (
       update community.members r set role = m.after
       from moved m where m.membership_id = r.membership_id and m.identity_id = r.identity_id
     )
     select identity as "identityId", tenant as "tenantId", before, after from moved order by identity_id`,
    { from, to, acceptedBy },
  );
  return rows;
}
