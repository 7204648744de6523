import { randomUUID } from "node:crypto";
import type { Viewer } from "../../common/viewer.ts";
import type { TestDatabase } from "./database.ts";
import { as } from "./run.ts";
import { Seed, type Row } from "./seed.ts";

/** Rule 2: those whose tenant is invited, or has accepted, and is not in. */
export const pendingCallers = [
  "invited: AA",
  "accepted: AA",
  "accepted: client AA",
  "accepted: DS",
] as const;

export type PendingCaller = (typeof pendingCallers)[number];

/** Their tenants, with an invitation each to a community. */
export async function seedPending(
  { owner: db }: TestDatabase,
  community: Row,
): Promise<Record<PendingCaller, Viewer>> {
  const seed = new Seed(db);
  const aa = ["ACCOUNT_ADMINISTRATOR"] as const;
  const invited = await seed.user(
    await seed.tenant(),
    aa,
    "ida@invited.example",
  );
  const tenant = await seed.tenant();
  const accepter = await seed.user(tenant, aa, "bob@accepted.example");
  for (const [email, isAccepted] of [
    ["ida@invited.example", false],
    ["bob@accepted.example", true],
  ] as const)
    await db("community.invitations").insert({
      community_id: community.id,
      community_name: "Pumps",
      issuing_tenant_id: db("community.communities")
        .where({ id: community.id })
        .select("owner_tenant_id"),
      issued_by: randomUUID(),
      issued_by_name: "Ann",
      email,
      token_hash: Buffer.from(email),
      expires_at: db.raw("now() + interval '1 day'"),
      ...(isAccepted && {
        state: "ACCEPTED",
        accepting_tenant_id: tenant.id,
        accepting_tenant_created_at: db.fn.now(),
        accepted_by: accepter.uuid,
        accepted_by_name: "Bob",
        accepted_by_email: email,
        accepted_at: db.fn.now(),
        moderators: [accepter.uuid],
        contact_email: email,
        new_tenants_read: "AT_ONCE",
      }),
    });
  return {
    "invited: AA": as(invited),
    "accepted: AA": as(accepter),
    "accepted: client AA": as(await seed.client(tenant, aa)),
    "accepted: DS": as(await seed.user(tenant, ["DATA_STEWARD"])),
  };
}
