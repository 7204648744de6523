import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../common/database.ts";
import { startEmbeddedPostgres } from "../../common/embedded-postgres/supervisor.ts";
import { createLogger } from "../../common/log.ts";
import { migrate } from "../../migrations/run.ts";

/**
 * The tests' PostgreSQL, in a process of its own: prints its URL when the template is migrated, and goes away with
 * its standard input, so that no killed test run leaves one behind.
 */
const home = await mkdtemp(join(tmpdir(), "tributary-test-"));
// Run as root, the server has an account of its own, which must be able to enter.
await chmod(home, 0o755);
const postgres = await startEmbeddedPostgres({
  directory: join(home, "postgres"),
  log: createLogger("test-database", "error"),
  durable: false,
  maxConnections: 200,
});
await migrate(postgres.url);
const owner = connect(postgres.url, { name: "test-server", poolSize: 1 });
// Tests look at all tables at once, and small ones: starting workers for that takes longer than looking.
await owner.raw(
  "alter role current_user set max_parallel_workers_per_gather = 0",
);
await owner.destroy();
process.stdout.write(`${postgres.url}\n`);

process.stdin.resume();
process.stdin.on("close", () => {
  void postgres
    .stop()
    .then(() => rm(home, { recursive: true, force: true }))
    .finally(() => process.exit());
});
