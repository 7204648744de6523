import {
  execute,
  parse,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
} from "graphql";
import { EnvironmentReader } from "../common/config.ts";
import { connect, type Knex } from "../common/database.ts";
import { anonymous, type Call, type Person } from "../common/viewer.ts";
import { roleUrl } from "../migrations/run.ts";
import { readInvitationConfig } from "../subgraphs/community/config.ts";
import { createContext as createCommunityContext } from "../subgraphs/community/context.ts";
import { schema as communitySchema } from "../subgraphs/community/schema.ts";
import { createContext as createStreamContext } from "../subgraphs/stream/context.ts";
import { schema as streamSchema } from "../subgraphs/stream/schema.ts";
import { createContext as createTenantContext } from "../subgraphs/tenant/context.ts";
import { schema as tenantSchema } from "../subgraphs/tenant/schema.ts";
import { actors, seedCrowd, type Crowd } from "./crowd.ts";
import type { Bench, Figure } from "./figure.ts";
import type { Contender } from "./measure.ts";
import { operations, restored, type Operation } from "./operations.ts";
import { unrecorded } from "../subgraphs/stream/usage/recorder-store.ts";

const size = 2000;
const sizeOfBase = size / 100;
const readsPerSlice = 45;
const pageSize = 10;
/** Before a viewer's turn comes again; each mutation of a slice is of something else. */
const turns = actors - 2;

export const communities: Figure = {
  name: "communities",
  title: "Large communities",
  about: `Each operation in a world of a community with ${size.toLocaleString("en")} tenants and ${(10 * size).toLocaleString("en")} identities, one of whose tenants is in
${size.toLocaleString("en")} communities; 1 is the same operation in a world of a hundredth of that. Lists are read by pages of ${pageSize}: the first, and
one after ${size / 4} (${sizeOfBase / 4} in the small world). The subgraph that serves an operation runs in the asking process; the
CPU is that of both and PostgreSQL. Mutations that can tell what they end are asked only whether it was done.
\`deleteCommunity\` is left out: it ends all that is in it, of which the ledger keeps each role.`,
  unit: "operation",
  ratio: "CPU",
  rounds: 5,
  async contenders(bench) {
    bench.progress("making the worlds");
    const large = await start(bench, size);
    const small = await start(bench, sizeOfBase);
    const contenders: Contender[] = [];
    for (const operation of operations.filter(({ name }) =>
      bench.isWanted(name),
    )) {
      const both = [
        await measured(operation, large),
        await measured(operation, small),
      ];
      const [ofLarge = [], ofSmall = []] = both;
      for (const [i, contender] of ofLarge.entries()) {
        const base = ofSmall[i];
        if (base) contenders.push({ ...contender, base, goal: 1.5 });
      }
    }
    return contenders;
  },
};

interface Side {
  readonly crowd: Crowd;
  readonly owner: Knex;
  readonly ask: (
    operation: Pick<Operation, "subgraph" | "query">,
    viewer: string | Person,
    variables: object,
  ) => Promise<unknown>;
}

/** A world of one size, and the subgraphs upon it. */
async function start(bench: Bench, size: number): Promise<Side> {
  const crowd = await seedCrowd(
    await bench.database.clone(`crowd_${size}`),
    size,
  );
  const connected = (url: string) => {
    const db = connect(url, { name: "bench-crowd", poolSize: 1 });
    bench.onEnd(() => db.destroy());
    return db;
  };
  const as = (role: Parameters<typeof roleUrl>[1]) =>
    connected(roleUrl(crowd.url, role));
  const publicUrl = new URL("http://127.0.0.1:4000");
  const invitations = readInvitationConfig(
    new EnvironmentReader({
      INVITATIONS_PER_DAY: "100000",
      INVITATION_RESEND_MINUTES: "0",
    }),
  );
  const subgraphs: Record<
    Operation["subgraph"],
    { schema: GraphQLSchema; contextOf: (call: Call) => object }
  > = {
    community: {
      schema: communitySchema,
      contextOf: createCommunityContext(as("community"), {
        publicUrl,
        invitations,
        ownershipDelayHours: 72,
      }),
    },
    stream: {
      schema: streamSchema,
      contextOf: createStreamContext(as("stream"), unrecorded),
    },
    tenant: {
      schema: tenantSchema,
      contextOf: createTenantContext(as("tenant"), {
        publicUrl,
        signUp: { mode: "open", entitlements: [] },
        isBuiltInOn: true,
        userMailsPerDay: 100_000,
      }),
    },
  };
  const documents = new Map<string, DocumentNode>();
  return {
    crowd,
    owner: connected(crowd.url),
    async ask({ subgraph, query }, viewer, variableValues) {
      const { schema, contextOf } = subgraphs[subgraph];
      const document = documents.get(query) ?? parse(query);
      documents.set(query, document);
      const { data, errors } = (await execute({
        schema,
        document,
        variableValues: variableValues as Record<string, unknown>,
        contextValue: contextOf({
          viewer:
            typeof viewer === "string"
              ? { ...anonymous, identityId: viewer }
              : { ...anonymous, person: viewer },
          requestId: "bench",
        }),
      })) as ExecutionResult;
      if (errors) throw new Error(`Refused: ${query}`, { cause: errors[0] });
      return data;
    },
  };
}

/** An operation as a contender; of a list two, which ask for its first page and for one deep inside. */
async function measured(
  operation: Operation,
  { crowd, owner, ask }: Side,
): Promise<Contender[]> {
  const { name, prepare, then, variables, viewer } = operation;
  const isMutation = operation.query.startsWith("mutation");
  const statements = prepare?.(crowd) ?? (isMutation ? [] : restored);
  const contender = (
    name: string,
    count: number,
    page: (n: number) => object,
  ): Contender => ({
    name,
    processes: [process.pid],
    async prepare() {
      for (const statement of statements) await owner.raw(statement);
    },
    async run() {
      for (let done = 0; done < count; done += 1) {
        const n = done % turns;
        await ask(operation, viewer(crowd, n), {
          ...variables?.(crowd, n),
          ...page(n),
        });
        if (then)
          await ask(then, then.viewer(crowd, n), {
            ...then.variables?.(crowd, n),
          });
      }
      return count;
    },
  });
  for (const statement of statements) await owner.raw(statement);
  if (!operation.list)
    return [contender(name, isMutation ? turns : readsPerSlice, () => ({}))];
  const cursors = new Map<string, string>();
  const cursorOf = async (n: number) => {
    const given = { ...variables?.(crowd, n), first: crowd.size / 4 };
    const key = JSON.stringify(given);
    const cursor =
      cursors.get(key) ??
      endCursorIn(await ask(operation, viewer(crowd, n), given));
    cursors.set(key, cursor);
    return cursor;
  };
  const deep: string[] = [];
  for (let n = 0; n < turns; n += 1) deep.push(await cursorOf(n));
  return [
    contender(`${name}: first page`, readsPerSlice, () => ({
      first: pageSize,
    })),
    contender(`${name}: deep inside`, readsPerSlice, (n) => ({
      first: pageSize,
      after: deep[n],
    })),
  ];
}

/** Of the one connection in an answer. */
function endCursorIn(answer: unknown): string {
  const found = /"endCursor":"([^"]+)"/.exec(JSON.stringify(answer));
  if (!found?.[1])
    throw new Error(
      `A list has no page to go on from: ${JSON.stringify(answer)}`,
    );
  return found[1];
}
