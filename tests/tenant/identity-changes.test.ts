import { describe, expect, test } from "@jest/globals";
import type { Viewer } from "../../common/viewer.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import { Seed } from "../support/seed.ts";
import {
  administeringAnIdentity,
  administeringOwnTenant,
  neverIssued,
  tenantSubgraph,
  type Caller,
} from "../support/tenant-world.ts";
import { attempt, everythingWritten } from "../support/written.ts";
import { database, subgraph, world, useTenants } from "./world.ts";

useTenants();

const change = (
  viewer: Viewer,
  source: string,
  variables: Record<string, unknown>,
): Promise<Answer> =>
  attempt(database, () => run(subgraph, viewer, source, variables));

const createUser = `mutation($input: CreateUserInput!) { createUser(input: $input) { id name email roles tenant { id } } }`;
const setUserRoles = `mutation($input: SetUserRolesInput!) { setUserRoles(input: $input) { id roles } }`;
const removeUser = `mutation($id: ID!) { removeUser(id: $id) }`;
const createClient = `mutation($input: CreateClientInput!) {
  createClient(input: $input) { plainSecret secret { id hint expiresAt } client { id name clientId enabled roles secrets { id hint } } } }`;
const setClientRoles = `mutation($input: SetClientRolesInput!) { setClientRoles(input: $input) { id roles } }`;
const setClientEnabled = `mutation($id: ID!, $enabled: Boolean!) { setClientEnabled(id: $id, enabled: $enabled) { id enabled } }`;
const removeClient = `mutation($id: ID!) { removeClient(id: $id) }`;

describe("createUser (T1)", () => {
  const input = { name: "Ada", email: "ada@example.com", roles: ["VIEWER"] };

  test.each(administeringOwnTenant)("%s: %s", async (caller, expected) => {
    const answer = await change(world.callers[caller], createUser, { input });
    expect(outcome(answer)).toBe(expected);
  });

  test("keeps the e-mail in one form, each role once, and MEMBER without saying", async () => {
    const { data } = await change(
      world.callers["an administrator"],
      createUser,
      {
        input: {
          name: "  Ada ",
          email: "  Ada.Lovelace@Example.COM ",
          roles: ["VIEWER", "MEMBER", "VIEWER"],
        },
      },
    );
    expect(data).toMatchObject({
      createUser: {
        name: "Ada",
        email: "ada.lovelace@example.com",
        roles: ["VIEWER", "MEMBER"],
        tenant: { id: world.home.uuid },
      },
    });
  });

  test("mails a one-use link, unless the e-mail has a password already", async () => {
    const mailsTo = (email: string) =>
      database.owner("mail.outbox").where({ recipient: email });
    const create = (email: string) =>
      change(world.callers["an administrator"], createUser, {
        input: { ...input, email },
      });
    await create("new@example.com");
    expect(await mailsTo("new@example.com")).toMatchObject([
      {
        text: expect.stringMatching(
          /^https:\/\/tributary\.example\/oidc\/password\/[\w-]{43}$/m,
        ),
      },
    ]);
    await database.owner("issuer.persons").insert({
      email: "known@example.com",
      name: "Known",
      password_hash: "hash",
    });
    await create("known@example.com");
    expect(await mailsTo("known@example.com")).toEqual([]);
  });

  test("where nobody signs in by a password, the mail has no link to set one", async () => {
    const elsewhere = tenantSubgraph(database, { isBuiltInOn: false });
    const email = "signs-in-elsewhere@example.com";
    await run(elsewhere, world.callers["an administrator"], createUser, {
      input: { ...input, email },
    });
    const mails = await database
      .owner("mail.outbox")
      .where({ recipient: email });
    expect(mails).toMatchObject([{ subject: "Tributary: you have a user" }]);
    expect(JSON.stringify(mails)).not.toContain("/oidc");
    const links = await database.owner("issuer.links").where({ email });
    expect(links).toEqual([]);
  });

  test("a tenant mails so many new users in 24 hours, each tenant by itself", async () => {
    const strict = tenantSubgraph(database, { userMailsPerDay: 2 });
    const create = (email: string, caller: Caller = "an administrator") =>
      attempt(database, () =>
        run(strict, world.callers[caller], createUser, {
          input: { ...input, email },
        }),
      );
    const partner = "the administrator of a partner tenant";
    await database.owner("issuer.persons").insert({
      email: "signed-up@example.com",
      name: "Known",
      password_hash: "hash",
    });
    expect(outcome(await create("limit-1@example.com"))).toBe("ok");
    expect(outcome(await create("limit-2@example.com"))).toBe("ok");
    const { errors } = await create("limit-3@example.com");
    expect(errors[0]).toMatchObject({
      message:
        "At most 2 e-mails to new users in 24 hours; this asks for 3. Send the next one tomorrow.",
      extensions: { code: "LIMIT_EXCEEDED", limit: 2, value: 3 },
    });
    expect(outcome(await create("signed-up@example.com"))).toBe("ok");
    expect(outcome(await create("limit-3@example.com", partner))).toBe("ok");

    await database.owner.raw(
      `update mail.sendings set at = at - interval '24 hours' where id = (
         select min(id) from mail.sendings where tenant = ?)`,
      [world.home.uuid],
    );
    expect(outcome(await create("limit-3@example.com"))).toBe("ok");
    expect(outcome(await create("limit-4@example.com"))).toBe("LIMIT_EXCEEDED");
  });

  test("an e-mail is one user's in a tenant, and may be another's in another", async () => {
    const create = (caller: Caller) =>
      change(world.callers[caller], createUser, {
        input: { ...input, email: "twice@example.com" },
      });
    expect(outcome(await create("an administrator"))).toBe("ok");
    const again = await create("an administrator");
    expect(again.errors[0]?.extensions).toMatchObject({
      code: "CONFLICT",
      at: "input.email",
    });
    expect(outcome(await create("the administrator of a partner tenant"))).toBe(
      "ok",
    );
  });

  test.each([
    ["an empty name", { name: "" }, "input.name"],
    ["a name of spaces", { name: "  " }, "input.name"],
    ["a name of 201 characters", { name: "x".repeat(201) }, "input.name"],
    ["a name with NUL", { name: "A\0da" }, "input.name"],
    ["a name of two lines", { name: "A\nda" }, "input.name"],
    ["a name with half a character", { name: "A\ud800" }, "input.name"],
    ["a name of 10 MB", { name: "x".repeat(10_000_000) }, "input.name"],
    ["an empty e-mail", { email: "" }, "input.email"],
    ["an e-mail without a domain", { email: "ada" }, "input.email"],
    [
      "an e-mail with a space inside",
      { email: "a da@example.com" },
      "input.email",
    ],
    ["two e-mails", { email: "a@example.com,b@example.com" }, "input.email"],
    [
      "an e-mail with a line break",
      { email: "a@example.com\nBcc: b@example.com" },
      "input.email",
    ],
    ["an e-mail with NUL", { email: "a\0@example.com" }, "input.email"],
    [
      "a very long e-mail",
      { email: `${"a".repeat(250)}@example.com` },
      "input.email",
    ],
  ])("%s is refused", async (_, wrong, at) => {
    const { errors } = await change(
      world.callers["an administrator"],
      createUser,
      {
        input: { ...input, ...wrong },
      },
    );
    expect(errors[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", at });
  });
});

describe("setUserRoles (T1)", () => {
  test.each(administeringAnIdentity)("%s: %s", async (caller, expected) => {
    const input = { id: world.identities.user.uuid, roles: ["CONTRIBUTOR"] };
    const answer = await change(world.callers[caller], setUserRoles, { input });
    expect(outcome(answer)).toBe(expected);
  });

  test("gives exactly these roles", async () => {
    const id = world.identities.steward.uuid;
    const set = async (roles: string[]) => {
      const answer = await change(
        world.callers["an administrator"],
        setUserRoles,
        { input: { id, roles } },
      );
      return (answer.data as never as { setUserRoles: { roles: string[] } })
        .setUserRoles.roles;
    };
    expect(await set(["VIEWER", "CONTRIBUTOR"])).toEqual([
      "CONTRIBUTOR",
      "VIEWER",
      "MEMBER",
    ]);
    expect(await set(["VIEWER"])).toEqual(["VIEWER", "MEMBER"]);
    expect(await set([])).toEqual(["MEMBER"]);
  });

  test("is effective for the very next request", async () => {
    const id = world.identities.user.uuid;
    const input = { name: "Ada", email: "ada@example.com" };
    const tryIt = () => run(subgraph, as({ uuid: id }), createUser, { input });
    expect(outcome(await tryIt())).toBe("FORBIDDEN");
    await change(world.callers["an administrator"], setUserRoles, {
      input: { id, roles: ["ACCOUNT_ADMINISTRATOR"] },
    });
    expect(outcome(await tryIt())).toBe("ok");
  });

  test.each(["setUserRoles", "setClientRoles"])(
    "two %s in one request each answer what they set",
    async (mutation) => {
      const { user, client } = world.identities;
      const id = mutation === "setUserRoles" ? user.uuid : client.uuid;
      const { data } = await run(
        subgraph,
        world.callers["an administrator"],
        `mutation { a: ${mutation}(input: { id: "${id}", roles: [VIEWER] }) { roles }
                    b: ${mutation}(input: { id: "${id}", roles: [] }) { roles } }`,
      );
      expect(data).toEqual({
        a: { roles: ["VIEWER", "MEMBER"] },
        b: { roles: ["MEMBER"] },
      });
    },
  );
});

describe("the last user who is administrator (T1)", () => {
  const attempts: [string, string, (id: string) => Record<string, unknown>][] =
    [
      [
        "demoted",
        setUserRoles,
        (id) => ({ input: { id, roles: ["DATA_STEWARD"] } }),
      ],
      ["removed", removeUser, (id) => ({ id })],
    ];

  test.each(attempts)(
    "cannot be %s, not even by a client who is administrator",
    async (_, mutation, variables) => {
      const { uuid } = world.identities.administrator;
      for (const caller of [
        "an administrator",
        "a client who is administrator",
      ] as const) {
        const answer = await change(
          world.callers[caller],
          mutation,
          variables(uuid),
        );
        expect(outcome(answer)).toBe("CONFLICT");
      }
    },
  );

  test.each(attempts)(
    "can be %s once there is another",
    async (_, mutation, variables) => {
      const { steward, administrator } = world.identities;
      const viewer = world.callers["an administrator"];
      await change(viewer, setUserRoles, {
        input: { id: steward.uuid, roles: ["ACCOUNT_ADMINISTRATOR"] },
      });
      const answer = await change(
        viewer,
        mutation,
        variables(administrator.uuid),
      );
      expect(outcome(answer)).toBe("ok");
    },
  );

  test("may be given further roles", async () => {
    const input = {
      id: world.identities.administrator.uuid,
      roles: ["ACCOUNT_ADMINISTRATOR", "DATA_STEWARD"],
    };
    const answer = await change(
      world.callers["an administrator"],
      setUserRoles,
      { input },
    );
    expect(outcome(answer)).toBe("ok");
  });
});

describe("removeUser (T1)", () => {
  test.each(administeringAnIdentity)("%s: %s", async (caller, expected) => {
    const { uuid } = world.identities.steward;
    const answer = await change(world.callers[caller], removeUser, {
      id: uuid,
    });
    expect(outcome(answer)).toBe(expected);
  });

  test("ends the user at every door, with its roles in communities", async () => {
    const { user } = world.identities;
    const { data } = await change(
      world.callers["an administrator"],
      removeUser,
      { id: user.uuid },
    );
    expect(data).toEqual({ removeUser: user.uuid });
    expect(outcome(await run(subgraph, as(user), `{ viewer { id } }`))).toBe(
      "UNAUTHENTICATED",
    );
    const members = await database
      .owner("community.members")
      .where({ identity_id: user.id });
    expect(members).toEqual([]);
  });
});

test.each([
  [
    "what it might not do any more",
    `updateTenant(input: { name: "X" }) { id }`,
  ],
  ["what it would not see any more", `removeUser(id: "${neverIssued}")`],
])(
  "a caller that removes itself is told so in the same request: %s",
  async (_, next) => {
    const { administeringClient } = world.identities;
    const { errors } = await run(
      subgraph,
      as(administeringClient),
      `mutation { removeClient(id: "${administeringClient.uuid}") next: ${next} }`,
    );
    expect(errors).toMatchObject([
      { path: ["next"], extensions: { code: "UNAUTHENTICATED" } },
    ]);
  },
);

describe("createClient (T1)", () => {
  const input = { name: "Reader", roles: ["VIEWER"] };

  test.each(administeringOwnTenant)("%s: %s", async (caller, expected) => {
    const answer = await change(world.callers[caller], createClient, { input });
    expect(outcome(answer)).toBe(expected);
  });

  test.each([
    ["an empty name", { name: "" }, "input.name"],
    [
      "a secret that has ended",
      { secretExpiresAt: "2020-01-01T00:00:00Z" },
      "input.secretExpiresAt",
    ],
  ])("%s is refused", async (_, wrong, at) => {
    const { errors } = await change(
      world.callers["an administrator"],
      createClient,
      {
        input: { ...input, ...wrong },
      },
    );
    expect(errors[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", at });
  });
});

describe("setClientRoles (T1)", () => {
  test.each(administeringAnIdentity)("%s: %s", async (caller, expected) => {
    const input = { id: world.identities.client.uuid, roles: [] };
    const answer = await change(world.callers[caller], setClientRoles, {
      input,
    });
    expect(outcome(answer)).toBe(expected);
  });
});

describe("setClientEnabled (T1)", () => {
  test.each(administeringAnIdentity)("%s: %s", async (caller, expected) => {
    const variables = { id: world.identities.client.uuid, enabled: false };
    const answer = await change(
      world.callers[caller],
      setClientEnabled,
      variables,
    );
    expect(outcome(answer)).toBe(expected);
  });

  test("is effective for the client's next request, both ways", async () => {
    const { client } = world.identities;
    const set = (enabled: boolean) =>
      change(world.callers["an administrator"], setClientEnabled, {
        id: client.uuid,
        enabled,
      });
    const viewer = () => run(subgraph, as(client), `{ viewer { id } }`);
    await set(false);
    expect(outcome(await viewer())).toBe("UNAUTHENTICATED");
    await set(true);
    expect(outcome(await viewer())).toBe("ok");
  });

  test("a client that disables itself is answered, and never again", async () => {
    const { administeringClient } = world.identities;
    const variables = { id: administeringClient.uuid, enabled: false };
    const disable = () =>
      change(as(administeringClient), setClientEnabled, variables);
    expect((await disable()).data).toEqual({ setClientEnabled: variables });
    expect(outcome(await disable())).toBe("UNAUTHENTICATED");
  });
});

describe("removeClient (T1)", () => {
  test.each(administeringAnIdentity)("%s: %s", async (caller, expected) => {
    const variables = { id: world.identities.client.uuid };
    const answer = await change(world.callers[caller], removeClient, variables);
    expect(outcome(answer)).toBe(expected);
  });

  test("ends the client and its secrets", async () => {
    const { client } = world.identities;
    await change(world.callers["an administrator"], removeClient, {
      id: client.uuid,
    });
    expect(outcome(await run(subgraph, as(client), `{ viewer { id } }`))).toBe(
      "UNAUTHENTICATED",
    );
    const secrets = await database
      .owner("tenant.client_secrets")
      .where({ identity_id: client.id });
    expect(secrets).toEqual([]);
  });
});

describe("an id that names no such thing of the caller's tenant", () => {
  const mutations: [string, string, (id: string) => Record<string, unknown>][] =
    [
      ["setUserRoles", setUserRoles, (id) => ({ input: { id, roles: [] } })],
      ["removeUser", removeUser, (id) => ({ id })],
      [
        "setClientRoles",
        setClientRoles,
        (id) => ({ input: { id, roles: [] } }),
      ],
      ["setClientEnabled", setClientEnabled, (id) => ({ id, enabled: false })],
      ["removeClient", removeClient, (id) => ({ id })],
    ];

  test.each(mutations)(
    "%s: one text, whether it is another's or nobody's",
    async (name, mutation, variables) => {
      const { identities, home } = world;
      const ids = [
        name.includes("User") ? identities.client.uuid : identities.user.uuid,
        identities.partner.uuid,
        identities.partnerClient.uuid,
        home.uuid,
        neverIssued,
        "malformed",
        "\0",
        "",
      ];
      const before = await everythingWritten(database);
      const errors = [];
      for (const id of ids) {
        const viewer = world.callers["an administrator"];
        const answer = await run(subgraph, viewer, mutation, variables(id));
        errors.push(answer.errors[0]);
      }
      expect(await everythingWritten(database)).toEqual(before);
      expect(new Set(errors.map((error) => error?.message)).size).toBe(1);
      expect(new Set(errors.map((error) => error?.extensions.code))).toEqual(
        new Set(["NOT_FOUND"]),
      );
    },
  );
});

test("the ledger holds ids and roles; names and e-mails lie beside it", async () => {
  const seed = new Seed(database.owner);
  const tenant = await seed.tenant();
  const administrator = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
  const input = {
    name: "Grace Hopper",
    email: "grace@example.com",
    roles: ["VIEWER"],
  };
  const { data } = await change(as(administrator), createUser, { input });
  const { id } = (data as never as { createUser: { id: string } }).createUser;
  const [entry] = await database
    .owner("ledger.entries")
    .where({ subject_id: id });
  expect(entry).toMatchObject({
    kind: "IDENTITY",
    action: "createUser",
    actor_identity: administrator.uuid,
    subject_type: "User",
    tenant_ids: [tenant.uuid],
    after: { roles: ["VIEWER"] },
  });
  expect(JSON.stringify(entry)).not.toMatch(/grace/i);
  const names = await database
    .owner("ledger.names")
    .where({ id })
    .select("name", "email");
  expect(names).toEqual([{ name: "Grace Hopper", email: "grace@example.com" }]);
});
