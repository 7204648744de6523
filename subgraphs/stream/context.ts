import { inTransaction, sizeOfPool, type Knex } from "../../common/database.ts";
import { Turns } from "../../common/turns.ts";
import { liveness } from "../../common/viewer-store.ts";
import type { Call } from "../../common/viewer.ts";
import { CallerStore } from "./access/caller-store.ts";
import { AccessStore } from "./access/store.ts";
import { LimitStore } from "./event/limit-store.ts";
import { usualLimits, type ReadLimits } from "./event/limits.ts";
import { ShapeStore } from "./event/shape-store.ts";
import { eventReads } from "./event/store.ts";
import { ExplanationStore } from "./explanation/store.ts";
import { NamespaceStore } from "./namespace/store.ts";
import { ReaderStore } from "./reader/store.ts";
import { ReceivedStore } from "./reader/received-store.ts";
import { TenantAccessStore } from "./reader/tenant-access-store.ts";
import {
  told,
  type MadeChange,
  type ReadersChange,
} from "./share/readers-change-store.ts";
import { ShareChangeStore } from "./share/change-store.ts";
import { ShareStore } from "./share/store.ts";
import { StreamSearchStore } from "./stream/search-store.ts";
import { CommunityStreamStore } from "./stream/search/community-store.ts";
import { StreamStore } from "./stream/store.ts";
import { StreamTypeStore } from "./stream-type/store.ts";
import type { ReadRecorder } from "./usage/recorder-store.ts";
import { UsageStore } from "./usage/store.ts";

/** Reads of events that an identity has under way at a time: others wait behind so many of them at most. */
const maxReadsOfIdentity = 3;
/** Connections that reads of events leave to everything else: lists, changes, uploads, the record of reads. */
const otherConnections = 3;

/** What one request can reach; what it reads of other tenants' streams is recorded. */
export function createContext(
  db: Knex,
  recorder: Pick<ReadRecorder, "noterOf">,
  readLimits: ReadLimits = usualLimits,
) {
  const readsInAll = Math.max(1, sizeOfPool(db) - otherConnections);
  const reads = new Turns({
    inAll: readsInAll,
    // The other half is never taken by the same tenant.
    ofTenant: Math.ceil(readsInAll / 2),
    ofIdentity: maxReadsOfIdentity,
  });
  const shapes = new ShapeStore(db);
  return (call: Call) => {
    const { viewer } = call;
    const streams = new StreamStore(db, viewer);
    const streamTypes = new StreamTypeStore(db, viewer);
    const limits = new LimitStore(db, viewer, readLimits);
    return {
      viewer,
      isLive: liveness(db, call),
      call,
      db,
      callers: new CallerStore(db, viewer),
      access: new AccessStore(db, viewer),
      namespaces: new NamespaceStore(db, viewer),
      streamTypes,
      streams,
      streamSearch: new StreamSearchStore(db, viewer),
      communityStreams: new CommunityStreamStore(db, viewer),
      events: eventReads(db, viewer, recorder.noterOf(call.requestId), {
        streams,
        streamTypes,
        limits,
        turns: reads.of(viewer),
        shapes,
      }),
      limits,
      shares: new ShareStore(db, viewer),
      shareChanges: new ShareChangeStore(db, viewer),
      explanations: new ExplanationStore(db, viewer),
      readers: new ReaderStore(db, viewer),
      received: new ReceivedStore(db, viewer),
      usage: new UsageStore(db, viewer),
      tenantAccess: new TenantAccessStore(db, viewer),
      /** Makes a change of who can read, or only foresees it by a dry run. */
      changeReaders: (
        { dryRun }: { dryRun: boolean },
        work: (transaction: Knex.Transaction) => Promise<MadeChange>,
      ): Promise<ReadersChange> =>
        inTransaction(
          db,
          async (transaction) => {
            const change = await work(transaction);
            return told(transaction, viewer, change, { applied: !dryRun });
          },
          { dryRun },
        ),
    };
  };
}

export type StreamContext = ReturnType<ReturnType<typeof createContext>>;
