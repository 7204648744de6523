import { notFound } from "../../../common/errors.ts";
import {
  can,
  guardedByStore,
  signedIn,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { TenantContext } from "../context.ts";

export const administersTenant = can<unknown, TenantContext>(
  "administer your tenant",
  (_viewer, _args, { identities }) => identities.isAdministrator(),
);

/** T1 about something of the tenant, which the caller must see to be told that it may not. */
export const administers = <Args>(
  find: (args: Args, context: TenantContext) => Promise<unknown>,
  at: string,
) =>
  can<Args, TenantContext>(
    "administer your tenant",
    async (_viewer, args, context) => {
      if ((await find(args, context)) === null) throw notFound(at);
      return context.identities.isAdministrator();
    },
  );

interface Id {
  id: string;
}

const administersUser = administers<Id>(
  ({ id }, { identities }) => identities.findUser(id),
  "id",
);

const administersInputUser = administers<{ input: Id }>(
  ({ input }, { identities }) => identities.findUser(input.id),
  "input.id",
);

const administersClient = administers<Id>(
  ({ id }, { identities }) => identities.findClient(id),
  "id",
);

export const administersInputClient = administers<{ input: Id }>(
  ({ input }, { identities }) => identities.findClient(input.id),
  "input.id",
);

export const permissions = {
  Query: {
    viewer: signedIn, // T2
  },
  Mutation: {
    createUser: administersTenant, // T1
    setUserRoles: administersInputUser, // T1
    removeUser: administersUser, // T1
    createClient: administersTenant, // T1
    setClientRoles: administersInputClient, // T1
    setClientEnabled: administersClient, // T1
    removeClient: administersClient, // T1
  },
  Viewer: guardedByStore,
  User: guardedByStore, // T2
  UserConnection: guardedByStore,
  UserEdge: guardedByStore,
  Client: guardedByStore, // T2
  ClientConnection: guardedByStore,
  ClientEdge: guardedByStore,
  CreatedClient: guardedByStore,
} satisfies PermissionMap;
