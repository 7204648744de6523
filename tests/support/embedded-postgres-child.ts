import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";

/** A process with an embedded PostgreSQL that works for a while after it has been told to stop, as one that finishes its requests. */
const say = (word: string) => process.stdout.write(`${word}\n`);

try {
  const postgres = await startEmbeddedPostgres({
    directory: process.argv[2] ?? "",
    log: createLogger("child", "silent"),
    durable: false,
  });
  const drain = async () => {
    await sleep(500);
    const client = new Client(postgres.url);
    await client.connect();
    await client.query("select 1");
    await client.end();
    say("drained");
    await postgres.stop();
    say("stopped");
  };
  for (const signal of ["SIGINT", "SIGTERM"])
    process.once(signal, () => void drain());
  say(postgres.url);
} catch (error) {
  say(String(error));
}
