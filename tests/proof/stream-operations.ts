import fc from "fast-check";
import type { AccessEntry } from "../oracle/rules.ts";
import { operation, type Code, type Verdict } from "./operation.ts";
import { community, identity, stream, uuidOf } from "./pick.ts";
import { decisionOn, placeIn, type Place } from "./rules.ts";
import {
  byId,
  isAdministrator,
  keepShares,
  type Identity,
  type State,
  type Stream,
} from "./state.ts";

const sharing = fc.record({
  streams: fc.array(stream, { minLength: 1, maxLength: 2 }),
  communities: fc.array(community, { minLength: 1, maxLength: 2 }),
});

interface Sharing {
  readonly streams: readonly number[];
  readonly communities: readonly number[];
}

const named = (state: State, { streams, communities }: Sharing) => ({
  streamIds: streams.map((id) => uuidOf(state.streams, id)),
  communityIds: communities.map((id) => uuidOf(state.communities, id)),
});

/** Streams that do not exist for the actor, or on which it may not do this. */
const faultsOfStreams = (
  state: State,
  actor: Identity,
  streams: readonly Stream[],
  may: (stream: Stream, rights: ReadonlySet<string>) => boolean,
): Code[] =>
  streams.flatMap((stream) => {
    const { sees, rights } = decisionOn(state, actor, stream);
    if (!sees) return ["NOT_FOUND"];
    return stream.tenant === actor.tenant && may(stream, rights)
      ? []
      : ["FORBIDDEN"];
  });

export const shareStreams = operation({
  args: sharing,
  request: (state, sharing) => ({
    query: `mutation ($input: ShareStreamsInput!) { shareStreams(input: $input) { id } }`,
    variables: { input: named(state, sharing) },
  }),
  judge: (state, actor, sharing) => {
    const streams = sharing.streams.map((id) => byId(state.streams, id));
    const places = sharing.communities.map((id) =>
      placeIn(state, actor, state.communities[id - 1]),
    );
    const faults = faultsOfStreams(state, actor, streams, (_, rights) =>
      rights.has("SHARE"),
    );
    for (const place of places)
      if (place === null) faults.push("NOT_FOUND");
      else if (place.role === null) faults.push("FORBIDDEN");
    if (!byId(state.tenants, actor.tenant).entitled) faults.push("FORBIDDEN");
    if (faults.length > 0) return faults;
    return () => {
      for (const { id: stream } of streams)
        for (const { membership } of places as Place[])
          if (!isShared(state, stream, membership.id))
            state.shares.push({ stream, membership: membership.id });
    };
  },
});

const isShared = ({ shares }: State, stream: number, membership: number) =>
  shares.some(
    (share) => share.stream === stream && share.membership === membership,
  );

/** What a dry run must tell as the change itself. */
const change = `{ applied endedShareIds tenantCount identityCount streamCount stillReadableCount
  streams { id myRights } stillReadable { id } tenants { id } }`;

export const unshareStreams = operation({
  args: sharing,
  hasDryRun: true,
  request: (state, sharing) => ({
    query: `mutation ($streamIds: [ID!]!, $communityIds: [ID!]!, $dryRun: Boolean!) {
      unshareStreams(input: { streamIds: $streamIds, communityIds: $communityIds, dryRun: $dryRun }) ${change} }`,
    variables: named(state, sharing),
  }),
  judge: (state, actor, sharing) => {
    const streams = sharing.streams.map((id) => byId(state.streams, id));
    const places = sharing.communities.map((id) =>
      placeIn(state, actor, state.communities[id - 1]),
    );
    // S5: whoever may share a stream, as a member; whoever leads the community; AA.
    const faults = faultsOfStreams(state, actor, streams, (_, rights) =>
      places.every(
        (place) =>
          isAdministrator(actor) ||
          (place !== null &&
            place.role !== null &&
            (rights.has("SHARE") || place.role !== "MEMBER")),
      ),
    );
    if (places.includes(null)) faults.push("NOT_FOUND");
    if (faults.length > 0) return faults;
    return () =>
      keepShares(
        state,
        ({ stream, membership }) =>
          !streams.some((one) => one.id === stream) ||
          !places.some((place) => place?.membership.id === membership),
      );
  },
});

const member = { role: "MEMBER" } as const;
/** Lists that give nobody but account administrators the right to change them. */
export const lists: readonly (readonly AccessEntry[])[] = [
  [],
  [
    { effect: "ALLOW", rights: ["READ", "WRITE"], subject: member },
    {
      effect: "DENY",
      rights: ["READ"],
      subject: { role: "VIEWER" },
    },
  ],
  [
    { effect: "ALLOW", rights: ["READ", "SHARE"], subject: member },
    {
      effect: "DENY",
      rights: ["SHARE"],
      subject: { role: "DATA_STEWARD" },
    },
  ],
  [
    {
      effect: "ALLOW",
      rights: ["READ", "SHARE"],
      subject: { role: "DATA_STEWARD" },
    },
    { effect: "ALLOW", rights: ["READ"], subject: { role: "VIEWER" } },
  ],
];

export const setStreamAccess = operation({
  args: fc.record({
    stream,
    list: fc.nat({ max: lists.length - 1 }),
    identity: fc.option(identity),
  }),
  hasDryRun: true,
  request: (state, { stream, list, identity }) => ({
    query: `mutation ($streamIds: [ID!]!, $access: [AccessEntryInput!]!, $dryRun: Boolean!) {
      setStreamAccess(input: { streamIds: $streamIds, access: $access, dryRun: $dryRun }) ${change} }`,
    variables: {
      streamIds: [uuidOf(state.streams, stream)],
      access: [
        ...(lists[list] ?? []).map(({ effect, rights, subject }) => ({
          ...{ effect, rights, ...subject },
        })),
        ...(identity === null
          ? []
          : [
              {
                effect: "ALLOW",
                rights: ["READ"],
                identityId: uuidOf(state.identities, identity),
              },
            ]),
      ],
    },
  }),
  judge: (state, actor, { stream: id, list, identity }) => {
    const stream = byId(state.streams, id);
    const faults = faultsOfStreams(state, actor, [stream], (_, rights) =>
      rights.has("MANAGE_ACCESS_CONTROL"),
    );
    const subject = identity === null ? null : byId(state.identities, identity);
    if (
      subject &&
      (subject.tenant !== actor.tenant || subject.state === "REMOVED")
    )
      faults.push("NOT_FOUND");
    if (faults.length > 0) return faults;
    return () => {
      stream.access = [
        ...(lists[list] ?? []),
        ...(subject
          ? ([
              {
                effect: "ALLOW",
                rights: ["READ"],
                subject: { identity: subject.id },
              },
            ] as const)
          : []),
      ];
    };
  },
});

/** S1. */
const judgeWriting = (
  state: State,
  actor: Identity,
  id: number,
  change: (stream: Stream) => void,
  right: "WRITE" | "DELETE" = "WRITE",
): Verdict => {
  const stream = byId(state.streams, id);
  const faults = faultsOfStreams(state, actor, [stream], (_, rights) =>
    rights.has(right),
  );
  return faults.length > 0 ? faults : () => change(stream);
};

/** Names decide nothing, so that who may change them is all there is to say. */
export const updateStream = operation({
  args: fc.record({ stream }),
  request: ({ streams }, { stream }) => ({
    query: `mutation ($id: ID!) { updateStream(input: { id: $id, name: "Renamed" }) { id } }`,
    variables: { id: uuidOf(streams, stream) },
  }),
  judge: (state, actor, { stream }) =>
    judgeWriting(state, actor, stream, () => undefined),
});

export const updateStreams = operation({
  args: fc.record({ stream }),
  request: ({ streams }, { stream }) => ({
    query: `mutation ($id: ID!) { updateStreams(input: { streams: [{ id: $id, tags: ["changed"] }] }) { id } }`,
    variables: { id: uuidOf(streams, stream) },
  }),
  judge: (state, actor, { stream }) =>
    judgeWriting(state, actor, stream, () => undefined),
});

export const writeEvents = operation({
  args: fc.record({ stream }),
  request: ({ streams }, { stream }) => ({
    query: `mutation ($id: ID!) { writeEvents(input: { mode: UPSERT, streams: [
      { streamId: $id, timestamps: ["2026-01-01T00:00:00Z"], values: [1] }] }) { eventCount } }`,
    variables: { id: uuidOf(streams, stream) },
  }),
  judge: (state, actor, { stream }) =>
    judgeWriting(state, actor, stream, (stream) => {
      stream.hasEvents = true;
    }),
});

export const removeEvents = operation({
  args: fc.record({ stream }),
  request: ({ streams }, { stream }) => ({
    query: `mutation ($id: ID!) { removeEvents(input: { streams: [
      { streamId: $id, window: { from: "2020-01-01T00:00:00Z", to: "2030-01-01T00:00:00Z" } }] }) { eventCount } }`,
    variables: { id: uuidOf(streams, stream) },
  }),
  judge: (state, actor, { stream }) =>
    judgeWriting(
      state,
      actor,
      stream,
      (stream) => {
        stream.hasEvents = false;
      },
      "DELETE",
    ),
});

/** With its shares; its id and its place stay its own. */
function endStream(state: State, stream: Stream): void {
  stream.isDeleted = true;
  keepShares(state, (share) => share.stream !== stream.id);
}

export const deleteStream = operation({
  args: fc.record({ stream }),
  request: ({ streams }, { stream }) => ({
    query: `mutation ($id: ID!) { deleteStream(id: $id) }`,
    variables: { id: uuidOf(streams, stream) },
  }),
  judge: (state, actor, { stream }) =>
    judgeWriting(
      state,
      actor,
      stream,
      (stream) => endStream(state, stream),
      "DELETE",
    ),
});

export const deleteStreams = operation({
  args: fc.record({
    streams: fc.array(stream, { minLength: 1, maxLength: 2 }),
  }),
  hasDryRun: true,
  request: (state, { streams }) => ({
    query: `mutation ($streamIds: [ID!]!, $dryRun: Boolean!) {
      deleteStreams(input: { streamIds: $streamIds, dryRun: $dryRun }) ${change} }`,
    variables: { streamIds: streams.map((id) => uuidOf(state.streams, id)) },
  }),
  judge: (state, actor, args) => {
    const streams = args.streams.map((id) => byId(state.streams, id));
    const faults = faultsOfStreams(state, actor, streams, (_, rights) =>
      rights.has("DELETE"),
    );
    if (faults.length > 0) return faults;
    return () => streams.forEach((stream) => endStream(state, stream));
  },
});
