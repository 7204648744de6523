import { StartError } from "../common/config.ts";
import { isUuid } from "../common/page.ts";
import { oneLine } from "../common/text.ts";
import { OutboxStore, type ListedMail } from "../mail/outbox-store.ts";
import { runCommand } from "./command.ts";
import { asOwner } from "./installation.ts";

const usage = `
Usage: npm run mail -- list
       npm run mail -- retry <id> | all
       npm run mail -- drop <id>

What the operator does with e-mails that were not sent: in the installation that runs with the data directory
TRIBUTARY_DATA (.tributary), or in the database of DATABASE_URL.

  list    every e-mail that waits, and every dead letter: id, recipient, subject, attempts, when it is tried again,
          what the mail server said
  retry   has a dead letter tried again, or all of them
  drop    forgets a dead letter
`;

type Operation = (outbox: OutboxStore) => Promise<void>;

await runCommand(usage, {}, async ({ positionals }) => {
  const operation = operationFrom(positionals);
  await asOwner(process.env, (db) => operation(new OutboxStore(db)));
});

function operationFrom([name = "", id = ""]: readonly string[]): Operation {
  switch (name) {
    case "list":
      return list;
    case "retry":
      return async (outbox) =>
        told(await outbox.retry(id === "all" ? null : uuid(id)));
    case "drop":
      return async (outbox) => told(await outbox.forget(uuid(id)));
    default:
      throw new StartError(usage.trim());
  }
}

function uuid(id: string): string {
  if (isUuid(id)) return id;
  throw new StartError(`Name a dead letter by its id.\n\n${usage.trim()}`);
}

function told(count: number): void {
  if (count === 0)
    throw new StartError(
      'There is no such dead letter. "npm run mail -- list" shows them.',
    );
  console.log(count === 1 ? "Done." : `Done, for ${count} dead letters.`);
}

async function list(outbox: OutboxStore): Promise<void> {
  const mails = await outbox.unsent();
  if (mails.length === 0) console.log("No e-mail waits.");
  for (const mail of mails)
    console.log(
      [
        mail.id,
        mail.to,
        mail.subject,
        `${mail.attempts} attempts`,
        stateOf(mail),
        oneLine(mail.lastError ?? ""),
      ].join("\t"),
    );
}

function stateOf({ deadAt, dueAt }: ListedMail): string {
  return deadAt === null ? `due ${dueAt}` : `dead since ${deadAt}`;
}
