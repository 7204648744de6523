import { Json } from "../../common/scalars.ts";
import { subgraphSchema } from "../../common/schema.ts";
import { permissions as accessChangePermissions } from "./access-change/permissions.ts";
import { resolvers as accessChangeResolvers } from "./access-change/resolvers.ts";
import { permissions as approvalPermissions } from "./approval/permissions.ts";
import { resolvers as approvalResolvers } from "./approval/resolvers.ts";
import { permissions as communityPermissions } from "./community/permissions.ts";
import { resolvers as communityResolvers } from "./community/resolvers.ts";
import { permissions as invitationPermissions } from "./invitation/permissions.ts";
import { resolvers as invitationResolvers } from "./invitation/resolvers.ts";
import { permissions as ledgerPermissions } from "./ledger/permissions.ts";
import { resolvers as ledgerResolvers } from "./ledger/resolvers.ts";
import { permissions as memberPermissions } from "./member/permissions.ts";
import { resolvers as memberResolvers } from "./member/resolvers.ts";
import { permissions as membershipPermissions } from "./membership/permissions.ts";
import { resolvers as membershipResolvers } from "./membership/resolvers.ts";
import { permissions as noticePermissions } from "./notice/permissions.ts";
import { resolvers as noticeResolvers } from "./notice/resolvers.ts";
import { permissions as nextStepPermissions } from "./next-step/permissions.ts";
import { resolvers as nextStepResolvers } from "./next-step/resolvers.ts";
import { permissions as ownershipPermissions } from "./ownership/permissions.ts";
import { resolvers as ownershipResolvers } from "./ownership/resolvers.ts";

export const schema = subgraphSchema(
  new URL("./schema.graphql", import.meta.url),
  [
    { resolvers: { JSON: Json }, permissions: {} },
    { resolvers: communityResolvers, permissions: communityPermissions },
    { resolvers: membershipResolvers, permissions: membershipPermissions },
    { resolvers: memberResolvers, permissions: memberPermissions },
    { resolvers: invitationResolvers, permissions: invitationPermissions },
    { resolvers: ownershipResolvers, permissions: ownershipPermissions },
    { resolvers: approvalResolvers, permissions: approvalPermissions },
    { resolvers: accessChangeResolvers, permissions: accessChangePermissions },
    { resolvers: ledgerResolvers, permissions: ledgerPermissions },
    { resolvers: noticeResolvers, permissions: noticePermissions },
    { resolvers: nextStepResolvers, permissions: nextStepPermissions },
  ],
);
