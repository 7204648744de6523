import {
  badInput,
  forbidden,
  limitExceeded,
  notFound,
} from "../../../common/errors.ts";
import type {
  AccessEffect,
  AccessEntryInput,
  TenantRole,
} from "../generated.ts";
import { hasRole, type Caller } from "./caller.ts";
import { granted } from "./granted.ts";
import { rightsIn, sumOf } from "./rights.ts";

/** A right given or denied to a role or an identity; `rights` is their sum. */
export interface AccessEntry {
  readonly effect: AccessEffect;
  readonly rights: number;
  readonly role: TenantRole | null;
  readonly identityId: string | null;
}

/** An entry as it is written: with the identity's row. */
export interface NewAccessEntry extends AccessEntry {
  readonly identityRowId: number | null;
}

const maxEntries = 100;

export function assertFewEntries(access: readonly AccessEntryInput[]): void {
  if (access.length > maxEntries)
    throw limitExceeded(
      "entries an access list",
      maxEntries,
      access.length,
      "Give rights to roles rather than to single identities.",
      "input.access",
    );
}

/** The identities that a list names. */
export const namedIn = (inputs: readonly AccessEntryInput[]): string[] =>
  inputs.flatMap(({ identityId }) => identityId ?? []);

/** The entries of a list, each for one role or identity of the own tenant, and no two for the same. */
export function entriesFrom(
  inputs: readonly AccessEntryInput[],
  colleagues: ReadonlyMap<string, number>,
): NewAccessEntry[] {
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
export function assertGrantable(
  caller: Caller,
  subject: { readonly id: string; readonly rights: number },
  before: readonly NewAccessEntry[],
  after: readonly NewAccessEntry[],
): void {
  if (hasRole(caller, "ACCOUNT_ADMINISTRATOR")) return;
  const beyond = granted(before, after) & ~subject.rights;
  if (beyond !== 0)
    throw forbidden(
      `You may not grant ${rightsIn(beyond).join(", ")} on ${subject.id}: you do not hold it there.`,
    );
}

/** As the ledger has it. */
export const written = ({
  effect,
  rights,
  role,
  identityId,
}: NewAccessEntry) => ({
  effect,
  rights: rightsIn(rights),
  ...(role ? { role } : { identityId }),
});
