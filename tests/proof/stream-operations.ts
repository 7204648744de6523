import fc from "fast-check";
import type { AccessEntry } from "../oracle/rules.ts";
import { operation, type Code } from "./operation.ts";
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

export const unshareStreams = operation({
  args: sharing,
  request: (state, sharing) => ({
    query: `mutation ($input: UnshareStreamsInput!) { unshareStreams(input: $input) { endedShareIds } }`,
    variables: { input: named(state, sharing) },
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
const lists: readonly (readonly AccessEntry[])[] = [
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
  request: (state, { stream, list, identity }) => ({
    query: `mutation ($input: SetStreamAccessInput!) { setStreamAccess(input: $input) { applied } }`,
    variables: {
      input: {
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
