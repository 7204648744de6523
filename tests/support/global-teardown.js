/** Ends the PostgreSQL that the global set-up started, and waits until it is gone. */
export default async function globalTeardown() {
  const server = globalThis.tributaryTestDatabase;
  const gone = new Promise((resolve) => server.once("exit", resolve));
  server.stdin.end();
  await gone;
}
