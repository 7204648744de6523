import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { makeHome } from "../support/embedded-postgres.ts";
import { Caller, signIn, signInClient } from "../support/over-http.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
  type Environment,
} from "../support/process.ts";

jest.setTimeout(120_000);

/** What `npm start` writes beside an empty database for whoever comes to look. */
interface Demo {
  readonly graphql: string;
  readonly tokenEndpoint: string;
  readonly tenants: readonly { readonly id: string; readonly name: string }[];
  readonly identities: readonly DemoIdentity[];
  readonly communities: readonly {
    readonly id: string;
    readonly ownerTenantId: string;
    readonly tenantIds: readonly string[];
  }[];
  readonly streams: readonly {
    readonly id: string;
    readonly externalId: string;
    readonly tenantId: string;
    readonly sharedIn: readonly string[];
  }[];
}

interface DemoIdentity {
  readonly kind: "user" | "client";
  readonly id: string;
  readonly email?: string;
  readonly password?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly tenantId: string;
  readonly tenantRoles: readonly string[];
  readonly communityRoles: readonly {
    readonly communityId: string;
    readonly role: string;
  }[];
}

let home: string;
let origin: string;
let environment: Environment;
let demo: Demo;
let installation: Process;
beforeAll(async () => {
  home = await makeHome();
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  environment = { PORT: `${port}`, TRIBUTARY_DATA: home };
  installation = await start();
  demo = await readDemo();
});
afterAll(async () => {
  await stopAll();
  await rm(home, { recursive: true, force: true });
});

async function start(): Promise<Process> {
  const started = new Process(["installation/main.ts"], environment);
  await started.until(() => isReady(origin));
  return started;
}

const file = () => join(home, "demo.json");
const readDemo = async () => JSON.parse(await readFile(file(), "utf8")) as Demo;

test("says where its secrets are, in a file for nobody else's eyes", async () => {
  expect(installation.output).toContain(file());
  expect((await stat(file())).mode & 0o777).toBe(0o600);
  expect(demo).toMatchObject({
    graphql: `${origin}/graphql`,
    tokenEndpoint: `${origin}/oidc/token`,
  });
});

test("has four tenants, two communities, and some sixty streams, some shared and some not", () => {
  expect(demo.tenants).toHaveLength(4);
  expect(demo.communities).toHaveLength(2);
  expect(demo.streams.length).toBeGreaterThan(50);
  const shared = demo.streams.filter(({ sharedIn }) => sharedIn.length > 0);
  expect(shared.length).toBeGreaterThan(10);
  expect(shared.length).toBeLessThan(demo.streams.length);
});

test("lets every program in by its secret, to its own tenant's streams and exactly what is shared with it", async () => {
  const clients = demo.identities.filter(({ kind }) => kind === "client");
  expect(new Set(clients.map(({ tenantId }) => tenantId)).size).toBe(4);
  for (const client of clients) {
    const caller = await signInClient(
      ...[origin, client.clientId ?? "", client.clientSecret ?? ""],
    );
    const { viewer, communities, streams } = await caller.get<View>(`{
      viewer { id tenant { id } roles }
      communities {
        nodes { id memberships { nodes { status tenant { id } } } }
      }
      streams(first: 200) { nodes { id isOwn last { timestamp } } }
    }`);
    expect(viewer).toEqual({
      id: client.id,
      tenant: { id: client.tenantId },
      roles: expect.arrayContaining([...client.tenantRoles]),
    });
    const sharers = new Set(
      communities.nodes.flatMap(({ id, memberships }) =>
        memberships.nodes
          .filter(({ status }) => status === "ACTIVE")
          .map(({ tenant }) => `${tenant.id} in ${id}`),
      ),
    );
    const shared = demo.streams.filter(
      ({ tenantId, sharedIn }) =>
        tenantId !== client.tenantId &&
        sharedIn.some((id) => sharers.has(`${tenantId} in ${id}`)),
    );
    const found = streams.nodes.filter(({ isOwn }) => !isOwn);
    expect(idsOf(found)).toEqual(idsOf(shared));
    expect(streams.nodes.filter(({ last }) => last === null)).toEqual([]);
  }
});

interface View {
  readonly viewer: object;
  readonly communities: Nodes<{
    id: string;
    memberships: Nodes<{ status: string; tenant: { id: string } }>;
  }>;
  readonly streams: Nodes<{ id: string; isOwn: boolean; last: object | null }>;
}

interface Nodes<Node> {
  readonly nodes: readonly Node[];
}

const idsOf = (items: readonly { readonly id: string }[]) =>
  items.map(({ id }) => id).sort();

test("lets a user of every tenant in by password", async () => {
  for (const tenant of demo.tenants) {
    const user = demo.identities.find(
      ({ kind, tenantId }) => kind === "user" && tenantId === tenant.id,
    );
    const caller = await signIn(
      ...[origin, user?.email ?? "", user?.password ?? ""],
    );
    expect(await caller.get("{ viewer { id tenant { name } } }")).toEqual({
      viewer: { id: user?.id, tenant: { name: tenant.name } },
    });
  }
});

test("answers the README's first query to the one whom it names", async () => {
  const readme = await readFile(
    new URL("../../README.md", import.meta.url),
    "utf8",
  );
  const [, email = ""] = /token -- (\S+)\)/.exec(readme) ?? [];
  const [, query = ""] = /"query": "(.+)"/.exec(readme) ?? [];
  const { output } = await run(["commands/token.ts", email], environment);
  const caller = new Caller(origin, output.trim());
  const { streams } = await caller.get<{
    streams: { totalCount: number; nodes: { isOwn: boolean }[] };
  }>(query);
  expect(streams.nodes).toHaveLength(5);
  expect(streams.totalCount).toBeGreaterThan(5);
});

test("is made once: the next start leaves it as it is", async () => {
  expect(await installation.stop()).toBe(0);
  const before = await readFile(file(), "utf8");
  await start();
  expect(await readFile(file(), "utf8")).toBe(before);
});
