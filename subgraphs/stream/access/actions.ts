import {
  badInput,
  forbidden,
  limitExceeded,
  notFound,
} from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import type { StreamContext } from "../context.ts";
import type { AccessEntryInput, SetStreamAccessInput } from "../generated.ts";
import {
  nothingLost,
  type ReadersChange,
} from "../share/readers-change-store.ts";
import { placeOf, streamIdsOf } from "../stream/input.ts";
import { StreamStore, type Stream } from "../stream/store.ts";
import { CallerStore } from "./caller-store.ts";
import { hasRole, type Caller } from "./caller.ts";
import { granted } from "./granted.ts";
import { rightsIn, sumOf } from "./rights.ts";
import { AccessStore, type NewAccessEntry } from "./store.ts";

const maxEntries = 100;

export async function setStreamAccess(
  input: SetStreamAccessInput & { areLossesAsked: boolean },
  { changeReaders, viewer, call }: StreamContext,
): Promise<ReadersChange> {
  const streamIds = streamIdsOf(input);
  assertFewEntries(input);
  return changeReaders(input, async (transaction) => {
    const callers = new CallerStore(transaction, viewer);
    const access = new AccessStore(transaction, viewer);
    const streams = new StreamStore(transaction, viewer);
    const caller = await callers.lock(
      input.access.flatMap(({ identityId }) => identityId ?? []),
    );
    const entries = await entriesFrom(input.access, caller, callers);
    await streams.lock(streamIds);
    const changing = await streams.require(
      "MANAGE_ACCESS_CONTROL",
      streamIds,
      placeOf,
    );
    const before = await access.entriesOf(changing);
    for (const stream of changing)
      assertGrantable(caller, stream, before.get(stream.id) ?? [], entries);
    const listId = await access.listOf(caller.tenantRowId, entries);
    const losses = input.areLossesAsked
      ? await access.losses(caller, changing, listId)
      : nothingLost;
    await access.set(caller, changing, listId);
    await record(
      transaction,
      call,
      "setStreamAccess",
      changing.map(({ id }) => ({
        kind: "ACCESS",
        subjectType: "Stream",
        subjectId: id,
        tenantIds: [caller.tenantId],
        before: before.get(id)?.map(written),
        after: entries.map(written),
      })),
    );
    return { losses, endedShareIds: [] };
  });
}

function assertFewEntries({ access }: SetStreamAccessInput): void {
  if (access.length > maxEntries)
    throw limitExceeded(
      "entries an access list",
      maxEntries,
      access.length,
      "Give rights to roles rather than to single identities.",
      "input.access",
    );
}

/** The entries of a list, each for one role or identity of the own tenant, and no two for the same. */
async function entriesFrom(
  inputs: readonly AccessEntryInput[],
  caller: Caller,
  callers: CallerStore,
): Promise<NewAccessEntry[]> {
  const colleagues = await callers.colleagues(
    caller,
    inputs.flatMap(({ identityId }) => identityId ?? []),
  );
  const met = new Set<string>();
  return inputs.map(({ effect, rights, role, identityId }, i) => {
    const at = `input.access.${i}`;
    if ((role == null) === (identityId == null))
      throw badInput("Give exactly one of role and identityId.", at);
    if (rights.length === 0)
      throw badInput(
        "Give at least one right, or leave the entry out.",
        `${at}.rights`,
      );
    const identityRowId =
      identityId == null ? null : colleagues.get(identityId);
    if (identityRowId === undefined) throw notFound(`${at}.identityId`);
    const key = `${effect} ${role ?? identityId}`;
    if (met.has(key))
      throw badInput("Two entries are for the same. Join them.", at);
    met.add(key);
    return {
      effect,
      rights: sumOf(rights),
      role: role ?? null,
      identityId: identityId ?? null,
      identityRowId,
    };
  });
}

/** Rule 12: nobody grants a right that it does not hold, account administrators apart. */
function assertGrantable(
  caller: Caller,
  stream: Stream,
  before: readonly NewAccessEntry[],
  after: readonly NewAccessEntry[],
): void {
  if (hasRole(caller, "ACCOUNT_ADMINISTRATOR")) return;
  const beyond = granted(before, after) & ~stream.rights;
  if (beyond !== 0)
    throw forbidden(
      `You may not grant ${rightsIn(beyond).join(", ")} on stream ${stream.id}: you do not hold it there.`,
    );
}

const written = ({ effect, rights, role, identityId }: NewAccessEntry) => ({
  effect,
  rights: rightsIn(rights),
  ...(role ? { role } : { identityId }),
});
