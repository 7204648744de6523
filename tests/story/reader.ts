import { expect } from "@jest/globals";
import type { Readings } from "../support/data-sets.ts";
import type { Caller } from "../support/over-http.ts";

/** Every year of the product. */
const window = { from: "1970-01-01T00:00:00Z", to: "2200-01-01T00:00:00Z" };

interface EventPage extends Readings {
  readonly endCursor: string | null;
  readonly hasNextPage: boolean;
}

async function readPage(
  caller: Caller,
  id: string,
  first: number,
  after: string | null,
): Promise<EventPage> {
  const { stream } = await caller.get<{ stream: { events: EventPage } }>(
    `query ($id: ID!, $window: TimeWindow!, $first: Int!, $after: String) {
      stream(id: $id) {
        events(window: $window, first: $first, after: $after) {
          timestamps values endCursor hasNextPage
        }
      }
    }`,
    { id, window, first, after },
  );
  return stream.events;
}

/** All of a stream, page by page. */
export async function readAll(caller: Caller, id: string): Promise<Readings> {
  const timestamps: string[] = [];
  const values: number[] = [];
  let after: string | null = null;
  for (;;) {
    const page = await readPage(caller, id, 5_000, after);
    timestamps.push(...page.timestamps);
    values.push(...page.values);
    if (!page.hasNextPage) return { timestamps, values };
    after = page.endCursor;
  }
}

/** Where a reader stands after the first events of a stream. */
export async function cursorInto(caller: Caller, id: string): Promise<string> {
  const { endCursor } = await readPage(caller, id, 10, null);
  return endCursor ?? "";
}

export interface Visit {
  readonly stream: string;
  readonly community: string;
  /** Where an earlier read of the stream's events ended. */
  readonly after?: string;
}

interface Page {
  readonly totalCount: number;
  readonly nodes: readonly { readonly id: string }[];
}

/** What a caller finds in one request at every door that leads to a stream. */
export async function knock(caller: Caller, visit: Visit) {
  const { data, errors } = await caller.ask(
    `query ($stream: ID!, $community: ID!, $window: TimeWindow!, $after: String) {
      stream(id: $stream) {
        last { value }
        events(window: $window, first: 10, after: $after) { rowCount }
      }
      streams(from: SHARED, first: 100) { totalCount nodes { id } }
      community(id: $community) { sharedStreamCount streams { totalCount nodes { id } } }
    }`,
    { ...visit, window },
  );
  const { stream, streams, community } = data as unknown as {
    stream: { last: object | null; events: { rowCount: number } } | null;
    streams: Page | null;
    community: { sharedStreamCount: number; streams: Page } | null;
  };
  return {
    stream: stream && { hasLast: !!stream.last, ...stream.events },
    shared: streams && idsOn(streams),
    inCommunity: community && {
      ...idsOn(community.streams),
      sharedStreamCount: community.sharedStreamCount,
    },
    // Each subgraph answers when it is ready.
    refusals: errors
      .map(({ path = [], message, extensions: { code } }) => ({
        path: path.join("."),
        code,
        message,
      }))
      .sort((a, b) => a.path.localeCompare(b.path)),
  };
}

const idsOn = ({ totalCount, nodes }: Page) => ({
  totalCount,
  ids: nodes.map(({ id }) => id).sort(),
});

/** What a member finds who may read just these streams of other tenants, and among them the one that was named. */
export const openTo = (ids: readonly string[]) => ({
  ...seeing(ids),
  stream: { hasLast: true, rowCount: 10 },
  refusals: [],
});

/** The same where the one that was named is not among them. */
export const closedBut = (ids: readonly string[]) => ({
  ...seeing(ids),
  stream: null,
  refusals: [
    {
      path: "stream",
      code: "NOT_FOUND",
      message: expect.any(String),
    },
  ],
});

const seeing = (ids: readonly string[]) => {
  const list = { totalCount: ids.length, ids: [...ids].sort() };
  return {
    shared: list,
    inCommunity: { ...list, sharedStreamCount: ids.length },
  };
};
