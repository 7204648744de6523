import { includes, rightsIn } from "../access/rights.ts";
import type { AccessEffect, AccessGateKind, TenantRole } from "../generated.ts";

/** An entry of an access list that concerns an identity, by name or by a role that it has. */
interface Concerning {
  readonly effect: AccessEffect;
  readonly rights: number;
  /** Null where it names the identity. */
  readonly role: TenantRole | null;
}

/** What of the own side decides whether an identity reads a stream; nothing here is known of another tenant. */
export interface OwnSide {
  readonly isEnabled: boolean;
  readonly isEntitled: boolean;
  /** Whether its tenant is in some community, and whether it takes part in one itself. */
  readonly isTenantInCommunity: boolean;
  readonly takesPart: boolean;
  /** Of an own stream: whether it is the identity's, and what its list says of it. Null of another tenant's. */
  readonly list: {
    readonly isOwner: boolean;
    readonly entries: readonly Concerning[];
  } | null;
}

export interface AccessGate {
  readonly kind: AccessGateKind;
  readonly passed: boolean;
  readonly sentence: string;
  readonly nextStep: string | null;
}

/** Each gate in order; the last one is what the read gate itself answers, of which `rights` is the sum. */
export function gatesOf(ownSide: OwnSide, rights: number): AccessGate[] {
  return [
    enabled(ownSide),
    ...(ownSide.list === null
      ? foreignGates(ownSide)
      : listGates(ownSide.list)),
    result(ownSide, rights),
  ];
}

const gate = (
  kind: AccessGateKind,
  passed: boolean,
  [sentenceIfPassed, sentenceIfNot]: readonly [string, string],
  nextStep: string | null,
): AccessGate => ({
  kind,
  passed,
  sentence: passed ? sentenceIfPassed : sentenceIfNot,
  nextStep: passed ? null : nextStep,
});

const enabled = ({ isEnabled }: OwnSide) =>
  gate(
    "IDENTITY",
    isEnabled,
    ["The identity is enabled.", "The identity is disabled."],
    "Ask an account administrator of your tenant to enable it.",
  );

const foreignGates = ({
  isEntitled,
  isTenantInCommunity,
  takesPart,
}: OwnSide) => [
  gate(
    "ENTITLEMENT",
    isEntitled,
    [
      "Your tenant may use communities.",
      "Your tenant is not entitled to use communities.",
    ],
    "Ask the operator of this installation.",
  ),
  gate(
    "MEMBERSHIP",
    isTenantInCommunity,
    ["Your tenant is in a community.", "Your tenant is in no community."],
    "Accept an invitation to the community in which the stream is shared.",
  ),
  gate(
    "PARTICIPATION",
    takesPart,
    [
      "The identity takes part in a community.",
      "The identity takes part in no community.",
    ],
    "Ask a moderator of your tenant in the community to add it there.",
  ),
];

function listGates({ isOwner, entries }: NonNullable<OwnSide["list"]>) {
  const said = (effect: AccessEffect) =>
    entries
      .filter((entry) => entry.effect === effect)
      .map(
        ({ rights, role }) =>
          `${rightsIn(rights).join(", ")} to ${role ?? "the identity by name"}`,
      );
  const allowed = said("ALLOW");
  const denied = said("DENY");
  const sum = (effect: AccessEffect) =>
    entries.reduce(
      (rights, entry) =>
        entry.effect === effect ? rights | entry.rights : rights,
      0,
    );
  const words = [
    allowed.length > 0 && `The access list allows ${allowed.join("; ")}.`,
    denied.length > 0 && `It denies ${denied.join("; ")}; that prevails.`,
  ].filter(Boolean);
  const sentence =
    words.length > 0
      ? words.join(" ")
      : "No entry of the access list concerns the identity.";
  return [
    gate(
      "ACCESS_LIST",
      includes(sum("ALLOW") & ~sum("DENY"), "READ"),
      [sentence, sentence],
      includes(sum("DENY"), "READ")
        ? "Ask who manages the stream's access to take back what denies READ."
        : "Ask who manages the stream's access to allow READ to the identity or to a role that it has.",
    ),
    gate(
      "OWNERSHIP",
      isOwner,
      [
        "The identity owns the stream, and so has READ, WRITE and DELETE whatever the list says.",
        "The identity does not own the stream, so the access list alone decides.",
      ],
      null,
    ),
  ];
}

const result = ({ list }: OwnSide, rights: number) =>
  gate(
    "READ",
    includes(rights, "READ"),
    [
      "The identity reads the stream now.",
      "The identity does not read the stream now.",
    ],
    list === null
      ? "Take the first step above; if there is none, add the identity to a community through which you read the stream."
      : "Take the first step above.",
  );
