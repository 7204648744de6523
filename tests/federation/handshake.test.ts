import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { TestDatabase } from "../support/database.ts";
import { modes, type TestGraph } from "../support/gateway.ts";
import { startGraph } from "../support/graph.ts";
import { tokenSent } from "../support/invitations.ts";
import { as, outcome, type Answer } from "../support/run.ts";
import { Seed, type Identity, type Row } from "../support/seed.ts";

/* A company that has no tenant yet joins a community, through the gateway and as a client finds it. */

describe.each(modes)("%s", (mode) => {
  let database: TestDatabase;
  let graph: TestGraph;
  let owner: Row;
  let administrator: Identity;
  let bystander: Identity;
  let communityId: string;
  beforeAll(async () => {
    database = await TestDatabase.create();
    graph = await startGraph(database, mode, {
      environment: { SIGN_UP: "invitation" },
    });
    const seed = new Seed(database.owner);
    owner = await seed.tenant("Norderau");
    administrator = await seed.user(owner);
    bystander = await seed.user(owner);
    const community = await seed.community(owner, "Compressor Health");
    await seed.member(
      community.ownerMembership,
      administrator,
      "ADMINISTRATOR",
    );
    await seed.member(community.ownerMembership, bystander);
    communityId = community.uuid;
  });
  afterAll(async () => {
    await graph?.stop();
    await database?.drop();
  });

  const got = <T>({ data, errors }: Answer): T => {
    expect(errors).toEqual([]);
    return data as unknown as T;
  };

  async function invite(email: string) {
    const { inviteTenant } = got<{ inviteTenant: { id: string } }>(
      await graph.request(
        as(administrator),
        `mutation ($input: InviteTenantInput!) { inviteTenant(input: $input) { id } }`,
        { input: { communityId, email } },
      ),
    );
    return { ...inviteTenant, token: await tokenSent(database, email) };
  }

  const person = (email: string): Viewer => ({
    ...anonymous,
    person: {
      id: "00000000-0000-4000-8000-0000000000aa",
      email,
      name: "Ada Berg",
    },
  });

  const foundAndAccept = (viewer: Viewer, token: string) =>
    graph.request(
      viewer,
      `mutation ($name: String!, $token: String!, $email: String!) {
        signUpTenant(input: { name: $name, invitationToken: $token }) { id name users { nodes { id } } }
        acceptInvitation(input: { token: $token, contactEmail: $email }) { state communityName issuingTenantName }
      }`,
      { name: "Volute", token, email: "data@volute.example" },
    );

  const nameOf = async (viewer: Identity, tenant: { id: string }) => {
    const answer = await graph.request(
      as(viewer),
      `query ($id: ID!) { tenant(id: $id) { name createdAt } }`,
      { id: tenant.id },
    );
    return outcome(answer) === "ok"
      ? got<{ tenant: object }>(answer).tenant
      : outcome(answer);
  };

  test("a person opens the link, founds a tenant and accepts, in one request with one token", async () => {
    const { id, token } = await invite("ada@volute.example");
    const ada = person("ada@volute.example");
    const { signUpTenant, ...answer } = got<{
      signUpTenant: {
        id: string;
        name: string;
        users: { nodes: [{ id: string }] };
      };
    }>(await foundAndAccept(ada, token));
    expect(answer).toEqual({
      acceptInvitation: {
        state: "ACCEPTED",
        communityName: "Compressor Health",
        issuingTenantName: "Norderau",
      },
    });
    const volute = { id: signUpTenant.id };
    const founder = { uuid: signUpTenant.users.nodes[0].id } as Identity;

    // T3: while the acceptance waits, the sides know each other's names, and nobody else does.
    const { community } = got<{ community: object }>(
      await graph.request(
        as(administrator),
        `query ($id: ID!) { community(id: $id) { invitations { nodes {
          id acceptingTenant { name } acceptedByName acceptedByEmail acceptedByAddressee } } } }`,
        { id: communityId },
      ),
    );
    expect(community).toEqual({
      invitations: {
        nodes: [
          {
            id,
            acceptingTenant: { name: "Volute" },
            acceptedByName: "Ada Berg",
            acceptedByEmail: "ada@volute.example",
            acceptedByAddressee: true,
          },
        ],
      },
    });
    const { viewer } = got<{ viewer: object }>(
      await graph.request(
        as(founder),
        `{ viewer { acceptedInvitations { nodes { id state issuingTenant { name } acceptingTenant { name } } }
             communities { totalCount } } }`,
      ),
    );
    expect(viewer).toEqual({
      acceptedInvitations: {
        nodes: [
          {
            id,
            state: "ACCEPTED",
            issuingTenant: { name: "Norderau" },
            acceptingTenant: { name: "Volute" },
          },
        ],
      },
      communities: { totalCount: 0 },
    });
    const stranger = { createdAt: null };
    expect(await nameOf(founder, { id: owner.uuid })).toEqual({
      ...stranger,
      name: "Norderau",
    });
    expect(await nameOf(administrator, volute)).toEqual({
      ...stranger,
      name: "Volute",
    });
    expect(await nameOf(bystander, volute)).toBe("NOT_FOUND");

    const { confirmInvitation } = got<{ confirmInvitation: object }>(
      await graph.request(
        as(administrator),
        `mutation ($input: ConfirmInvitationInput!) { confirmInvitation(input: $input) { tenant { name } userCount } }`,
        { input: { id, tenantId: volute.id } },
      ),
    );
    expect(confirmInvitation).toEqual({
      tenant: { name: "Volute" },
      userCount: 1,
    });
    expect(await nameOf(bystander, volute)).toMatchObject({ name: "Volute" });
  });

  test("once the acceptance is taken back, neither side knows the other", async () => {
    const { id, token } = await invite("bea@weir.example");
    const { signUpTenant } = got<{
      signUpTenant: { id: string; users: { nodes: [{ id: string }] } };
    }>(await foundAndAccept(person("bea@weir.example"), token));
    const founder = { uuid: signUpTenant.users.nodes[0].id } as Identity;
    expect(await nameOf(founder, { id: owner.uuid })).not.toBe("NOT_FOUND");
    const { cancelAcceptance } = got<{ cancelAcceptance: object }>(
      await graph.request(
        as(founder),
        `mutation ($id: ID!) { cancelAcceptance(id: $id) { state issuingTenant { name } acceptingTenant { name } } }`,
        { id },
      ),
    );
    expect(cancelAcceptance).toEqual({
      state: "CANCELLED",
      issuingTenant: null,
      acceptingTenant: { name: "Volute" },
    });
    expect(await nameOf(founder, { id: owner.uuid })).toBe("NOT_FOUND");
    expect(await nameOf(administrator, signUpTenant)).toBe("NOT_FOUND");
  });

  test("an invitation that ran out unconfirmed ends that too", async () => {
    const { id, token } = await invite("cy@sluice.example");
    const { signUpTenant } = got<{
      signUpTenant: { id: string; users: { nodes: [{ id: string }] } };
    }>(await foundAndAccept(person("cy@sluice.example"), token));
    expect(await nameOf(administrator, signUpTenant)).not.toBe("NOT_FOUND");
    await database
      .owner("community.invitations")
      .where({ uuid: id })
      .update({ expires_at: database.owner.fn.now() });
    const founder = { uuid: signUpTenant.users.nodes[0].id } as Identity;
    expect(await nameOf(administrator, signUpTenant)).toBe("NOT_FOUND");
    expect(await nameOf(founder, { id: owner.uuid })).toBe("NOT_FOUND");
  });

  test("the page that the link leads to tells what to do, in operations that work", async () => {
    const { token } = await invite("gus@basin.example");
    const response = await graph.fetch(`/invitation/${token}`);
    const html = await response.text();
    expect(response.status).toBe(200);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    const policy = response.headers.get("content-security-policy");
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/);
    expect(html).not.toMatch(/<script|(src|href)="(https?:)?\/\//i);

    const operation = (label: string) =>
      (
        new RegExp(`aria-label="${label}">\\s*([^<]+)</pre>`).exec(html)?.[1] ??
        ""
      ).replaceAll(/&#(\d+);/g, (_, code: string) =>
        String.fromCharCode(Number(code)),
      );
    const gus = person("gus@basin.example");
    expect(got(await graph.request(gus, operation("Query")))).toMatchObject({
      invitation: { state: "CREATED", issuingTenantName: "Norderau" },
    });
    expect(
      got(await graph.request(gus, operation("Found a tenant and accept"))),
    ).toMatchObject({ acceptInvitation: { state: "ACCEPTED" } });
    for (const label of ["Accept", "Decline"])
      expect(outcome(await graph.request(gus, operation(label)))).toBe(
        "CONFLICT",
      );
  });

  test.each(["", "/", "/short", "/<script>", `/${"x".repeat(43)}/more`])(
    "a link that was cut off or altered says so: /invitation%s",
    async (rest) => {
      const response = await graph.fetch(`/invitation${rest}`);
      expect(response.status).toBe(404);
      expect(await response.text()).toContain("This link is not complete");
    },
  );

  test("without the link of an open invitation nobody founds a tenant, and so nobody accepts", async () => {
    const { token } = await invite("dee@lock.example");
    const answer = await foundAndAccept(
      person("eve@lock.example"),
      "x".repeat(43),
    );
    expect(answer.errors.map(({ extensions }) => extensions.code)).toEqual([
      "NOT_FOUND",
      "NOT_FOUND",
    ]);
    const withoutToken = await graph.request(
      person("eve@lock.example"),
      `mutation { signUpTenant(input: { name: "Lock" }) { id } }`,
    );
    expect(outcome(withoutToken)).toBe("FORBIDDEN");
    got(await foundAndAccept(person("eve@lock.example"), token));
    // It is answered now, and opens the door to nobody else.
    const late = await foundAndAccept(person("fay@lock.example"), token);
    expect(late.errors.map(({ extensions }) => extensions.code)).toEqual([
      "NOT_FOUND",
      "FORBIDDEN",
    ]);
  });
});
