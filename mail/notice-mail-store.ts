import type { Knex } from "../common/database.ts";
import { sentence, type Notice } from "../notices/sentence.ts";
import { withoutLinks } from "../common/text.ts";

/** A notice for one of those whom it concerns. */
interface Recipient extends Notice {
  readonly rowId: number;
  readonly identityRowId: number;
  readonly email: string;
}

/** Notices as the worker handles them: made into e-mails to those whom they concern at this moment. */
export class NoticeMailStore {
  constructor(
    private readonly db: Knex,
    private readonly publicUrl: URL,
  ) {}

  /**
   * Writes the mails of the oldest notices that have none yet; answers how many notices that were. Whoever has done
   * what a notice tells gets no mail about it; an address that several users have gets one.
   */
  async writeMails(): Promise<number> {
    return this.db.transaction(async (transaction) => {
      const pending = await transaction.raw<{ rows: { id: number }[] }>(
        `select id from mail.notices where mailed_at is null order by id limit 20 for update skip locked`,
      );
      const ids = pending.rows.map(({ id }) => id);
      if (ids.length === 0) return 0;
      const { rows } = await transaction.raw<{ rows: Recipient[] }>(
        `select distinct on (n.id, a.email)
                n.id as "rowId", a.identity_id as "identityRowId", a.email, n.kind, n.community_name as "communityName",
                n.tenant_name as "tenantName", n.role, a.identity = any (n.identities) as "isAboutMe",
                cardinality(n.identities) as "identityCount", n.stream_count as "streamCount", n.due_at as "dueAt"
         from mail.notices n
         join mail.addresses a on a.notice_id = n.id and a.identity is distinct from n.actor
         where n.id = any (?::bigint[])
         order by n.id, a.email, a.identity_id`,
        [ids],
      );
      await transaction.raw(
        `insert into mail.outbox (recipient, subject, text, notice_id, identity_id)
         select m.recipient, m.subject, m.text, m.notice_id, m.identity_id
         from jsonb_to_recordset(?::jsonb)
           as m(recipient text, subject text, text text, notice_id bigint, identity_id int)`,
        [
          JSON.stringify(
            rows.map((recipient) => ({
              recipient: recipient.email,
              subject: subjectOf(recipient),
              text: this.textOf(recipient),
              notice_id: recipient.rowId,
              identity_id: recipient.identityRowId,
            })),
          ),
        ],
      );
      await transaction.raw(
        "update mail.notices set mailed_at = clock_timestamp() where id = any (?::bigint[])",
        [ids],
      );
      return ids.length;
    });
  }

  /** Writes a notice, once, of each open invitation that ends within two days. */
  async tellOfEnds(): Promise<void> {
    await this.db.raw("select mail.tell_of_ends(interval '2 days')");
  }

  async deleteOld(olderThanDays: number): Promise<void> {
    await this.db.raw(
      "delete from mail.notices where at < clock_timestamp() - make_interval(days => ?)",
      [olderThanDays],
    );
  }

  private textOf(notice: Notice): string {
    return `${withoutLinks(sentence(notice))}\n\n${this.publicUrl.href}\n`;
  }
}

/** What it is about; a name of the community is one line already. */
const subjectOf = ({ communityName }: Notice) =>
  communityName === null
    ? "Tributary"
    : `Tributary: ${withoutLinks(communityName)}`;
