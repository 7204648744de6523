import { beforeEach, describe, expect, test } from "@jest/globals";
import { hashToken } from "../../common/one-use-link.ts";
import type { Viewer } from "../../common/viewer.ts";
import { as, outcome, run, type Answer } from "../support/run.ts";
import { Seed } from "../support/seed.ts";
import {
  administeringOwnTenant,
  neverIssued,
  person,
  tenantSubgraph,
  type Caller,
} from "../support/tenant-world.ts";
import { attempt } from "../support/written.ts";
import { database, subgraph, world, useTenants } from "./world.ts";

useTenants();

const query = (caller: Caller, source: string, variables = {}) =>
  run(subgraph, world.callers[caller], source, variables);

const shown = `id name region entitlements createdAt users { totalCount } clients { totalCount }`;
const tenant = `query($id: ID!) { tenant(id: $id) { ${shown} } }`;
const entities = `query($references: [_Any!]!) { _entities(representations: $references) { ... on Tenant { ${shown} } } }`;

describe.each(["tenant", "a reference from another subgraph"])(
  "%s (T2, T3)",
  (door) => {
    /** The tenant as a caller sees it, or the code of the refusal. */
    async function see(caller: Caller, id: string): Promise<unknown> {
      const answer =
        door === "tenant"
          ? await query(caller, tenant, { id })
          : await query(caller, entities, {
              references: [{ __typename: "Tenant", id }],
            });
      if (answer.errors.length > 0) return outcome(answer);
      const data = answer.data as never as {
        tenant?: unknown;
        _entities?: unknown[];
      };
      return data.tenant ?? data._entities?.[0];
    }
    const unseen = door === "tenant" ? "NOT_FOUND" : null;

    test("the own one is shown whole to each of its identities", async () => {
      for (const caller of [
        "an administrator",
        "a user without roles",
        "the client itself",
      ] as const)
        expect(await see(caller, world.home.uuid)).toEqual({
          id: world.home.uuid,
          name: "Home",
          region: null,
          entitlements: ["COMMUNITIES"],
          createdAt: expect.any(String),
          users: { totalCount: 3 },
          clients: { totalCount: 3 },
        });
    });

    test.each<[Caller, boolean]>([
      ["an administrator", true],
      ["a user without roles", true], // takes part in the community
      ["a client who is administrator", true],
      ["a data steward", false],
      ["the client itself", false],
      ["the administrator of a tenant never met", false],
      ["a person without a tenant", false],
    ])(
      "%s sees id and name of the partner tenant: %s",
      async (caller, sees) => {
        expect(await see(caller, world.partner.uuid)).toEqual(
          sees
            ? {
                id: world.partner.uuid,
                name: "Partner",
                region: null,
                entitlements: null,
                createdAt: null,
                users: null,
                clients: null,
              }
            : unseen,
        );
      },
    );

    test.each<Caller>([
      "a disabled client",
      "a removed identity",
      "an anonymous caller",
    ])("%s: UNAUTHENTICATED", async (caller) => {
      expect(await see(caller, world.home.uuid)).toBe("UNAUTHENTICATED");
    });

    test("a tenant never met, another thing's id, one never issued and a malformed one are the same", async () => {
      const ids = [
        world.stranger.uuid,
        world.identities.user.uuid,
        neverIssued,
        "x",
        "",
        "\0",
      ];
      for (const id of ids)
        expect(await see("an administrator", id)).toBe(unseen);
    });

    test("leaving the community ends it for the next request", async () => {
      await database
        .owner("community.memberships")
        .where({ tenant_id: world.partner.id })
        .delete();
      expect(await see("an administrator", world.partner.uuid)).toBe(unseen);
    });
  },
);

test("the refusal has one text, whether the tenant is there or not", async () => {
  const text = async (id: string) =>
    (await query("an administrator", tenant, { id })).errors[0]?.message;
  expect(await text(world.stranger.uuid)).toBe(await text(neverIssued));
  expect(await text(world.stranger.uuid)).toBe(await text("malformed"));
});

describe("updateTenant (T1)", () => {
  const updateTenant = `mutation($input: UpdateTenantInput!) { updateTenant(input: $input) { id name region } }`;
  const update = (caller: Caller, input: object): Promise<Answer> =>
    attempt(database, () => query(caller, updateTenant, { input }));

  test.each(administeringOwnTenant)("%s: %s", async (caller, expected) => {
    expect(outcome(await update(caller, { name: "New" }))).toBe(expected);
  });

  test("what is left out stays, null clears a region", async () => {
    const after = async (input: object) => {
      const { data } = await update("an administrator", input);
      return (data as never as { updateTenant: object }).updateTenant;
    };
    const id = world.home.uuid;
    expect(await after({ name: " New ", region: "eu" })).toEqual({
      id,
      name: "New",
      region: "eu",
    });
    expect(await after({ name: "Newer" })).toEqual({
      id,
      name: "Newer",
      region: "eu",
    });
    expect(await after({ region: null })).toEqual({
      id,
      name: "Newer",
      region: null,
    });
    expect(await after({})).toEqual({ id, name: "Newer", region: null });
  });

  test.each([
    ["no name", { name: null }, "input.name"],
    ["an empty name", { name: " " }, "input.name"],
    ["a name too long", { name: "x".repeat(201) }, "input.name"],
    ["a name with NUL", { name: "a\0" }, "input.name"],
    ["an empty region", { region: "" }, "input.region"],
    ["a region too long", { region: "x".repeat(101) }, "input.region"],
  ])("%s is refused", async (_, input, at) => {
    const { errors } = await update("an administrator", input);
    expect(errors[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", at });
  });
});

describe("signUpTenant (T5)", () => {
  const signUpTenant = `mutation($input: SignUpTenantInput!) { signUpTenant(input: $input) {
    id name region entitlements createdAt users { nodes { id name email roles tenant { id name } } } clients { totalCount } } }`;

  let email = "";
  let founders = 0;
  beforeEach(() => {
    founders += 1;
    email = `founder-${founders}@example.com`;
  });

  const signUp = (
    viewer: Viewer,
    input: object = { name: "Founded" },
    at = subgraph,
  ): Promise<Answer> =>
    attempt(database, () => run(at, viewer, signUpTenant, { input }));

  test("makes the person the administrator of a new tenant, which the answer shows whole", async () => {
    const { data } = await signUp(person(email), {
      name: "Founded",
      region: "eu",
    });
    const { id } = (data as never as { signUpTenant: { id: string } })
      .signUpTenant;
    const founder = {
      id: expect.any(String),
      name: "Pia",
      email,
      roles: ["ACCOUNT_ADMINISTRATOR", "MEMBER"],
      tenant: { id, name: "Founded" },
    };
    expect(data).toEqual({
      signUpTenant: {
        id,
        name: "Founded",
        region: "eu",
        entitlements: ["COMMUNITIES"],
        createdAt: expect.any(String),
        users: { nodes: [founder] },
        clients: { totalCount: 0 },
      },
    });
    const entries = await database
      .owner("ledger.entries")
      .whereRaw("? = any(tenant_ids)", [id])
      .orderBy("id")
      .select("kind", "actor_person");
    const actor_person = person(email).person?.id;
    expect(entries).toEqual([
      { kind: "TENANT", actor_person },
      { kind: "IDENTITY", actor_person },
    ]);
  });

  test("the founder signs in anew and administers it", async () => {
    const { data } = await signUp(person(email));
    const { users } = (
      data as never as {
        signUpTenant: { users: { nodes: { id: string }[] } };
      }
    ).signUpTenant;
    const viewer = as({ uuid: users.nodes[0]?.id ?? "" });
    const rename = `mutation { updateTenant(input: { name: "Renamed" }) { name } }`;
    expect(outcome(await run(subgraph, viewer, rename))).toBe("ok");
  });

  test.each<[Caller, string]>([
    ["an administrator", "FORBIDDEN"],
    ["a user without roles", "FORBIDDEN"],
    ["the client itself", "FORBIDDEN"],
    ["a disabled client", "UNAUTHENTICATED"],
    ["a removed identity", "UNAUTHENTICATED"],
    ["an anonymous caller", "UNAUTHENTICATED"],
  ])("%s: %s", async (caller, expected) => {
    expect(outcome(await signUp(world.callers[caller]))).toBe(expected);
  });

  test("a person whose e-mail is a user's, in whichever tenant, is refused", async () => {
    await new Seed(database.owner).user(world.stranger, [], email);
    expect(outcome(await signUp(person(email)))).toBe("FORBIDDEN");
  });

  test("of many at once by one person, one founds a tenant", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        run(subgraph, person(email), signUpTenant, { input: { name: "Once" } }),
      ),
    );
    expect(answers.map(outcome).sort()).toEqual([
      ...Array<string>(7).fill("FORBIDDEN"),
      "ok",
    ]);
    const users = await database.owner("tenant.users").where({ email });
    expect(users).toHaveLength(1);
  });

  test("the operator may keep it to himself", async () => {
    const closed = tenantSubgraph(database, {
      signUp: { mode: "off", entitlements: [] },
    });
    const answer = await signUp(person(email), { name: "Founded" }, closed);
    expect(outcome(answer)).toBe("FORBIDDEN");
  });

  describe("by invitation only", () => {
    const invited = () =>
      tenantSubgraph(database, {
        signUp: { mode: "invitation", entitlements: ["COMMUNITIES"] },
      });
    const token = "t".repeat(43);
    const asInvited = (invitationToken?: string) =>
      signUp(person(email), { name: "Founded", invitationToken }, invited());

    beforeEach(async () => {
      const seed = new Seed(database.owner);
      const issuer = await seed.tenant();
      const community = await seed.community(issuer);
      await database.owner("community.invitations").delete();
      await database.owner("community.invitations").insert({
        community_id: community.id,
        community_name: "Pumps",
        issuing_tenant_id: issuer.id,
        issued_by: community.uuid,
        issued_by_name: "Ann",
        email: "somebody@example.com",
        token_hash: hashToken(token),
        expires_at: new Date(Date.now() + 60_000),
      });
    });

    test("the link of an open invitation opens it, to whoever it was passed on", async () => {
      expect(outcome(await asInvited(token))).toBe("ok");
    });

    test.each([undefined, null])(
      "without one it is FORBIDDEN: %s",
      async (none) => {
        expect(outcome(await asInvited(none as undefined))).toBe("FORBIDDEN");
      },
    );

    test.each(["", "no token", "u".repeat(43)])(
      "one that was never issued is NOT_FOUND: %j",
      async (other) => {
        const { errors } = await asInvited(other);
        expect(errors[0]?.extensions).toEqual({
          code: "NOT_FOUND",
          at: "input.invitationToken",
        });
      },
    );

    test.each([
      ["expired", { expires_at: new Date() }],
      ["withdrawn", { state: "WITHDRAWN" }],
      ["declined", { state: "DECLINED" }],
    ])("one that is %s is NOT_FOUND", async (_, change) => {
      await database.owner("community.invitations").update(change);
      expect(outcome(await asInvited(token))).toBe("NOT_FOUND");
    });
  });

  test("the operator decides what a tenant founded so is entitled to", async () => {
    const plain = tenantSubgraph(database, {
      signUp: { mode: "open", entitlements: [] },
    });
    const { data } = await signUp(person(email), { name: "Founded" }, plain);
    expect(data).toMatchObject({ signUpTenant: { entitlements: [] } });
  });

  test.each([
    ["an empty name", { name: "" }, "input.name"],
    ["a name with NUL", { name: "a\0" }, "input.name"],
    ["an empty region", { name: "a", region: " " }, "input.region"],
    ["an empty user name", { name: "a", userName: "" }, "input.userName"],
  ])("%s is refused", async (_, input, at) => {
    const { errors } = await signUp(person(email), input);
    expect(errors[0]?.extensions).toEqual({ code: "BAD_USER_INPUT", at });
  });

  test("a person without a name gives one", async () => {
    const nameless = person(email, null);
    const refused = await signUp(nameless);
    expect(refused.errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: "input.userName",
    });
    const answer = await signUp(nameless, { name: "Founded", userName: "Pia" });
    expect(outcome(answer)).toBe("ok");
  });
});
