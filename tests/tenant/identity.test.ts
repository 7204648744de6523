import { describe, expect, test } from "@jest/globals";
import { outcome, run } from "../support/run.ts";
import { neverIssued, type Caller } from "../support/tenant-world.ts";
import { subgraph, world, useTenants } from "./world.ts";

useTenants();

const query = (caller: Caller, source: string, variables = {}) =>
  run(subgraph, world.callers[caller], source, variables);

describe("viewer (T2)", () => {
  const viewer = `{ viewer { id roles tenant { name region entitlements users { totalCount } }
    identity { __typename id name roles createdAt tenant { id } ... on User { email } ... on Client { clientId enabled secrets { id } } } } }`;

  test("is the user with its own e-mail, its roles and its tenant", async () => {
    const { data } = await query("a data steward", viewer);
    const { steward } = world.identities;
    expect(data).toMatchObject({
      viewer: {
        id: steward.uuid,
        roles: ["DATA_STEWARD", "MEMBER"],
        tenant: { name: "Home", entitlements: ["COMMUNITIES"] },
        identity: {
          __typename: "User",
          id: steward.uuid,
          email: expect.stringMatching(/@example\.com$/),
          tenant: { id: world.home.uuid },
        },
      },
    });
  });

  test("is the client with its own secrets", async () => {
    const { data } = await query("the client itself", viewer);
    expect(data).toMatchObject({
      viewer: {
        roles: ["VIEWER", "MEMBER"],
        identity: { __typename: "Client", secrets: [{ id: world.secret }] },
      },
    });
  });

  test("is null for a person without a tenant", async () => {
    expect(await query("a person without a tenant", viewer)).toMatchObject({
      data: { viewer: null },
      errors: [],
    });
  });

  test.each<Caller>([
    "a disabled client",
    "a removed identity",
    "an anonymous caller",
  ])("%s: UNAUTHENTICATED", async (caller) => {
    expect(outcome(await query(caller, viewer))).toBe("UNAUTHENTICATED");
  });
});

describe("a reference from another subgraph", () => {
  const entities = `query($references: [_Any!]!) { _entities(representations: $references) { __typename
    ... on Identity { id name roles tenant { id } } ... on User { email } ... on Client { clientId secrets { id } } } }`;
  const resolve = async (
    caller: Caller,
    references: readonly { __typename: string; id: string }[],
  ) => query(caller, entities, { references });

  test("to an own identity is that user or client, under whichever type it is named", async () => {
    const { user, client } = world.identities;
    const answer = await resolve("a data steward", [
      { __typename: "Identity", id: user.uuid },
      { __typename: "User", id: user.uuid },
      { __typename: "Identity", id: client.uuid },
      { __typename: "Client", id: client.uuid },
      { __typename: "Identity", id: user.uuid },
    ]);
    const asUser = {
      __typename: "User",
      id: user.uuid,
      email: null,
      tenant: { id: world.home.uuid },
    };
    const asClient = {
      __typename: "Client",
      id: client.uuid,
      secrets: null,
      roles: ["VIEWER", "MEMBER"],
    };
    expect(answer).toMatchObject({
      data: { _entities: [asUser, asUser, asClient, asClient, asUser] },
      errors: [],
    });
  });

  test.each<Caller>([
    "the administrator of a partner tenant",
    "the administrator of a tenant never met",
    "a person without a tenant",
  ])("is null, and no error, for %s", async (caller) => {
    const { user, client } = world.identities;
    const answer = await resolve(caller, [
      { __typename: "Identity", id: user.uuid },
      { __typename: "User", id: user.uuid },
      { __typename: "Client", id: client.uuid },
    ]);
    expect(answer).toEqual({
      data: { _entities: [null, null, null] },
      errors: [],
    });
  });

  test("to an id of another type, never issued or malformed is null", async () => {
    const { user, client } = world.identities;
    const answer = await resolve("an administrator", [
      { __typename: "User", id: client.uuid },
      { __typename: "Client", id: user.uuid },
      { __typename: "Identity", id: world.home.uuid },
      { __typename: "Identity", id: neverIssued },
      { __typename: "User", id: "1 or 1=1" },
      { __typename: "Client", id: "" },
    ]);
    expect(answer).toEqual({
      data: { _entities: [null, null, null, null, null, null] },
      errors: [],
    });
  });

  test.each<Caller>(["a disabled client", "an anonymous caller"])(
    "%s: UNAUTHENTICATED",
    async (caller) => {
      const reference = { __typename: "User", id: world.identities.user.uuid };
      const answer = await resolve(caller, [reference]);
      expect(outcome(answer)).toBe("UNAUTHENTICATED");
    },
  );
});

describe("users and clients of a tenant (T2)", () => {
  const users = `query($search: String, $first: Int, $after: String, $last: Int, $before: String) { viewer { tenant {
    users(search: $search, first: $first, after: $after, last: $last, before: $before) {
      totalCount nodes { id name email } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } } } }`;
  const usersFor = async (caller: Caller, variables = {}) => {
    const { data, errors } = await query(caller, users, variables);
    expect(errors).toEqual([]);
    return (data as never as { viewer: { tenant: { users: UserPage } } }).viewer
      .tenant.users;
  };
  interface UserPage {
    totalCount: number;
    nodes: { id: string; name: string; email: string | null }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  }

  test("e-mails are shown to administrators, and to others their own alone", async () => {
    const own = world.identities.user.uuid;
    const shown = ({ nodes }: UserPage) =>
      nodes.filter(({ email }) => email !== null).map(({ id }) => id);
    expect(shown(await usersFor("an administrator"))).toHaveLength(3);
    expect(shown(await usersFor("a client who is administrator"))).toHaveLength(
      3,
    );
    expect(shown(await usersFor("a user without roles"))).toEqual([own]);
    expect(shown(await usersFor("the client itself"))).toEqual([]);
  });

  test("secrets are shown to administrators and to the client itself", async () => {
    const clients = `{ viewer { tenant { clients { totalCount nodes { id clientId secrets { id } } } } } }`;
    const secretsFor = async (caller: Caller) => {
      const { data } = await query(caller, clients);
      const page = (
        data as never as {
          viewer: {
            tenant: { clients: { nodes: { id: string; secrets: unknown }[] } };
          };
        }
      ).viewer.tenant.clients;
      return page.nodes.find(({ id }) => id === world.identities.client.uuid)
        ?.secrets;
    };
    const secrets = [{ id: world.secret }];
    expect(await secretsFor("an administrator")).toEqual(secrets);
    expect(await secretsFor("the client itself")).toEqual(secrets);
    expect(await secretsFor("a data steward")).toBeNull();
  });

  test("pages come in the order of names, forwards and backwards, none twice", async () => {
    const all = (await usersFor("an administrator")).nodes;
    expect(all.map(({ name }) => name)).toEqual(
      all.map(({ name }) => name).sort(),
    );
    const first = await usersFor("an administrator", { first: 2 });
    const after = first.pageInfo.endCursor;
    const rest = await usersFor("an administrator", { first: 2, after });
    expect([...first.nodes, ...rest.nodes]).toEqual(all);
    expect([first.pageInfo.hasNextPage, rest.pageInfo.hasNextPage]).toEqual([
      true,
      false,
    ]);
    expect((await usersFor("an administrator", { last: 1 })).nodes).toEqual(
      all.slice(-1),
    );
  });

  test("a search finds every word in name or, for who may see it, e-mail", async () => {
    const createUser = `mutation($input: CreateUserInput!) { createUser(input: $input) { id } }`;
    const input = { name: "Ada 100%_Lovelace", email: "countess@example.com" };
    await run(subgraph, world.callers["an administrator"], createUser, {
      input,
    });
    const found = async (caller: Caller, search: string) =>
      (await usersFor(caller, { search })).totalCount;
    expect(await found("an administrator", "lovelace ADA")).toBe(1);
    expect(await found("an administrator", "%_")).toBe(1);
    expect(await found("an administrator", "countess")).toBe(1);
    expect(await found("a user without roles", "lovelace")).toBe(1);
    expect(await found("a user without roles", "countess")).toBe(0);
    expect(await found("an administrator", "ada babbage")).toBe(0);
  });

  test.each([
    [{ first: 1001 }, "LIMIT_EXCEEDED", "first"],
    [{ first: -1 }, "BAD_USER_INPUT", "first"],
    [{ first: 1, last: 1 }, "BAD_USER_INPUT", "last"],
    [{ after: "junk" }, "BAD_USER_INPUT", "after"],
    [{ search: "\0" }, "BAD_USER_INPUT", "search"],
    [{ search: "x".repeat(201) }, "BAD_USER_INPUT", "search"],
  ])("%j: %s at %s", async (variables, code, at) => {
    const { errors } = await query("an administrator", users, variables);
    expect(errors[0]?.extensions).toMatchObject({ code, at });
  });

  test("a cursor of another search, or of another list, is refused", async () => {
    const { pageInfo } = await usersFor("an administrator", { first: 1 });
    const after = pageInfo.endCursor;
    const other = await query("an administrator", users, {
      after,
      search: "user",
    });
    expect(outcome(other)).toBe("BAD_USER_INPUT");
    const clients = `query($after: String) { viewer { tenant { clients(after: $after) { totalCount } } } }`;
    expect(outcome(await query("an administrator", clients, { after }))).toBe(
      "BAD_USER_INPUT",
    );
  });
});
