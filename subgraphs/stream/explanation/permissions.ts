import { notFound } from "../../../common/errors.ts";
import {
  can,
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import { hasRole } from "../access/caller.ts";
import type { StreamContext } from "../context.ts";
import type { QueryExplainAccessArgs } from "../generated.ts";

const explainsAccess = can<QueryExplainAccessArgs, StreamContext>(
  "ask what another identity may read; ask an account administrator or data steward of your tenant",
  async (viewer, { identityId }, { callers, explanations }) => {
    if (!(await explanations.isColleague(identityId)))
      throw notFound("identityId");
    return (
      identityId === viewer.identityId ||
      hasRole(await callers.get(), "ACCOUNT_ADMINISTRATOR", "DATA_STEWARD")
    );
  },
);

export const permissions = {
  Query: {
    explainAccess: explainsAccess, // T4, and T2 for oneself
  },
  AccessExplanation: guardedByStore,
  AccessGate: guardedByStore,
} satisfies PermissionMap;
