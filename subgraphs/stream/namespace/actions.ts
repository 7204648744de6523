import { forbidden } from "../../../common/errors.ts";
import { record } from "../../../common/ledger-store.ts";
import { descriptionFrom, nameFrom } from "../../../common/text.ts";
import { CallerStore } from "../access/caller-store.ts";
import {
  assertFewEntries,
  assertGrantable,
  entriesFrom,
  namedIn,
  written,
} from "../access/entries.ts";
import { AccessStore, defaultAccess } from "../access/store.ts";
import type { StreamContext } from "../context.ts";
import type {
  CreateNamespaceInput,
  SetNamespaceAccessInput,
} from "../generated.ts";
import { createNamespaces, mayCreateNamespaces } from "./rules.ts";
import { NamespaceStore, type Namespace } from "./store.ts";

const defaultRegion = "global";

export async function createNamespace(
  input: CreateNamespaceInput,
  { db, viewer, call }: StreamContext,
): Promise<Namespace | null> {
  const namespace = {
    name: nameFrom(input.name, "input.name"),
    description: descriptionFrom(input.description, "input.description"),
    region: nameFrom(input.region ?? defaultRegion, "input.region", 100),
  };
  return db.transaction(async (transaction) => {
    const caller = await new CallerStore(transaction, viewer).lock();
    if (!mayCreateNamespaces(caller))
      throw forbidden(`You may not ${createNamespaces}.`);
    const access = new AccessStore(transaction, viewer);
    const namespaces = new NamespaceStore(transaction, viewer);
    const id = await namespaces.add(
      caller.tenantRowId,
      await access.listOf(caller.tenantRowId, defaultAccess),
      namespace,
    );
    await record(
      transaction,
      call,
      "createNamespace",
      [
        {
          kind: "STREAM",
          subjectType: "Namespace",
          subjectId: id,
          tenantIds: [caller.tenantId],
          after: { region: namespace.region },
        },
      ],
      [{ id, name: namespace.name }],
    );
    return namespaces.find(id);
  });
}

/** Streams that are there keep their own lists. */
export async function setNamespaceAccess(
  { namespaceId, access: asked }: SetNamespaceAccessInput,
  { db, viewer, call }: StreamContext,
): Promise<Namespace | null> {
  assertFewEntries(asked);
  return db.transaction(async (transaction) => {
    const callers = new CallerStore(transaction, viewer);
    const access = new AccessStore(transaction, viewer);
    const namespaces = new NamespaceStore(transaction, viewer);
    const named = namedIn(asked);
    const caller = await callers.lock(named);
    const entries = entriesFrom(asked, await callers.colleagues(caller, named));
    await namespaces.lock(namespaceId);
    const namespace = await namespaces.getManaged(
      namespaceId,
      "input.namespaceId",
    );
    const before = await access.entriesOfList(namespace.accessListId);
    assertGrantable(caller, namespace, before, entries);
    await namespaces.setAccess(
      namespace,
      await access.listOf(caller.tenantRowId, entries),
    );
    await record(transaction, call, "setNamespaceAccess", [
      {
        kind: "ACCESS",
        subjectType: "Namespace",
        subjectId: namespace.id,
        tenantIds: [caller.tenantId],
        before: before.map(written),
        after: entries.map(written),
      },
    ]);
    return namespaces.find(namespace.id);
  });
}
