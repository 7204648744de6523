import { setTimeout as sleep } from "node:timers/promises";
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  expect,
  test,
} from "@jest/globals";
import { sendMail, type Mail } from "../../common/mail-store.ts";
import type { Carrier } from "../../mail/carrier.ts";
import { OutboxStore } from "../../mail/outbox-store.ts";
import { smtpCarrier } from "../../mail/smtp.ts";
import { startMailWorker, type WorkerOptions } from "../../mail/worker.ts";
import { TestDatabase } from "../support/database.ts";
import { logTo } from "../support/log.ts";
import { TestMailServer } from "../support/mail-server.ts";

let database: TestDatabase;
let server: TestMailServer;
const stops: (() => Promise<void>)[] = [];
const { log, lines } = logTo<{ msg: string; reason?: string }>([]);

beforeAll(async () => {
  database = await TestDatabase.create();
});
beforeEach(async () => {
  await database.owner("mail.outbox").delete();
  server = await TestMailServer.start();
  lines.length = 0;
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await server.stop();
});
afterAll(() => database.drop());

const publicUrl = new URL("https://tributary.example");

function startWorker(
  options: Partial<WorkerOptions> = {},
): () => Promise<void> {
  const stop = startMailWorker({
    db: database.as("mail"),
    carrier: smtpCarrier(server.config()),
    publicUrl,
    maxAttempts: 3,
    log,
    pollMs: 50,
    ...options,
  });
  stops.push(stop);
  return stop;
}

let count = 0;
const mail = (changes: Partial<Mail> = {}): Mail => ({
  to: `person-${(count += 1)}@example.com`,
  subject: "Hello",
  text: "Hello.\n",
  ...changes,
});

const send = (...mails: Mail[]) =>
  database
    .as("community")
    .transaction((transaction) => sendMail(transaction, mails));

interface OutboxRow {
  recipient: string;
  uuid: string;
  attempts: number;
  last_error: string | null;
  dead_at: string | null;
  due_at: string;
}
const outbox = () =>
  database.owner<OutboxRow>("mail.outbox").orderBy("id").select();

async function until(condition: () => boolean | Promise<boolean>) {
  const deadline = Date.now() + 15_000;
  while (!(await condition())) {
    if (Date.now() > deadline)
      throw new Error(
        `It did not come about: ${JSON.stringify([await outbox(), lines])}`,
      );
    await sleep(20);
  }
}

const isEmpty = async () => (await outbox()).length === 0;
const receivedBy = (to: string) =>
  server.received.filter((mail) => mail.to === to);
const isFailed = async () =>
  (await outbox()).every(({ last_error }) => last_error !== null);

/** What the clock does, if one waits long enough. */
const makeDue = () =>
  database.owner.raw(
    "update mail.outbox set due_at = now() - interval '1 second'",
  );

test("a mail arrives as plain text, once, and nothing of it is kept", async () => {
  startWorker();
  const sent = mail({
    subject: "Tributary: Grüße an Zoë",
    text: `Häkchen ✓\n\n${publicUrl.href}invitations/${"x".repeat(90)}\n\n.\n`,
  });
  await send(sent);
  await until(isEmpty);
  expect(server.received).toHaveLength(1);
  const [received] = server.received;
  expect(received).toMatchObject({
    to: sent.to,
    from: "no-reply@tributary.example",
    headers: {
      from: "Tributary <no-reply@tributary.example>",
      to: sent.to,
      "content-type": "text/plain; charset=utf-8",
      "auto-submitted": "auto-generated",
      "message-id": expect.stringMatching(
        /^<[0-9a-f-]{36}@tributary\.example>$/,
      ),
    },
  });
  expect(received?.text.trimEnd()).toBe(sent.text.trimEnd());
});

test("a mail of a transaction that rolls back is never sent", async () => {
  startWorker();
  const [never, after] = [mail(), mail()];
  await expect(
    database.as("community").transaction(async (transaction) => {
      await sendMail(transaction, [never]);
      await sleep(200);
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  await send(after);
  await until(() => receivedBy(after.to).length > 0);
  expect(server.received.map(({ to }) => to)).toEqual([after.to]);
});

test("a notification wakes the worker at once; without it, polling finds the mail", async () => {
  const stop = startWorker({ pollMs: 60_000 });
  const first = mail();
  await send(mail());
  await until(isEmpty);
  await send(first);
  await until(() => receivedBy(first.to).length === 1);
  await stop();

  await database
    .owner("mail.outbox")
    .insert({ recipient: mail().to, subject: "Hello", text: "Hello." });
  startWorker();
  await until(isEmpty);
});

test("what a server refuses for now, delays or drops is tried again, under the same Message-ID", async () => {
  const [busy, dropped, taken, slow] = [mail(), mail(), mail(), mail()];
  server.treat = (to) => {
    if (to === busy.to) return { refuse: 451 };
    if (to === dropped.to) return "DROP";
    if (to === taken.to) return "TAKE_AND_DROP";
    return { delayMs: 500 };
  };
  startWorker();
  await send(busy, dropped, taken, slow);
  await until(async () => (await isFailed()) && receivedBy(slow.to).length > 0);
  const waiting = await outbox();
  expect(waiting.map(({ dead_at }) => dead_at)).not.toContainEqual(
    expect.anything(),
  );
  expect(waiting.map(({ recipient }) => recipient)).toEqual(
    expect.arrayContaining([busy.to, dropped.to, taken.to]),
  );
  for (const { due_at } of waiting)
    expect(Date.parse(due_at) - Date.now()).toBeGreaterThan(5_000);

  server.treat = () => "TAKE";
  await makeDue();
  await until(isEmpty);
  expect(receivedBy(busy.to)).toHaveLength(1);
  expect(receivedBy(dropped.to)).toHaveLength(1);
  // The server had taken it, and nobody could know.
  const [once, again] = receivedBy(taken.to);
  expect(once?.headers["message-id"]).toMatch(/^<.+>$/);
  expect(again?.headers["message-id"]).toBe(once?.headers["message-id"]);
});

test("waits longer after each failure, and gives up in the end", async () => {
  server.treat = () => ({ refuse: 451 });
  startWorker();
  await send(mail());
  const waits: number[] = [];
  for (const attempt of [1, 2]) {
    await until(async () => (await outbox())[0]?.attempts === attempt);
    await until(isFailed);
    await sleep(50);
    const [row] = await outbox();
    waits.push(Date.parse(row?.due_at ?? "") - Date.now());
    await database.owner("mail.outbox").update({ last_error: null });
    await makeDue();
  }
  expect(waits[1]).toBeGreaterThan((waits[0] ?? 0) * 1.4);
  await until(async () => (await outbox())[0]?.dead_at != null);
  await makeDue();
  await sleep(200);
  expect((await outbox())[0]).toMatchObject({ attempts: 3 });
});

test("what a server refuses for ever is a dead letter at once, which the operator sees, retries and drops", async () => {
  const [refused, other] = [mail(), mail()];
  server.treat = (to) => (to === refused.to ? { refuse: 550 } : "TAKE");
  startWorker();
  await send(refused, other);
  await until(async () => (await outbox())[0]?.dead_at != null);
  await until(() => receivedBy(other.to).length === 1);
  const store = new OutboxStore(database.owner);
  const [dead] = await store.unsent();
  expect(dead).toMatchObject({
    to: refused.to,
    attempts: 1,
    lastError: expect.stringContaining("550"),
  });
  expect(JSON.stringify(dead)).not.toContain(refused.text);
  expect(lines).toContainEqual(
    expect.objectContaining({
      msg: expect.stringContaining("npm run mail -- list"),
    }),
  );

  server.treat = () => "TAKE";
  expect(await store.retry(dead?.id ?? "")).toBe(1);
  await until(isEmpty);
  expect(receivedBy(refused.to)).toHaveLength(1);
});

test("a worker that dies between sending and marking sends again after its lease, under the same Message-ID", async () => {
  const real = smtpCarrier(server.config());
  let bury: (reason: Error) => void = () => undefined;
  const death = new Promise<never>((_, reject) => (bury = reject));
  const dying: Carrier = {
    ...real,
    async carry(mail, signal) {
      await real.carry(mail, signal);
      await death;
    },
  };
  startWorker({ carrier: dying });
  const sent = mail();
  await send(sent);
  await until(() => receivedBy(sent.to).length === 1);

  startWorker();
  await sleep(300);
  // The lease holds the others off.
  expect(receivedBy(sent.to)).toHaveLength(1);
  await makeDue();
  await until(isEmpty);
  const [once, again] = receivedBy(sent.to);
  expect(once?.headers["message-id"]).toMatch(/^<.+>$/);
  expect(again?.headers["message-id"]).toBe(once?.headers["message-id"]);
  bury(new Error("the process was killed"));
});

test("two workers at once send each mail once", async () => {
  startWorker();
  startWorker();
  const mails = Array.from({ length: 60 }, () => mail());
  await Promise.all(mails.map((each) => send(each)));
  await until(isEmpty);
  expect(server.received.map(({ to }) => to).sort()).toEqual(
    mails.map(({ to }) => to).sort(),
  );
});

test("told to stop, it finishes what is under way and takes up nothing else", async () => {
  server.treat = () => ({ delayMs: 500 });
  const stop = startWorker();
  const mails = Array.from({ length: 10 }, () => mail());
  await send(...mails);
  await until(async () =>
    (await outbox()).some(({ attempts }) => attempts === 1),
  );
  await stop();
  const waiting = await outbox();
  expect(waiting.length).toBeGreaterThan(0);
  expect(waiting.map(({ attempts }) => attempts)).not.toContain(1);
  expect(server.received.length + waiting.length).toBe(10);
});

test("goes on when the connection that listens is cut", async () => {
  startWorker();
  await send(mail());
  await until(isEmpty);
  const { rows } = await database
    .as("mail")
    .raw<{ rows: unknown[] }>(
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = current_user and datname = current_database() and pid <> pg_backend_pid()",
    );
  expect(rows.length).toBeGreaterThan(0);
  await send(mail());
  await until(isEmpty);
});

test("a mail that tells of a notice goes after those that somebody waits for", async () => {
  await database.owner.raw(
    `insert into mail.notices (kind, identities) values ('TENANT_LEFT', '{}')`,
  );
  await database.owner.raw(
    `insert into mail.outbox (recipient, subject, text, notice_id, due_at)
     select 'a@example.com', 'Notice', 'x', id, now() - interval '1 hour' from mail.notices`,
  );
  await send(mail());
  const claimed = await new OutboxStore(database.as("mail")).claim(60);
  expect(claimed?.subject).toBe("Hello");
  // And the notice concerns nobody any more.
  expect(await new OutboxStore(database.as("mail")).claim(60)).toBeNull();
  expect(await outbox()).toHaveLength(1);
});
