import { inTransaction, type Knex } from "../../common/database.ts";
import {
  record,
  type LedgerEntry,
  type LedgerName,
} from "../../common/ledger-store.ts";
import {
  sendLimitedMail,
  type DailyLimit,
  type Mail,
} from "../../common/mail-store.ts";
import { notify, type NewNotice } from "../../notices/store.ts";
import { liveness } from "../../common/viewer-store.ts";
import type { Call, Viewer } from "../../common/viewer.ts";
import type { InvitationConfig } from "./config.ts";
import {
  AccessChangeStore,
  type AccessChange,
  type MadeChange,
} from "./access-change/store.ts";
import { ApprovalStore } from "./approval/store.ts";
import { CommunityStore } from "./community/store.ts";
import { InvitationChangeStore } from "./invitation/change-store.ts";
import { InvitationStore } from "./invitation/store.ts";
import { LedgerStore } from "./ledger/store.ts";
import { MemberStore } from "./member/store.ts";
import { MembershipStore } from "./membership/store.ts";
import { NoticeStore } from "./notice/store.ts";
import { NextStepStore } from "./next-step/store.ts";
import { TransferDue } from "./ownership/due.ts";
import { OwnershipStore } from "./ownership/store.ts";
import { transferOwnership } from "./ownership/transfer-store.ts";

export interface CommunitySettings {
  /** Where people reach this installation; links lead there. */
  readonly publicUrl: URL;
  readonly invitations: InvitationConfig;
  /** What lies between the acceptance of ownership, which all are told of, and its effect. */
  readonly ownershipDelayHours: number;
}

const stores = (db: Knex, viewer: Viewer) => ({
  communities: new CommunityStore(db, viewer),
  memberships: new MembershipStore(db, viewer),
  members: new MemberStore(db, viewer),
  invitations: new InvitationStore(db, viewer),
  accessChanges: new AccessChangeStore(db, viewer),
  approvals: new ApprovalStore(db, viewer),
  ownership: new OwnershipStore(db, viewer),
  ledger: new LedgerStore(db, viewer),
  notices: new NoticeStore(db, viewer),
  nextSteps: new NextStepStore(db, viewer),
});

/** What an action works with inside its transaction: the stores, the ledger, and whom it tells. */
const unitOfWork = (transaction: Knex.Transaction, call: Call) => ({
  ...stores(transaction, call.viewer),
  invitationChanges: new InvitationChangeStore(transaction, call.viewer),
  sendMail: (mail: Mail, limit: DailyLimit) =>
    sendLimitedMail(transaction, mail, limit),
  notify: (notices: readonly NewNotice[]) => notify(transaction, call, notices),
  record: (
    action: string,
    entries: readonly LedgerEntry[],
    names: readonly LedgerName[] = [],
  ) => record(transaction, call, action, entries, names),
});

export type UnitOfWork = ReturnType<typeof unitOfWork>;

/** Does the work in a transaction. Where it finds that ownership is to have moved by now, that moves first. */
async function inUnit<T>(
  db: Knex,
  call: Call,
  work: (unit: UnitOfWork) => Promise<T>,
  options?: { dryRun: boolean },
): Promise<T> {
  const attempt = () =>
    inTransaction(
      db,
      (transaction) => work(unitOfWork(transaction, call)),
      options,
    );
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof TransferDue)) throw error;
    await inTransaction(db, (transaction) =>
      transferOwnership(transaction, error.communityId, call.requestId),
    );
    return attempt();
  }
}

/** What one request can reach. */
export const createContext =
  (db: Knex, settings: CommunitySettings) => (call: Call) => ({
    viewer: call.viewer,
    settings,
    isLive: liveness(db, call),
    ...stores(db, call.viewer),
    /** As the caller, unless another viewer is given whom the caller may act as. */
    inTransaction: <T>(
      work: (unit: UnitOfWork) => Promise<T>,
      viewer = call.viewer,
    ): Promise<T> => inUnit(db, { ...call, viewer }, work),
    /** Makes a change of access, or only foresees it by a dry run. */
    changeAccess: (
      { dryRun }: { dryRun: boolean },
      work: (unit: UnitOfWork) => Promise<MadeChange>,
    ): Promise<AccessChange> =>
      inUnit(
        db,
        call,
        async (unit) => {
          const change = await work(unit);
          return unit.accessChanges.told(change, { applied: !dryRun });
        },
        { dryRun },
      ),
  });

export type CommunityContext = ReturnType<ReturnType<typeof createContext>>;
