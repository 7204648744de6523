import {
  can,
  guardedByStore,
  type PermissionMap,
} from "../../../common/permissions.ts";
import type { StreamContext } from "../context.ts";
import type { MutationSetStreamAccessArgs } from "../generated.ts";
import { placeOf, streamIdsOf } from "../stream/input.ts";

const managesAccess = can<MutationSetStreamAccessArgs, StreamContext>(
  "change the access lists of these streams",
  async (_viewer, { input }, { streams }) =>
    Boolean(
      await streams.require(
        "MANAGE_ACCESS_CONTROL",
        streamIdsOf(input),
        placeOf,
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
