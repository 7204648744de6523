import type { Knex } from "../../../common/database.ts";
import { hashToken } from "../../../common/one-use-link.ts";
import { isUuid } from "../../../common/page.ts";
import type { Viewer } from "../../../common/viewer.ts";
import { lockCommunity, type Community } from "../community/store.ts";
import type { NewTenantsRead } from "../generated.ts";
import type { InvitationLink } from "./link.ts";
import type { Obstacle } from "./rules.ts";
import type { Invitation, Recipient } from "./store.ts";

export interface NewInvitation {
  readonly email: string;
  readonly message: string | null;
}

/** How a tenant wants to join. */
export interface Terms {
  readonly contactEmail: string;
  readonly alias: string | null;
  readonly newTenantsRead: NewTenantsRead;
}

/** Who accepted, and on which terms. */
export interface Acceptance extends Terms {
  readonly tenantRowId: number;
  readonly tenantId: string;
  readonly isEntitled: boolean;
  readonly acceptedBy: string;
  /** Public ids, of whom by now some may be gone. */
  readonly moderatorIds: readonly string[];
}

/** An identity that is to look after its tenant in a community. */
export interface Candidate {
  readonly id: string;
  readonly rowId: number;
  /** Whether it is enabled, and what its tenant asks of moderators. */
  readonly mayModerate: boolean;
}

/** What one transaction changes of invitations. Whoever changes one has locked its community first. */
export class InvitationChangeStore {
  constructor(
    private readonly transaction: Knex.Transaction,
    private readonly viewer: Viewer,
  ) {}

  /** As a community's own lock, for the one that an invitation is to. */
  async lockCommunity(by: { id: string } | { token: string }): Promise<void> {
    const invitation = this.transaction("community.invitations as i")
      .select("i.community_id")
      .where(
        "id" in by
          ? { "i.uuid": isUuid(by.id) ? by.id : null }
          : { "i.token_hash": hashToken(by.token) },
      );
    await lockCommunity(this.transaction, invitation);
  }

  /** Locks the caller, and these identities of a tenant with what that tenant asks of moderators; answers the latter. */
  async lockCandidates(
    tenantRowId: number,
    ids: readonly string[],
  ): Promise<Candidate[]> {
    const { identityId } = this.viewer;
    await this.transaction.raw(
      "select from tenant.lock_settings(array[?::int])",
      [tenantRowId],
    );
    const { rows } = await this.transaction.raw<{ rows: Candidate[] }>(
      `select l.uuid as id, l.id as "rowId",
              l.enabled and (not s.moderators_are_administrators or 'ACCOUNT_ADMINISTRATOR' = any (l.roles)) as "mayModerate"
       from tenant.lock_identities(
         array(select i.tenant_id from tenant.published_identities i where i.uuid = ?) || ?::int, ?::uuid[]) l
       join tenant.published_settings s on s.tenant_id = l.tenant_id
       where l.tenant_id = ? and l.uuid = any (?::uuid[])`,
      [
        identityId,
        tenantRowId,
        [identityId, ...ids.filter(isUuid)] as string[],
        tenantRowId,
        ids.filter(isUuid),
      ],
    );
    return rows;
  }

  /** Whether an invitation of this tenant to this address was declined. */
  async wasDeclined(tenantId: string, email: string): Promise<boolean> {
    const { rows } = await this.transaction.raw<{ rows: unknown[] }>(
      `select from community.invitations i
       where i.issuing_tenant_id = (select t.id from tenant.published_tenants t where t.uuid = ?)
         and i.email = ? and i.state = 'DECLINED'
       limit 1`,
      [tenantId, email],
    );
    return rows.length > 0;
  }

  async wasSentWithin(
    { rowId }: Invitation,
    minutes: number,
  ): Promise<boolean> {
    const { rows } = await this.transaction.raw<{ rows: unknown[] }>(
      `select from community.invitations i
       where i.id = ? and i.sent_at > statement_timestamp() - make_interval(mins => ?)`,
      [rowId, minutes],
    );
    return rows.length > 0;
  }

  /** Issued by the viewer, for its tenant. */
  async add(
    community: Community,
    { email, message }: NewInvitation,
    { tokenHash }: InvitationLink,
    days: number,
  ): Promise<string> {
    const { rows } = await this.transaction.raw<{ rows: [{ id: string }] }>(
      `insert into community.invitations
         (community_id, community_name, issuing_tenant_id, issued_by, issued_by_name, email, message, token_hash, expires_at)
       select ?, ?, v.tenant_id, v.uuid, v.name, ?, ?, ?, statement_timestamp() + make_interval(days => ?)
       from tenant.published_identities v
       where v.uuid = ?
       returning uuid as id`,
      [
        community.rowId,
        community.name,
        email,
        message,
        tokenHash,
        days,
        this.viewer.identityId,
      ],
    );
    return rows[0].id;
  }

  /** The link that it had is no good from now on. */
  async renew(
    { rowId, communityName, issuingTenantName }: Invitation,
    { tokenHash }: InvitationLink,
    days: number,
  ): Promise<void> {
    await this.transaction.raw(
      `update community.invitations
       set token_hash = ?, community_name = ?, issuing_tenant_name = ?, sent_at = statement_timestamp(),
           expires_at = statement_timestamp() + make_interval(days => ?)
       where id = ?`,
      [tokenHash, communityName, issuingTenantName, days, rowId],
    );
  }

  async accept(
    { rowId, communityName, issuingTenantName }: Invitation,
    { id, tenantRowId, tenantCreatedAt, name, email }: Recipient,
    moderatorIds: readonly string[],
    { contactEmail, alias, newTenantsRead }: Terms,
    days: number,
  ): Promise<void> {
    await this.transaction("community.invitations")
      .where({ id: rowId })
      .update({
        state: "ACCEPTED",
        community_name: communityName,
        issuing_tenant_name: issuingTenantName,
        expires_at: this.transaction.raw(
          "statement_timestamp() + make_interval(days => ?)",
          [days],
        ),
        accepting_tenant_id: tenantRowId,
        accepting_tenant_created_at: tenantCreatedAt,
        accepted_by: id,
        accepted_by_name: name,
        accepted_by_email: email,
        accepted_by_proven_email: this.viewer.isEmailProven,
        accepted_at: this.transaction.raw("statement_timestamp()"),
        moderators: [...moderatorIds],
        contact_email: contactEmail,
        alias,
        new_tenants_read: newTenantsRead,
      });
  }

  /** Whoever asks. */
  async acceptance(id: string): Promise<Acceptance | null> {
    const { rows } = await this.transaction.raw<{ rows: Acceptance[] }>(
      `select t.id as "tenantRowId", t.uuid as "tenantId", i.accepted_by as "acceptedBy", i.moderators as "moderatorIds",
              i.contact_email as "contactEmail", i.alias, i.new_tenants_read as "newTenantsRead",
              exists (select from tenant.published_entitlements e
                      where e.tenant_id = t.id and e.entitlement = 'COMMUNITIES') as "isEntitled"
       from community.invitations i
       join tenant.published_tenants t on t.id = i.accepting_tenant_id
       where i.uuid = ?`,
      [isUuid(id) ? id : null],
    );
    return rows[0] ?? null;
  }

  async setState(
    { rowId }: Invitation,
    state: "CONFIRMED" | "DECLINED" | "WITHDRAWN" | "CANCELLED",
  ): Promise<void> {
    await this.transaction("community.invitations")
      .where({ id: rowId })
      .update({ state });
  }

  /** Why a tenant cannot join by this invitation, if it cannot. */
  async obstacle(
    { rowId }: Invitation,
    tenantRowId: number,
  ): Promise<Obstacle | null> {
    const { rows } = await this.transaction.raw<{
      rows: [{ obstacle: Obstacle | null }];
    }>(
      `select case
         when c.owner_tenant_id = t.id then 'OWNER'
         when exists (select from community.memberships m where m.community_id = c.id and m.tenant_id = t.id)
           then 'MEMBER'
         when exists (select from community.invitations other
                      where other.community_id = c.id and other.accepting_tenant_id = t.id and other.id <> i.id
                        and other.state = 'ACCEPTED' and other.expires_at > statement_timestamp())
           then 'ACCEPTED'
       end as obstacle
       from community.invitations i
       join community.communities c on c.id = i.community_id
       join tenant.published_tenants t on t.id = ?
       where i.id = ?`,
      [tenantRowId, rowId],
    );
    return rows[0].obstacle;
  }

  /**
   * Ends what is open of a community that is about to be deleted, and keeps its name for those who accepted. Answers
   * the invitations that waited for confirmation.
   */
  async endAll(
    community: Community,
  ): Promise<{ id: string; tenantId: string }[]> {
    const accepted = (await this.transaction("community.invitations as i")
      .join("tenant.published_tenants as t", "t.id", "i.accepting_tenant_id")
      .where({ "i.community_id": community.rowId, "i.state": "ACCEPTED" })
      .whereRaw("i.expires_at > statement_timestamp()")
      .orderBy("i.id")
      .select({ id: "i.uuid", tenantId: "t.uuid" })) as {
      id: string;
      tenantId: string;
    }[];
    await this.transaction.raw(
      `update community.invitations i
       set community_id = null, community_name = ?,
           state = case when i.state in ('CREATED', 'ACCEPTED') and i.expires_at > statement_timestamp()
                   then 'WITHDRAWN' else i.state end
       where i.community_id = ?`,
      [community.name, community.rowId],
    );
    return accepted;
  }
}
