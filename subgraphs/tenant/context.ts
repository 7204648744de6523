import type { Knex } from "../../common/database.ts";
import { liveness } from "../../common/viewer-store.ts";
import type { Call } from "../../common/viewer.ts";
import type { SignUpConfig } from "./config.ts";
import { IdentityStore } from "./identity/store.ts";
import { SecretStore } from "./secret/store.ts";
import { TenantStore } from "./tenant/store.ts";

export interface TenantSettings {
  /** Where people reach this installation; links lead there. */
  readonly publicUrl: URL;
  /** Whether people sign in here by a password, and are sent a link to set it. */
  readonly isBuiltInOn: boolean;
  readonly signUp: SignUpConfig;
  /** How many mails to new users a tenant sends in 24 hours. */
  readonly userMailsPerDay: number;
}

/** What one request can reach. */
export const createContext =
  (db: Knex, settings: TenantSettings) => (call: Call) => {
    const { viewer } = call;
    return {
      viewer,
      isLive: liveness(db, call),
      call,
      db,
      settings,
      tenants: new TenantStore(db, viewer.identityId),
      identities: new IdentityStore(db, viewer.identityId),
      secrets: new SecretStore(db, viewer.identityId),
    };
  };

export type TenantContext = ReturnType<ReturnType<typeof createContext>>;
