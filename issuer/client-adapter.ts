import { randomBytes } from "node:crypto";
import type { Adapter } from "oidc-provider";
import type { ClientStore } from "./client-store.ts";

/** Nobody knows it: secrets are compared by their hashes. The library wants one with every confidential client. */
const placeholderSecret = randomBytes(32).toString("base64url");

/** Client programs are the tenant subgraph's: they are looked up, never kept here. */
export function clientAdapter(clients: ClientStore): Adapter {
  const readOnly = () => Promise.reject(new Error("Clients are read only."));
  const none = () => Promise.resolve(undefined);
  return {
    async find(clientId) {
      if (!(await clients.identityOf(clientId))) return undefined;
      return {
        client_id: clientId,
        client_secret: placeholderSecret,
        token_endpoint_auth_method: "client_secret_basic",
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
      };
    },
    findByUid: none,
    findByUserCode: none,
    upsert: readOnly,
    consume: readOnly,
    destroy: readOnly,
    revokeByGrantId: readOnly,
  };
}
