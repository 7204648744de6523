import { request } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { listen, type HttpServer } from "../../common/http-server.ts";
import { sendMail } from "../../common/mail-store.ts";
import { startMail } from "../../mail/mail.ts";
import { TestDatabase } from "../support/database.ts";
import { pino } from "pino";

const publicUrl = new URL("http://127.0.0.1:4000");
const link = `${publicUrl.href}oidc/password/abc`;

let database: TestDatabase;
let server: HttpServer;
let stop: () => Promise<void>;
const logged: string[] = [];

beforeAll(async () => {
  database = await TestDatabase.create();
  const log = pino({}, { write: (line: string) => void logged.push(line) });
  const mail = startMail({
    db: database.as("mail"),
    config: { publicUrl, smtp: null, hasMailbox: true, maxAttempts: 3 },
    log,
  });
  stop = mail.stop;
  server = await listen({
    host: "127.0.0.1",
    port: 0,
    graceMs: 0,
    isReady: () => Promise.resolve(true),
    routes: mail.mailbox ? { "/dev/mail": mail.mailbox } : {},
    log,
  });
  await database.as("community").transaction((transaction) =>
    sendMail(transaction, [
      {
        to: "ada@example.com",
        subject: "First",
        text: `By this link:\n\n${link}\n\nA text of others:\n> ${link}\nhttps://elsewhere.example/\n`,
      },
      {
        to: "bob@example.com",
        subject: "<script>alert(1)</script>",
        text: "No link & nothing else.",
      },
    ]),
  );
});
afterAll(async () => {
  await server.stop();
  await stop();
  await database.drop();
});

const get = (headers: Record<string, string>) =>
  fetch(`${server.url}/dev/mail`, { headers });

test("shows the mails as JSON, the newest first, with the links that stand on a line of their own", async () => {
  const response = await get({ accept: "application/json" });
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.json()).toEqual([
    {
      to: "bob@example.com",
      subject: "<script>alert(1)</script>",
      text: "No link & nothing else.",
      links: [],
    },
    {
      to: "ada@example.com",
      subject: "First",
      text: expect.stringContaining("A text of others"),
      links: [link],
    },
  ]);
});

test("shows them as a page, in which nothing but text comes from a mail", async () => {
  const response = await get({ accept: "text/html" });
  expect(response.headers.get("content-type")).toMatch(/^text\/html/);
  const page = await response.text();
  expect(page).not.toContain("<script>");
  expect(page).toContain("No link &#38; nothing else.");
  expect(page.match(/<a href/g)).toHaveLength(1);
  expect(page).toContain(`<a href="${link}">`);
});

test("prints the link in the log, and goes on showing the mail", async () => {
  const deadline = Date.now() + 10_000;
  while (logged.length < 2 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const messages = logged.map(
    (line) => (JSON.parse(line) as { msg: string }).msg,
  );
  expect(messages).toContain(`Mail for ada@example.com, "First": ${link}`);
  const response = await get({ accept: "application/json" });
  expect(await response.json()).toHaveLength(2);
});

test("is not there for a page that reaches it under another name", async () => {
  const asked = request(`${server.url}/dev/mail`, {
    headers: { host: "evil.example", accept: "application/json" },
  }).end();
  const answer = await new Promise<{ status: number; body: string }>(
    (resolve, reject) =>
      asked.once("error", reject).once("response", (response) => {
        void text(response).then((body) =>
          resolve({ status: response.statusCode ?? 0, body }),
        );
      }),
  );
  expect(answer.status).toBe(404);
  expect(answer.body).not.toContain("ada@example.com");
});
