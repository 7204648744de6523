import type { CommunityContext } from "../context.ts";
import type { Resolvers } from "../generated.ts";

export const resolvers = {
  Tenant: {
    __resolveReference: ({ id }) => ({ id }),
    ledger: ({ id }, args, { ledger }) => ledger.ofTenant(id, args),
    ledgerHead: ({ id }, _, { ledger }) => ledger.headOfTenant(id),
  },
  Community: {
    ledger: ({ id }, args, { ledger }) => ledger.ofCommunity(id, args),
    ledgerHead: ({ id }, _, { ledger }) => ledger.headOfCommunity(id),
  },
  Stream: {
    __resolveReference: ({ id }) => ({ id }),
    ledger: ({ id }, args, { ledger }) => ledger.ofStream(id, args),
  },
  LedgerEntry: {
    actorTenant: ({ actorTenantId }) =>
      actorTenantId === null ? null : { id: actorTenantId },
    actor: ({ actorId }) => (actorId === null ? null : { id: actorId }),
  },
} satisfies Resolvers<CommunityContext>;
