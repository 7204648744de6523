import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createContext } from "../../subgraphs/stream/context.ts";
import { schema } from "../../subgraphs/stream/schema.ts";
import { TestDatabase } from "../support/database.ts";
import { run } from "../support/run.ts";
import { load, uuidOf } from "./load.ts";
import { withOverseers } from "./overseers.ts";
import {
  Oracle,
  type Identity,
  type Share,
  type Stream,
  type World,
} from "./rules.ts";
import { coveringSample, ownerships, twoCommunities } from "./worlds.ts";
import { unrecorded } from "../../subgraphs/stream/usage/recorder-store.ts";
import { anonymous } from "../../common/viewer.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await TestDatabase.create();
});
afterEach(() => database.drop());

test.each([
  ["two communities", twoCommunities],
  ["one community with its ownership in every state", ownerships],
])(
  "the readers of each stream are the oracle's, way by way, in every world of %s",
  async (name, make) => {
    const { world, cases } = make();
    await load(database.owner, world);
    const oracle = new Oracle(world);
    const { rows } = await database.as("stream").raw<{
      rows: { stream: number; reader: number; share: number | null }[];
    }>(`
      select a.stream_id as stream, a.identity_id as reader, null::int as share from stream.own_audience a
      union all
      select h.stream_id, a.identity_id, h.id
      from stream.audience a
      join stream.shares h on h.membership_id = a.sharing_id and h.tenant_id = a.sharing_tenant_id`);
    const found = new Set(
      rows.map(({ stream, reader, share }) => `${stream} ${reader} ${share}`),
    );
    const shareIds = numbered(world);
    const expected = new Set<string>();
    let decisions = 0;
    for (const { readers, streams } of cases)
      for (const reader of readers)
        for (const stream of streams) {
          decisions += 1;
          for (const share of oracle.ways(reader, stream))
            expected.add(
              `${stream.id} ${reader.id} ${share && shareIds.get(share)}`,
            );
        }
    console.log(`${name}: ${decisions} decisions, ${expected.size} ways`);
    expect(rows).toHaveLength(found.size);
    expect([...found].filter((way) => !expected.has(way)).slice(0, 5)).toEqual(
      [],
    );
    expect([...expected].filter((way) => !found.has(way)).slice(0, 5)).toEqual(
      [],
    );
    expect(expected.size).toBeGreaterThan(0);
  },
  120_000,
);

/** The shares by the numbers under which they are loaded. */
const numbered = ({ shares }: World) =>
  new Map(shares.map((share, i) => [share, i + 1]));

describe("asked through the graph,", () => {
  test("Stream.readers, Tenant.shares and Tenant.access are the oracle's, whole and in pages", async () => {
    const { world, overseers } = withOverseers(coveringSample().world);
    await load(database.owner, world);
    const oracle = new Oracle(world);
    const told = new Teller(world, oracle);
    const mostRead = (streams: readonly Stream[]) =>
      [...streams]
        .sort((a, b) => told.readers(b).length - told.readers(a).length)
        .slice(0, 2);
    let ways = 0;
    for (const overseer of overseers) {
      const streams = world.streams.filter(
        ({ tenant }) => tenant === overseer.tenant,
      );
      const readers = await ask<{ streams: { nodes: StreamNode[] } }>(
        overseer,
        `{ streams(from: OWN, first: 1000) { nodes { id readers(first: 1000) { totalCount ${readerFields} } } } }`,
      );
      const byStream = new Map(
        readers.streams.nodes.map(({ id, readers }) => [id, readers]),
      );
      for (const stream of streams) {
        const found = byStream.get(uuidOf("stream", stream.id));
        const expected = told.readers(stream);
        expect(sorted(found?.nodes)).toEqual(sorted(expected));
        expect(found?.totalCount).toBe(expected.length);
        ways += expected.length;
      }
      await expectPages(overseer, mostRead(streams));

      const tenant = await tenantOf(overseer);
      expect(sorted(tenant.shares.nodes.map(({ id }) => id))).toEqual(
        sorted(told.shares(overseer)),
      );
      expect(tenant.shares.totalCount).toBe(tenant.shares.nodes.length);
      expect(sorted(tenant.access.given.nodes)).toEqual(
        sorted(told.given(overseer)),
      );
      expect(tenant.access.given.totalCount).toBe(
        tenant.access.given.nodes.length,
      );
    }
    console.log(`readers through the graph: ${ways} ways`);
    expect(ways).toBeGreaterThan(1_000);
    let received = 0;
    for (const reader of world.identities)
      if (reader.state === "LIVE" && told.isNamedByT4(reader)) {
        const { access } = await tenantOf(reader);
        expect(sorted(access.received.nodes)).toEqual(
          sorted(told.received(reader)),
        );
        expect(access.received.totalCount).toBe(access.received.nodes.length);
        received += access.received.nodes.length;
      }
    console.log(`received: ${received} ways`);
    expect(received).toBeGreaterThan(10);
  }, 180_000);

  /** In pages of three, from the first on and from the last back, a stream has each reader once. */
  async function expectPages(overseer: Identity, streams: readonly Stream[]) {
    for (const { id } of streams) {
      const whole = await ask<{ stream: StreamNode }>(
        overseer,
        `{ stream(id: "${uuidOf("stream", id)}") { id readers(first: 1000) { totalCount ${readerFields} } } }`,
      );
      for (const backwards of [false, true]) {
        const paged: object[] = [];
        let cursor: string | null = null;
        do {
          const place = cursor
            ? `${backwards ? "before" : "after"}: "${cursor}"`
            : "";
          const { stream } = await ask<{
            stream: {
              readers: { nodes: object[]; pageInfo: Record<string, unknown> };
            };
          }>(
            overseer,
            `{ stream(id: "${uuidOf("stream", id)}") { readers(${backwards ? "last" : "first"}: 3 ${place}) {
                ${readerFields} pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
          );
          const { nodes, pageInfo } = stream.readers;
          if (backwards) paged.unshift(...nodes);
          else paged.push(...nodes);
          cursor = (
            pageInfo[backwards ? "hasPreviousPage" : "hasNextPage"]
              ? pageInfo[backwards ? "startCursor" : "endCursor"]
              : null
          ) as string | null;
        } while (cursor);
        expect(paged).toEqual(whole.stream.readers.nodes);
      }
    }
  }

  interface StreamNode {
    id: string;
    readers: { totalCount: number; nodes: object[] };
  }
  interface TenantNode {
    shares: { totalCount: number; nodes: { id: string }[] };
    access: Record<
      "given" | "received",
      { totalCount: number; nodes: object[] }
    >;
  }

  async function tenantOf(identity: Identity): Promise<TenantNode> {
    const list = `totalCount nodes { share { id } tenant { id } }`;
    const { _entities } = await ask<{ _entities: [TenantNode] }>(
      identity,
      `{ _entities(representations: [{ __typename: "Tenant", id: "${uuidOf("tenant", identity.tenant)}" }]) { ... on Tenant {
           shares(first: 1000) { totalCount nodes { id } }
           access { given(first: 1000) { ${list} } received(first: 1000) { ${list} } } } } }`,
    );
    return _entities[0];
  }

  async function ask<Data>(identity: Identity, query: string): Promise<Data> {
    const { data, errors } = await run(
      {
        name: "stream",
        schema,
        createContext: createContext(database.as("stream"), unrecorded),
      },
      { ...anonymous, identityId: uuidOf("identity", identity.id) },
      query,
    );
    expect(errors).toEqual([]);
    return data as unknown as Data;
  }
});

const readerFields = `nodes { name isPseudonym kind role tenant { id } share { id } community { id } }`;
const sorted = (items: readonly unknown[] = []) =>
  items.map((item) => JSON.stringify(item)).sort();

/** What the graph is to answer, as the oracle has it. */
class Teller {
  private readonly shareIds: Map<Share, number>;

  constructor(
    private readonly world: World,
    private readonly oracle: Oracle,
  ) {
    this.shareIds = numbered(world);
  }

  readers(stream: Stream): object[] {
    return this.world.identities.flatMap((identity) =>
      this.oracle.ways(identity, stream).map((share) => ({
        name: `identity ${identity.id}`,
        isPseudonym: false,
        kind: identity.id % 2 ? "USER" : "CLIENT",
        role: share && this.roleIn(share, identity),
        tenant: { id: uuidOf("tenant", identity.tenant) },
        share: share && { id: this.idOf(share) },
        community: share && {
          id: uuidOf("community", this.communityOf(share)),
        },
      })),
    );
  }

  shares({ tenant }: Identity): string[] {
    return this.world.shares
      .filter(({ membership }) => this.membership(membership).tenant === tenant)
      .map((share) => this.idOf(share));
  }

  given({ tenant }: Identity): object[] {
    const pairs = this.world.streams
      .filter((stream) => stream.tenant === tenant)
      .flatMap((stream) =>
        this.world.identities.flatMap((identity) =>
          this.oracle
            .ways(identity, stream)
            .filter((share) => share !== null)
            .map((share) => this.pair(share, identity.tenant)),
        ),
      );
    return distinct(pairs);
  }

  received(reader: Identity): object[] {
    return this.world.streams
      .filter(({ tenant }) => tenant !== reader.tenant)
      .flatMap((stream) =>
        this.oracle
          .ways(reader, stream)
          .filter((share) => share !== null)
          .map((share) => this.pair(share, stream.tenant)),
      );
  }

  isNamedByT4({ id, roles }: Identity): boolean {
    return (
      roles.includes("ACCOUNT_ADMINISTRATOR") ||
      roles.includes("DATA_STEWARD") ||
      this.world.participations.some(
        ({ identity, role }) => identity === id && role !== "MEMBER",
      )
    );
  }

  private pair(share: Share, tenant: number): object {
    return {
      share: { id: this.idOf(share) },
      tenant: { id: uuidOf("tenant", tenant) },
    };
  }

  private idOf(share: Share): string {
    return `ffffffff-0000-4000-8000-${String(this.shareIds.get(share)).padStart(12, "0")}`;
  }

  private membership(id: number) {
    const membership = this.world.memberships.find(
      (membership) => membership.id === id,
    );
    if (!membership) throw new Error(`No membership ${id}.`);
    return membership;
  }

  private communityOf = ({ membership }: Share) =>
    this.membership(membership).community;

  private roleIn(share: Share, { id }: Identity) {
    return (
      this.world.participations.find(
        ({ identity, membership }) =>
          identity === id &&
          this.membership(membership).community === this.communityOf(share),
      )?.role ?? null
    );
  }
}

const distinct = (items: readonly object[]) =>
  [...new Set(items.map((item) => JSON.stringify(item)))].map(
    (item) => JSON.parse(item) as object,
  );
