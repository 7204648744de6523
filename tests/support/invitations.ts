import type { TestDatabase } from "./database.ts";

/** What the link ends with that was last sent, to this address if one is given. */
export async function tokenSent(
  { owner }: TestDatabase,
  email?: string,
): Promise<string> {
  const query = owner("mail.outbox").orderBy("id", "desc");
  if (email !== undefined) query.where({ recipient: email });
  const mail = await query.first<{ text: string } | undefined>("text");
  const [, token = "no token"] =
    /\/invitation\/([\w-]{43})$/m.exec(mail?.text ?? "") ?? [];
  return token;
}
