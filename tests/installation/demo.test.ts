import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { execFile } from "node:child_process";
import { readFile, rm, stat } from "node:fs/promises";
import { promisify } from "node:util";
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
    readonly name: string;
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
  readonly name: string;
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

test("says where the tour is and where its secrets are, in a file for nobody else's eyes", async () => {
  expect(installation.output).toContain(file());
  expect(installation.output).toContain("examples/README.md");
  expect((await stat(file())).mode & 0o777).toBe(0o600);
});

test("tells all of the world, by the same keys everywhere", () => {
  const text = expect.any(String);
  const list = expect.any(Array);
  expect(demo).toStrictEqual({
    graphql: `${origin}/graphql`,
    tokenEndpoint: `${origin}/oidc/token`,
    tenants: demo.tenants.map(() => ({ id: text, name: text })),
    identities: demo.identities.map(({ kind, communityRoles }) => ({
      kind,
      id: text,
      name: text,
      ...(kind === "user"
        ? { email: text, password: text }
        : { clientId: text, clientSecret: text }),
      tenantId: text,
      tenantRoles: list,
      communityRoles: communityRoles.map(() => ({
        communityId: text,
        role: text,
      })),
    })),
    communities: demo.communities.map(() => ({
      id: text,
      name: text,
      ownerTenantId: text,
      tenantIds: list,
    })),
    streams: demo.streams.map(() => ({
      id: text,
      externalId: text,
      tenantId: text,
      sharedIn: list,
    })),
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

test("has in every tenant a user of each role, one without any, and a program", () => {
  for (const tenant of demo.tenants) {
    const own = demo.identities.filter(
      ({ tenantId }) => tenantId === tenant.id,
    );
    const users = own.filter(({ kind }) => kind === "user");
    expect(users.map(({ tenantRoles }) => tenantRoles).sort()).toEqual([
      [],
      ["ACCOUNT_ADMINISTRATOR"],
      ["CONTRIBUTOR"],
      ["DATA_STEWARD"],
      ["VIEWER"],
    ]);
    expect(own.filter(({ kind }) => kind === "client")).toHaveLength(1);
  }
});

test("has one tenant without data of its own", () => {
  const sources = new Set(demo.streams.map(({ tenantId }) => tenantId));
  const others = demo.tenants.filter(({ id }) => !sources.has(id));
  expect(others.map(({ name }) => name)).toEqual(["Lumen Analytics"]);
});

test("lets every program in by its secret, to its own tenant's streams and exactly what is shared with it", async () => {
  const clients = demo.identities.filter(({ kind }) => kind === "client");
  const paused = new Set<string>();
  for (const client of clients) {
    const caller = await signInClient(
      ...[origin, client.clientId ?? "", client.clientSecret ?? ""],
    );
    const { viewer, communities, streams } = await caller.get<View>(`{
      viewer { id tenant { id } roles }
      communities {
        nodes { id memberships { nodes { id status tenant { id } } } }
      }
      streams(first: 200) {
        nodes { id isOwn first { timestamp } last { timestamp } }
      }
    }`);
    expect(viewer).toEqual({
      id: client.id,
      tenant: { id: client.tenantId },
      roles: expect.arrayContaining([...client.tenantRoles]),
    });
    for (const { memberships } of communities.nodes)
      for (const { id, status } of memberships.nodes)
        if (status === "PAUSED") paused.add(id);
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
    const own = demo.streams.filter(
      ({ tenantId }) => tenantId === client.tenantId,
    );
    const found = (own: boolean) =>
      idsOf(streams.nodes.filter(({ isOwn }) => isOwn === own));
    expect(found(false)).toEqual(idsOf(shared));
    expect(found(true)).toEqual(idsOf(own));
    for (const { first, last } of streams.nodes) {
      expect(daysSince(first)).toBeGreaterThan(29);
      expect(daysSince(last)).toBeLessThan(1);
    }
  }
  expect(paused.size).toBe(1);
});

const daysSince = (event: Event | null) =>
  (Date.now() - Date.parse(event?.timestamp ?? "")) / 86_400_000;

interface View {
  readonly viewer: object;
  readonly communities: Nodes<{
    id: string;
    memberships: Nodes<{ id: string; status: string; tenant: { id: string } }>;
  }>;
  readonly streams: Nodes<{
    id: string;
    isOwn: boolean;
    first: Event | null;
    last: Event | null;
  }>;
}

interface Event {
  readonly timestamp: string;
}

interface Nodes<Node> {
  readonly nodes: readonly Node[];
}

const idsOf = (items: readonly { readonly id: string }[]) =>
  items.map(({ id }) => id).sort();

test("lets an administrator of every tenant in by password, who finds the people and roles that were told", async () => {
  for (const tenant of demo.tenants) {
    const told = demo.identities.filter(
      ({ tenantId }) => tenantId === tenant.id,
    );
    const administrator = told.find(({ tenantRoles }) =>
      tenantRoles.includes("ACCOUNT_ADMINISTRATOR"),
    );
    const caller = await signIn(
      ...[origin, administrator?.email ?? "", administrator?.password ?? ""],
    );
    const { viewer, communities } = await caller.get<Inside>(`{
      viewer {
        id
        tenant {
          name
          users { nodes { id name email roles } }
          clients { nodes { id name clientId roles } }
        }
      }
      communities {
        nodes { id membership { members { nodes { role identity { id } } } } }
      }
    }`);
    expect(viewer.id).toBe(administrator?.id);
    expect(viewer.tenant.name).toBe(tenant.name);
    const found = [
      ...viewer.tenant.users.nodes,
      ...viewer.tenant.clients.nodes,
    ].map((identity) => ({
      ...identity,
      communityRoles: communities.nodes
        .flatMap(({ id, membership }) =>
          membership.members.nodes
            .filter((member) => member.identity.id === identity.id)
            .map(({ role }) => `${role} in ${id}`),
        )
        .sort(),
    }));
    expect(sortedById(found)).toEqual(
      sortedById(told).map((identity) => ({
        id: identity.id,
        name: identity.name,
        ...(identity.kind === "user"
          ? { email: identity.email }
          : { clientId: identity.clientId }),
        roles: [...identity.tenantRoles, "MEMBER"],
        communityRoles: identity.communityRoles
          .map(({ role, communityId }) => `${role} in ${communityId}`)
          .sort(),
      })),
    );
  }
});

/** What an administrator sees of the own tenant. */
interface Inside {
  readonly viewer: {
    readonly id: string;
    readonly tenant: {
      readonly name: string;
      readonly users: Nodes<{ id: string }>;
      readonly clients: Nodes<{ id: string }>;
    };
  };
  readonly communities: Nodes<{
    id: string;
    membership: {
      members: Nodes<{ role: string; identity: { id: string } }>;
    };
  }>;
}

const sortedById = <Item extends { readonly id: string }>(
  items: readonly Item[],
) => [...items].sort((one, other) => (one.id < other.id ? -1 : 1));

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

test("takes the events that docs/ingest.md sends, by curl", async () => {
  const guide = await readFile(
    new URL("../../docs/ingest.md", import.meta.url),
    "utf8",
  );
  const [, lines = ""] = /```sh\n(.+?)```/s.exec(guide) ?? [];
  const [, email = ""] = /token -- (\S+)\)/.exec(lines) ?? [];
  const token = (await run(["commands/token.ts", email], environment)).output;
  const script = lines
    .replace(/\$\(npm.+\)/, token.trim())
    .replace("http://127.0.0.1:4000", origin);
  const { stdout } = await promisify(execFile)("sh", ["-c", script]);
  expect(guide).toContain(`is answered \`${stdout}\``);
});

test("is made once: the next start leaves it as it is", async () => {
  expect(await installation.stop()).toBe(0);
  const before = await readFile(file(), "utf8");
  await start();
  expect(await readFile(file(), "utf8")).toBe(before);
});
