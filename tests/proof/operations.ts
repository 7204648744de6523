import fc from "fast-check";
import {
  createCommunity,
  deleteCommunity,
  leaveCommunity,
  removeCommunityMembers,
  removeTenant,
  setCommunityRoles,
  setSharing,
} from "./community-operations.ts";
import {
  acceptInvitation,
  cancelAcceptance,
  confirmInvitation,
  declineInvitation,
  inviteTenant,
  resendInvitation,
  withdrawInvitation,
} from "./handshake-operations.ts";
import {
  approveNewTenant,
  refuseNewTenant,
  updateMembership,
} from "./approval-operations.ts";
import type { Operation } from "./operation.ts";
import {
  acceptOwnership,
  declineOwnership,
  offerOwnership,
  withdrawOwnershipOffer,
} from "./ownership-operations.ts";
import {
  setStreamAccess,
  shareStreams,
  unshareStreams,
} from "./stream-operations.ts";
import {
  removeIdentity,
  setClientEnabled,
  setTenantRoles,
} from "./tenant-operations.ts";

/** Every mutation, and how often it is drawn. */
const all = {
  createCommunity: [1, createCommunity],
  deleteCommunity: [1, deleteCommunity],
  setCommunityRoles: [6, setCommunityRoles],
  removeCommunityMembers: [3, removeCommunityMembers],
  pauseSharing: [2, setSharing("pauseSharing")],
  resumeSharing: [3, setSharing("resumeSharing")],
  leaveCommunity: [1, leaveCommunity],
  inviteTenant: [4, inviteTenant],
  resendInvitation: [1, resendInvitation],
  withdrawInvitation: [2, withdrawInvitation],
  acceptInvitation: [8, acceptInvitation],
  declineInvitation: [1, declineInvitation],
  cancelAcceptance: [1, cancelAcceptance],
  confirmInvitation: [14, confirmInvitation],
  updateMembership: [2, updateMembership],
  approveNewTenant: [3, approveNewTenant],
  refuseNewTenant: [4, refuseNewTenant],
  removeTenant: [1, removeTenant],
  offerOwnership: [3, offerOwnership],
  withdrawOwnershipOffer: [1, withdrawOwnershipOffer],
  acceptOwnership: [3, acceptOwnership],
  declineOwnership: [1, declineOwnership],
  shareStreams: [6, shareStreams],
  unshareStreams: [3, unshareStreams],
  setStreamAccess: [3, setStreamAccess],
  setTenantRoles: [3, setTenantRoles],
  setClientEnabled: [2, setClientEnabled],
  removeIdentity: [1, removeIdentity],
} as const;

export type OperationName = keyof typeof all;
export const operationNames = Object.keys(all) as OperationName[];

/** What somebody tries, and who looks around afterwards. */
export interface Step {
  readonly name: OperationName;
  readonly actor: number;
  readonly reader: number;
  readonly operation: Operation;
}

/** Beyond the identities of a world: one who may do it. */
const somebody = fc.nat({ max: 23 });

export const step: fc.Arbitrary<Step> = fc.oneof(
  ...operationNames.map((name) => {
    const [weight, operation] = all[name];
    return {
      weight,
      arbitrary: fc
        .record({ actor: somebody, reader: somebody, operation })
        .map((step) => told({ name, ...step })),
    };
  }),
);

/** A failing history is printed in this form. */
const told = (step: Step): Step =>
  Object.assign(step, {
    [fc.toStringMethod]: () =>
      `${step.name} by ${step.actor}: ${JSON.stringify(step.operation.args)}; then ${step.reader} looks`,
  });
