import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { TestDatabase } from "../support/database.ts";
import { run } from "../support/process.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await TestDatabase.create();
});
afterAll(() => database.drop());

const mail = (...args: string[]) =>
  run(["commands/mail.ts", ...args], { DATABASE_URL: database.url });

const secret = "https://tributary.example/oidc/password/secret";

const add = async (
  recipient: string,
  changes: Record<string, unknown> = {},
) => {
  const [row] = (await database
    .owner("mail.outbox")
    .insert({ recipient, subject: "Hello", text: secret, ...changes })
    .returning("uuid")) as [{ uuid: string }];
  return row.uuid;
};

test("an operator sees what was not sent, without its text, has it tried again, and drops it", async () => {
  expect(await mail("list")).toEqual({ code: 0, output: "No e-mail waits.\n" });
  const dead = {
    attempts: 30,
    last_error: "550 no such user",
    dead_at: new Date(),
  };
  const waiting = await add("ada@example.com");
  const one = await add("bob@example.com", dead);
  const two = await add("eve@example.com", dead);
  const { output } = await mail("list");
  expect(output.trim().split("\n")).toEqual([
    expect.stringMatching(
      new RegExp(`^${waiting}\tada@example.com\tHello\t0 attempts\tdue `),
    ),
    expect.stringMatching(
      new RegExp(
        `^${one}\tbob@example.com\tHello\t30 attempts\tdead since .+\t550 no such user$`,
      ),
    ),
    expect.stringMatching(new RegExp(`^${two}\t`)),
  ]);
  expect(output).not.toContain(secret);

  expect(await mail("drop", two)).toEqual({ code: 0, output: "Done.\n" });
  expect(await mail("retry", "all")).toEqual({ code: 0, output: "Done.\n" });
  const rows = await database.owner("mail.outbox").orderBy("id").select();
  expect(rows).toMatchObject([
    { uuid: waiting, dead_at: null },
    { uuid: one, dead_at: null, attempts: 0 },
  ]);
});

test("what a mail server said is one bounded line that moves no cursor", async () => {
  const dead = { attempts: 30, dead_at: new Date() };
  const tricky = await add("ada@example.com", {
    ...dead,
    last_error: "550\r\n\u001b[2Jno\tsuch\u202e \u009buser",
  });
  const endless = await add("bob@example.com", {
    ...dead,
    last_error: "550 " + "x".repeat(10_000),
  });
  const lines = (await mail("list")).output.trim().split("\n");
  const said = (id: string) =>
    lines.find((line) => line.startsWith(id))?.split("\t")[5];
  expect(said(tricky)).toBe("550 [2Jno such user");
  expect(said(endless)).toBe(`550 ${"x".repeat(495)}…`);
});

test.each([
  [["retry", "00000000-0000-4000-8000-000000000000"], /no such dead letter/],
  [["drop", "nonsense"], /Name a dead letter by its id/],
  [["retry"], /Name a dead letter by its id/],
  [["send"], /^Usage: npm run mail/],
])("%j is refused in a sentence", async (args, expected) => {
  const { code, output } = await mail(...args);
  expect(code).toBe(1);
  expect(output).toMatch(expected);
});
