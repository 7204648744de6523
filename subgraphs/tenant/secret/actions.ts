import { notFound } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import type { TenantContext } from "../context.ts";
import type { RotateClientSecretInput } from "../generated.ts";
import { IdentityChangeStore } from "../identity/change-store.ts";
import { IdentityStore, type Client } from "../identity/store.ts";
import { SecretChangeStore } from "./change-store.ts";
import { createSecret, expiryFrom } from "./plain-secret.ts";
import { SecretStore, type ClientSecret } from "./store.ts";

/** The plain text leaves here and is kept nowhere. */
export async function rotateClientSecret(
  { id, olderExpireAt, ...input }: RotateClientSecretInput,
  { db, viewer, call }: TenantContext,
): Promise<{
  client: Client;
  secret: ClientSecret;
  plainSecret: string;
} | null> {
  const expiresAt = expiryFrom(input.expiresAt, "input.expiresAt");
  const { plainSecret, ...kept } = createSecret();
  return db.transaction(async (transaction) => {
    const { tenant, target } = await new IdentityChangeStore(
      transaction,
    ).lockTarget(viewer, "CLIENT", id, "input.id");
    const secrets = new SecretChangeStore(transaction, tenant, target);
    const secret = await secrets.add({ ...kept, expiresAt });
    const shortened =
      olderExpireAt == null
        ? []
        : await secrets.expireOthers(secret, olderExpireAt);
    await record(transaction, call, "rotateClientSecret", [
      {
        kind: "IDENTITY",
        subjectType: "Client",
        subjectId: id,
        tenantIds: [tenant.uuid],
        before: { secrets: shortened },
        after: {
          secret: { id: secret.id, expiresAt: secret.expiresAt },
          olderExpireAt,
        },
      },
    ]);
    const client = await new IdentityStore(
      transaction,
      viewer.identityId,
    ).findClient(id);
    return client && { client, secret, plainSecret };
  });
}

export async function removeClientSecret(
  secretId: string,
  { db, viewer, call }: TenantContext,
): Promise<Client | null> {
  return db.transaction(async (transaction) => {
    const clientId = await new SecretStore(
      transaction,
      viewer.identityId,
    ).findClientId(secretId);
    if (clientId === null) throw notFound("id");
    const { tenant, target } = await new IdentityChangeStore(
      transaction,
    ).lockTarget(viewer, "CLIENT", clientId, "id");
    const removed = await new SecretChangeStore(
      transaction,
      tenant,
      target,
    ).remove(secretId);
    if (!removed) throw notFound("id");
    await record(transaction, call, "removeClientSecret", [
      {
        kind: "IDENTITY",
        subjectType: "Client",
        subjectId: clientId,
        tenantIds: [tenant.uuid],
        before: { secret: { id: secretId } },
      },
    ]);
    return new IdentityStore(transaction, viewer.identityId).findClient(
      clientId,
    );
  });
}
