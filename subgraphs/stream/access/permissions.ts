import {
  can,
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { StreamContext } from "../context.ts";
import type { MutationSetStreamAccessArgs } from "../generated.ts";

const managesAccess = can<MutationSetStreamAccessArgs, StreamContext>(
  "change the access lists of these streams",
  async (_viewer, { input: { streamIds } }, { streams }) =>
    Boolean(
      await streams.require(
        "MANAGE_ACCESS_CONTROL",
        streamIds,
        (i) => `input.streamIds.${i}`,
      ),
    ),
);

export const permissions = {
  Mutation: {
    setStreamAccess: managesAccess, // S3
  },
  AccessEntry: guardedByStore, // S3
  Identity: guardedByStore, // a reference by id alone
} satisfies PermissionMap;
