import { beforeAll, describe, expect, test } from "@jest/globals";
import * as client from "openid-client";
import { Browser, type Page } from "../support/browser.ts";
import type { DemoInstallation } from "../support/demo-installation.ts";
import { Caller } from "../support/over-http.ts";

export const openidClient = (demo: () => DemoInstallation) =>
  describe("openid-client", () => {
    let config: client.Configuration;
    let browser: Browser;
    beforeAll(async () => {
      config = await discover("tributary", client.None());
      browser = new Browser(demo().origin);
    });

    const discover = (clientId: string, authentication: client.ClientAuth) =>
      client.discovery(
        new URL("/oidc", demo().origin),
        clientId,
        undefined,
        authentication,
        { execute: [client.allowInsecureRequests] },
      );

    const redirectUri = () => `${demo().origin}/`;

    /** Sends the visitor to the issuer; answers what it shows, and how to take the tokens when it sends him back. */
    async function begin(more: Record<string, string> = {}) {
      const pkceCodeVerifier = client.randomPKCECodeVerifier();
      const expectedState = client.randomState();
      const expectedNonce = client.randomNonce();
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri(),
        scope: "openid email profile",
        resource: demo().graphql,
        code_challenge:
          await client.calculatePKCECodeChallenge(pkceCodeVerifier),
        code_challenge_method: "S256",
        state: expectedState,
        nonce: expectedNonce,
        ...more,
      });
      const checks = { pkceCodeVerifier, expectedState, expectedNonce };
      return {
        page: await browser.get(url),
        tokens: (page: Page) =>
          client.authorizationCodeGrant(config, page.url, {
            ...checks,
            idTokenExpected: true,
          }),
      };
    }

    const tenantOf = async ({ access_token }: { access_token: string }) => {
      const caller = new Caller(demo().origin, access_token);
      const { viewer } = await caller.get<{
        viewer: { tenant: { name: string } };
      }>("{ viewer { tenant { name } } }");
      return viewer.tenant.name;
    };

    const vera = "vera@norderau.example";

    test("signs a person in who has users in two tenants, for the one that is chosen", async () => {
      const ada = await demo().as("ada@volute.example");
      await ada.get(
        `mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }`,
        { input: { name: "Vera Lind", email: vera, roles: ["VIEWER"] } },
      );
      const { page, tokens } = await begin();
      expect(page.heading).toBe("Sign in");
      const wrong = await browser.submit(page, {
        email: vera,
        password: "not this one",
      });
      expect(wrong.alert).toContain("do not go together");
      const choice = await browser.submit(wrong, demo().person(vera));
      expect(choice.heading).toBe("Choose a tenant");
      const identity = choice.buttons["Volute Compressors"] ?? "";
      const answer = await tokens(await browser.submit(choice, { identity }));
      expect(answer.claims()).toMatchObject({
        email: vera,
        email_verified: true,
        name: "Vera Lind",
      });
      expect(answer.token_type).toBe("bearer");
      expect(await tenantOf(answer)).toBe("Volute Compressors");
    });

    test("gets the next token without asking, for the same tenant, and another tenant's by asking", async () => {
      const silent = await begin({ prompt: "none" });
      const answer = await silent.tokens(silent.page);
      expect(await tenantOf(answer)).toBe("Volute Compressors");

      const { page, tokens } = await begin({ prompt: "select_account" });
      const identity = page.buttons["Norderau Chemicals"] ?? "";
      const other = await tokens(await browser.submit(page, { identity }));
      expect(await tenantOf(other)).toBe("Norderau Chemicals");
    });

    test("refreshes its token", async () => {
      const { page, tokens } = await begin({ prompt: "none" });
      const { refresh_token = "" } = await tokens(page);
      const renewed = await client.refreshTokenGrant(config, refresh_token);
      expect(await tenantOf(renewed)).toBe("Norderau Chemicals");
      expect(renewed.refresh_token).not.toBe(refresh_token);
    });

    test("signs out, and is told so when it asks without a page", async () => {
      const { page, tokens } = await begin({ prompt: "none" });
      const { id_token = "" } = await tokens(page);
      const question = await browser.get(
        client.buildEndSessionUrl(config, {
          id_token_hint: id_token,
          post_logout_redirect_uri: redirectUri(),
        }),
      );
      expect(question.heading).toBe("Sign out?");
      const done = await browser.submit(question, { logout: "yes" });
      expect(done.url.href).toBe(redirectUri());
      const silent = await begin({ prompt: "none" });
      await expect(silent.tokens(silent.page)).rejects.toMatchObject({
        error: "login_required",
      });
    });

    test("refuses a code that another sign-in has begun", async () => {
      const one = await begin();
      const done = await browser.submit(
        one.page,
        demo().person("milo@volute.example"),
      );
      const other = await begin({ prompt: "none" });
      await expect(other.tokens(done)).rejects.toMatchObject({
        cause: { message: 'unexpected "state" response parameter value' },
      });
    });

    test("signs a program in by its id and secret", async () => {
      const { clientId, clientSecret } = demo().program("ada@lumen.example");
      const program = await discover(
        clientId,
        client.ClientSecretBasic(clientSecret),
      );
      const answer = await client.clientCredentialsGrant(program, {
        resource: demo().graphql,
      });
      expect(await tenantOf(answer)).toBe("Lumen Analytics");
    });
  });
