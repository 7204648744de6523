import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { Undeliverable } from "../../mail/carrier.ts";
import type { SmtpConfig } from "../../mail/config.ts";
import { smtpCarrier } from "../../mail/smtp.ts";
import { certificate } from "../support/certificate.ts";
import { TestDatabase } from "../support/database.ts";
import { TestMailServer } from "../support/mail-server.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
} from "../support/process.ts";

jest.setTimeout(120_000);

const password = "p:w%/ord";

const secureServer = (secure: boolean) =>
  TestMailServer.start({
    ...certificate,
    secure,
    onAuth({ username, password: given }, _session, done) {
      if (username === "ada@example.com" && given === password)
        done(null, { user: username });
      else done(new Error("Wrong password."));
    },
  });

const mail = {
  rowId: 1,
  id: "5b0d1f5e-5bd0-4b4e-8b0e-0d6f3c1f9a11",
  to: "bob@example.com",
  subject: "Hello",
  text: "Hello.",
  createdAt: "2026-01-31T08:00:00.5+00:00",
  attempts: 1,
};

/** Carries one mail; answers why it could not. */
async function carry(config: SmtpConfig): Promise<unknown> {
  const carrier = smtpCarrier(config);
  try {
    await carrier.carry(mail, AbortSignal.timeout(10_000));
    return undefined;
  } catch (error) {
    return error;
  } finally {
    carrier.close();
  }
}

test.each<[string, boolean, Partial<SmtpConfig>]>([
  ["TLS from the start", true, { tls: "IMPLICIT" }],
  ["STARTTLS", false, { tls: "STARTTLS" }],
])(
  "a server that cannot prove its name by %s gets neither password nor mail, and the mail waits",
  async (_, secure, changes) => {
    const server = await secureServer(secure);
    const error = await carry(
      server.config({ user: "ada@example.com", password, ...changes }),
    );
    expect(String(error)).toMatch(/self-signed certificate/);
    expect(error).not.toBeInstanceOf(Undeliverable);
    expect(server.received).toEqual([]);
    await server.stop();
  },
);

test("a server without STARTTLS gets neither password nor mail", async () => {
  const server = await TestMailServer.start({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
  });
  const error = await carry(
    server.config({ tls: "STARTTLS", user: "ada", password }),
  );
  expect(String(error)).toMatch(/STARTTLS/);
  expect(error).not.toBeInstanceOf(Undeliverable);
  expect(server.received).toEqual([]);
  await server.stop();
});

test("a password that the server refuses makes no dead letter, and is told to nobody", async () => {
  const server = await TestMailServer.start({
    disabledCommands: ["STARTTLS"],
    onAuth: (_auth, _session, done) => done(new Error("Wrong password.")),
  });
  const error = await carry(server.config({ user: "ada", password }));
  expect(error).toBeInstanceOf(Error);
  expect(error).not.toBeInstanceOf(Undeliverable);
  expect((error as Error).message).not.toContain(password);
  await server.stop();
});

test("a signal ends a mail that the server keeps waiting", async () => {
  const server = await TestMailServer.start();
  server.treat = () => ({ delayMs: 3_000 });
  const carrier = smtpCarrier(server.config());
  const startedAt = Date.now();
  await expect(carrier.carry(mail, AbortSignal.timeout(300))).rejects.toThrow();
  expect(Date.now() - startedAt).toBeLessThan(2_500);
  carrier.close();
  await server.stop();
});

let database: TestDatabase;
let home: string;
beforeAll(async () => {
  database = await TestDatabase.create();
  home = await mkdtemp(join(tmpdir(), "tributary-mail-"));
});
afterAll(async () => {
  await stopAll();
  await database.drop();
  await rm(home, { recursive: true, force: true });
});

test("an installation in production sends by smtps: and by smtp: with a password, survives a kill between them, and tells the password to nobody", async () => {
  const servers = {
    "smtps:": await secureServer(true),
    "smtp:": await secureServer(false),
  };
  const authority = join(home, "ca.pem");
  await writeFile(authority, certificate.cert);
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const start = async (protocol: keyof typeof servers) => {
    const installation = new Process(["installation/main.ts"], {
      NODE_ENV: "production",
      NODE_EXTRA_CA_CERTS: authority,
      DATABASE_URL: database.url,
      TRIBUTARY_DATA: home,
      PORT: `${port}`,
      LOG_LEVEL: "debug",
      STOP_GRACE_MS: "0",
      SMTP_URL: `${protocol}//ada%40example.com:${encodeURIComponent(password)}@localhost:${servers[protocol].port}`,
      MAIL_FROM: "no-reply@tributary.example",
    });
    await installation.until(() => isReady(origin));
    return installation;
  };
  const found = (email: string) =>
    run(["commands/tenant.ts", "found", "Tenant", "--email", email], {
      DATABASE_URL: database.url,
      PUBLIC_URL: origin,
    });
  /** The mails that a server has taken for somebody. */
  const mails = (protocol: keyof typeof servers, email: string) =>
    servers[protocol].received.filter(({ to }) => to === email);
  const sentSafely = {
    isSecure: true,
    user: "ada@example.com",
    text: expect.stringMatching(
      new RegExp(`^${origin}/oidc/password/[\\w-]{43}$`, "m"),
    ),
  };

  const first = await start("smtps:");
  expect((await fetch(`${origin}/dev/mail`)).status).toBe(404);
  const ada = "ada@founder.example";
  await found(ada);
  await first.until(() => mails("smtps:", ada).length || null);
  expect(mails("smtps:", ada)).toMatchObject([sentSafely]);

  // Killed while a server is taking a mail: the next start sends it, here by the other one.
  servers["smtps:"].treat = () => ({ delayMs: 60_000 });
  const bob = "bob@founder.example";
  await found(bob);
  await first.until(
    async () =>
      (await database
        .owner("mail.outbox")
        .where({ attempts: 1 })
        .first<object | undefined>()) ?? null,
  );
  first.signal("SIGKILL");
  await first.ended;
  await database.owner.raw("update mail.outbox set due_at = now()");
  const second = await start("smtp:");
  await second.until(() => mails("smtp:", bob).length || null);
  expect(mails("smtp:", bob)).toMatchObject([sentSafely]);
  expect(await second.stop()).toBe(0);
  for (const { output } of [first, second])
    for (const secret of [password, encodeURIComponent(password)])
      expect(output).not.toContain(secret);
  for (const server of Object.values(servers)) await server.stop();
});

test("in production a start without a mail server ends in one sentence", async () => {
  const { code, output } = await run(["installation/main.ts"], {
    NODE_ENV: "production",
    DATABASE_URL: database.url,
    TRIBUTARY_DATA: home,
  });
  expect(code).toBe(1);
  expect(output).toMatch(
    /^The configuration has faults:\n- SMTP_URL is missing: [^\n]+\.\n$/,
  );
});
