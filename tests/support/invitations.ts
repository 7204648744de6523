import type { Subgraph } from "../../common/schema.ts";
import type { TestDatabase } from "./database.ts";
import { as, run } from "./run.ts";
import type { Identity } from "./seed.ts";

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

/** Makes a tenant a member as the graph does it: invited, accepted and confirmed. */
export async function joinByHandshake(
  database: TestDatabase,
  community: Subgraph,
  {
    communityId,
    issuer,
    accepter,
  }: { communityId: string; issuer: Identity; accepter: Identity },
): Promise<void> {
  const does = async (
    by: Identity,
    mutation: string,
    answer: string,
  ): Promise<Record<string, unknown>> => {
    const { data, errors } = await run(
      community,
      as(by),
      `mutation { ${mutation} { ${answer} } }`,
    );
    if (data === null || errors.length > 0)
      throw new Error(`${mutation}: ${JSON.stringify(errors)}`);
    return Object.values(data)[0] as never;
  };
  const email = `${accepter.uuid}@invited.example`;
  const { id } = await does(
    issuer,
    `inviteTenant(input: { communityId: "${communityId}", email: "${email}" })`,
    "id",
  );
  const token = await tokenSent(database, email);
  const { acceptingTenant } = await does(
    accepter,
    `acceptInvitation(input: { token: "${token}", contactEmail: "${email}" })`,
    "acceptingTenant { id }",
  );
  const { id: tenantId } = acceptingTenant as { id: string };
  await does(
    issuer,
    `confirmInvitation(input: { id: "${id as string}", tenantId: "${tenantId}", acceptMismatch: true })`,
    "id",
  );
}
