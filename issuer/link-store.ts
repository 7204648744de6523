import type { Knex } from "../common/database.ts";
import { hashToken, type OneUseLink } from "../common/one-use-link.ts";

/** One-use links by which people set their password. */
export class LinkStore {
  constructor(private readonly db: Knex) {}

  async add(email: string, { tokenHash, expiresAt }: OneUseLink) {
    await this.db("issuer.links").insert({
      email,
      token_hash: tokenHash,
      expires_at: expiresAt,
    });
  }

  /** The e-mail that a link verifies, without using the link up. */
  async peek(token: string): Promise<string | undefined> {
    const link = await this.live(token).first<{ email: string } | undefined>(
      "email",
    );
    return link?.email;
  }

  /** Likewise, and no other link of that e-mail is good from now on. */
  async use(token: string): Promise<string | undefined> {
    const [link] = await this.live(token)
      .delete()
      .returning<{ email: string }[]>("email");
    if (!link) return undefined;
    await this.db("issuer.links").where({ email: link.email }).delete();
    return link.email;
  }

  private live(token: string) {
    return this.db("issuer.links")
      .where({ token_hash: hashToken(token) })
      .where("expires_at", ">", this.db.fn.now());
  }
}
