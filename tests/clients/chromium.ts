import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { existsSync } from "node:fs";
import {
  chromium as playwright,
  type Browser,
  type BrowserContext,
  type Page,
} from "playwright-core";
import type { DemoInstallation } from "../support/demo-installation.ts";

/** Debian's. */
const executablePath = "/usr/bin/chromium";

const [describeIfThere, title] = existsSync(executablePath)
  ? [describe, "in Chromium"]
  : [describe.skip, `in Chromium: skipped, for there is no ${executablePath}`];

const small = { width: 360, height: 740 };

export const chromium = (demo: () => DemoInstallation) =>
  describeIfThere(title, () => {
    let browser: Browser;
    let context: BrowserContext;
    let explorer: Page;
    /** What pages were told off for, and what they asked of other servers. */
    const faults: string[] = [];

    beforeAll(async () => {
      browser = await playwright.launch({ executablePath });
      context = await browser.newContext();
      context.on("weberror", (error) => faults.push(error.error().message));
      context.on("console", (message) => {
        // A form that is refused is answered with such a status.
        if (message.type() === "error" && !/status of 40/.test(message.text()))
          faults.push(message.text());
      });
      context.on("request", (request) => {
        if (!request.url().startsWith(demo().origin))
          if (!/^(data|blob):/.test(request.url())) faults.push(request.url());
      });
      await context.addInitScript(`
        document.addEventListener("securitypolicyviolation", (event) =>
          console.error(event.violatedDirective, event.blockedURI));`);
      context.setDefaultTimeout(15_000);
      explorer = await context.newPage();
    });
    afterAll(() => browser.close());

    const visit = async (path: string) => {
      const page = await context.newPage();
      await page.goto(demo().origin + path);
      return page;
    };
    const press = (page: Page, name: string) =>
      page.getByRole("button", { name, exact: true }).click();
    const heading = (page: Page, name: string) =>
      page.getByRole("heading", { name, exact: true }).waitFor();
    const isFocused = (page: Page, label: string) =>
      page
        .getByLabel(label, { exact: true })
        .and(page.locator(":focus"))
        .waitFor();
    const isShown = (page: Page, button: string) =>
      page.getByRole("button", { name: button, exact: true }).waitFor();

    /** Presses a button of the explorer that leads to the issuer's pages. */
    async function openFromExplorer(button: string): Promise<Page> {
      const popup = explorer.waitForEvent("popup");
      await press(explorer, button);
      return popup;
    }

    async function run(): Promise<string> {
      await explorer.getByRole("button", { name: /^Execute query/ }).click();
      const answer = explorer.locator(".result-window .view-lines");
      await answer.filter({ hasText: "}" }).waitFor();
      // The editor writes unbreakable spaces.
      return (await answer.innerText()).replaceAll(/\s+/g, " ");
    }

    const newcomer = "robin@newcomer.example";
    const password = "correct horse battery staple";

    test("a newcomer registers: form, mailbox, link, password", async () => {
      const page = await visit("/oidc/password");
      await page.getByLabel("E-mail").fill(newcomer);
      await page.keyboard.press("Enter");
      await heading(page, "The link is on its way");
      await page.getByRole("link", { name: "/dev/mail" }).click();
      await page
        .getByRole("link", { name: /\/oidc\/password\// })
        .first()
        .click();
      await page.getByLabel("name").fill("Robin Roe");
      await page.getByLabel("New password").fill(password);
      await page.keyboard.press("Enter");
      await heading(page, "Your password is set");
      await page.close();
    });

    test("signs in from the explorer by the keyboard; a wrong password is told, and the e-mail stays", async () => {
      await explorer.goto(demo().origin);
      const popup = await openFromExplorer("Sign in");
      await isFocused(popup, "E-mail");
      await popup.keyboard.type(newcomer);
      await popup.keyboard.press("Tab");
      await popup.keyboard.type("not this one");
      await popup.keyboard.press("Enter");
      await popup.getByRole("alert").waitFor();
      expect(await popup.getByLabel("E-mail").inputValue()).toBe(newcomer);
      // The browser sets it after it has shown the page: what is typed before is lost.
      await isFocused(popup, "Password");
      await popup.keyboard.type(password);
      const closed = popup.waitForEvent("close");
      await popup.keyboard.press("Enter");
      await closed;
      await explorer.getByText("Robin Roe, without a tenant").waitFor();
    });

    test("signs out, and the session is over", async () => {
      const popup = await openFromExplorer("Sign out");
      await heading(popup, "Sign out?");
      await press(popup, "Yes, sign out");
      await isShown(explorer, "Sign in");
      await explorer.reload();
      await isShown(explorer, "Sign in");
      expect(await run()).toContain('"UNAUTHENTICATED"');
    });

    const cem = "cem@norderau.example";

    test("chooses a tenant, runs the first query and sees the answer", async () => {
      const ada = await demo().as("ada@volute.example");
      await ada.get(
        `mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }`,
        { input: { name: "Cem Aydin", email: cem, roles: ["VIEWER"] } },
      );
      const popup = await openFromExplorer("Sign in");
      await popup.getByLabel("E-mail").fill(cem);
      await popup
        .getByLabel("Password", { exact: true })
        .fill(demo().person(cem).password);
      await press(popup, "Sign in");
      await heading(popup, "Choose a tenant");
      await press(popup, "Volute Compressors");
      await explorer.getByText("Cem Aydin, Volute Compressors").waitFor();
      expect(await run()).toContain('"name": "Volute Compressors"');
    });

    test("is still signed in when the page is loaded anew, and keeps no token", async () => {
      await explorer.reload();
      await explorer.getByText("Cem Aydin, Volute Compressors").waitFor();
      expect(await run()).toContain('"name": "Volute Compressors"');
      const { cookies, origins } = await context.storageState();
      expect(cookies.every(({ httpOnly }) => httpOnly)).toBe(true);
      expect(JSON.stringify(origins)).not.toContain("eyJ");
      const session = await explorer.evaluate("JSON.stringify(sessionStorage)");
      expect(session).not.toContain("eyJ");
    });

    test("keeps no token that is written under Headers, and forgets one that was kept", async () => {
      const page = await visit("/");
      await press(page, "Headers");
      await page.locator(".graphiql-editor-tool .monaco-editor").last().click();
      await page.keyboard.type('"Authorization": "Bearer of-a-program"');
      // The explorer keeps what stands in it half a second later.
      await page.waitForTimeout(1_500);
      const kept = "JSON.stringify(localStorage)";
      expect(await page.evaluate(kept)).toContain("graphiql:tabState");
      expect(await page.evaluate(kept)).not.toContain("of-a-program");
      await page.evaluate(`
        localStorage.setItem("graphiql:headers", "of-a-program");
        localStorage.setItem("graphiql:tabState", JSON.stringify({
          activeTabIndex: 0, tabs: [{ query: "{ ripe }", headers: "of-a-program" }] }))`);
      await page.reload();
      expect(await page.evaluate(kept)).not.toContain("of-a-program");
      expect(await page.evaluate(kept)).toContain("{ ripe }");
      await page.evaluate("localStorage.clear()");
      await page.close();
    });

    test("gets another token before the one it has expires", async () => {
      await explorer.clock.setFixedTime(Date.now() + 60 * 60 * 1000);
      const renewed = explorer.waitForResponse(/\/oidc\/token$/);
      expect(await run()).toContain('"name": "Volute Compressors"');
      expect((await renewed).status()).toBe(200);
    });

    test.each([
      "/",
      "/oidc/password",
      "/oidc/password/change",
      "/dev/mail",
      `/invitation/${"x".repeat(43)}`,
    ])("%s fits a small screen, and names its fields", async (path) => {
      const page = await context.newPage();
      await page.setViewportSize(small);
      await page.goto(demo().origin + path);
      await page.waitForFunction(
        `document.documentElement.scrollWidth <= ${small.width}`,
      );
      expect(
        await page.evaluate(`[...document.querySelectorAll("main input:not([type=hidden])")]
          .filter(({ labels }) => labels.length === 0).length`),
      ).toBe(0);
      await page.close();
    });

    test("no page did what its policy forbids, failed, or asked another server", () => {
      expect(faults).toEqual([]);
    });
  });
