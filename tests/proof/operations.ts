import fc from "fast-check";
import {
  createCommunity,
  deleteCommunity,
  leaveCommunity,
  pauseSharing,
  removeCommunityMembers,
  removeTenant,
  resumeSharing,
  setCommunityRoles,
  updateCommunity,
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
import {
  entitlementChanges,
  invitationExpires,
  ownershipTakesEffect,
} from "./happenings.ts";
import {
  createNamespace,
  createStream,
  createStreamType,
  setNamespaceAccess,
} from "./namespace-operations.ts";
import type { Operation } from "./operation.ts";
import {
  acceptOwnership,
  declineOwnership,
  offerOwnership,
  withdrawOwnershipOffer,
} from "./ownership-operations.ts";
import {
  deleteStream,
  deleteStreams,
  setStreamAccess,
  shareStreams,
  unshareStreams,
  updateStream,
  updateStreams,
  writeEvents,
  removeEvents,
} from "./stream-operations.ts";
import {
  createClient,
  createUser,
  removeClient,
  removeUser,
  setClientEnabled,
  setClientRoles,
  setUserRoles,
  signUpTenant,
  updateTenant,
} from "./tenant-operations.ts";

/** What the operator and the clock do. */
const happenings = {
  entitlementChanges: [1, entitlementChanges],
  invitationExpires: [1, invitationExpires],
  ownershipTakesEffect: [3, ownershipTakesEffect],
} as const;

/** Every mutation, and how often it is drawn. */
const mutations = {
  createCommunity: [1, createCommunity],
  updateCommunity: [1, updateCommunity],
  deleteCommunity: [1, deleteCommunity],
  setCommunityRoles: [6, setCommunityRoles],
  removeCommunityMembers: [3, removeCommunityMembers],
  pauseSharing: [2, pauseSharing],
  resumeSharing: [3, resumeSharing],
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
  createNamespace: [1, createNamespace],
  setNamespaceAccess: [1, setNamespaceAccess],
  createStreamType: [1, createStreamType],
  createStream: [2, createStream],
  updateStream: [1, updateStream],
  updateStreams: [1, updateStreams],
  deleteStream: [1, deleteStream],
  deleteStreams: [1, deleteStreams],
  writeEvents: [1, writeEvents],
  removeEvents: [1, removeEvents],
  updateTenant: [2, updateTenant],
  signUpTenant: [1, signUpTenant],
  createUser: [1, createUser],
  createClient: [1, createClient],
  setUserRoles: [3, setUserRoles],
  setClientRoles: [1, setClientRoles],
  setClientEnabled: [2, setClientEnabled],
  removeUser: [1, removeUser],
  removeClient: [1, removeClient],
} as const;

export const mutationNames = Object.keys(mutations);

const all = { ...mutations, ...happenings };

export type OperationName = keyof typeof all;
export const operationNames = Object.keys(all) as OperationName[];

/** What somebody tries, and who looks around afterwards. */
export interface Step {
  readonly name: OperationName;
  readonly actor: number;
  readonly reader: number;
  /** Whether it is asked first what would end, if that can be asked. */
  readonly isForeseen: boolean;
  readonly operation: Operation;
}

/** Below it whoever it is; from it on one who may do it. */
export const anybody = 12;
const somebody = fc.nat({ max: 2 * anybody - 1 });

export const step: fc.Arbitrary<Step> = fc.oneof(
  ...operationNames.map((name) => {
    const [weight, operation] = all[name];
    return {
      weight,
      arbitrary: fc
        .record({
          actor: somebody,
          reader: somebody,
          isForeseen: fc.boolean(),
          operation,
        })
        .map((step) => told({ name, ...step })),
    };
  }),
);

/** A failing history is printed in this form. */
const told = (step: Step): Step =>
  Object.assign(step, {
    [fc.toStringMethod]: () =>
      `${step.name} by ${step.actor}${step.isForeseen ? ", foreseen" : ""}: ${JSON.stringify(step.operation.args)}; then ${step.reader} looks`,
  });
