import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Starts one PostgreSQL with one migrated template for the whole run; each test file clones it. */
export default async function globalSetup() {
  const script = fileURLToPath(
    new URL("./database-server.ts", import.meta.url),
  );
  const server = spawn(
    process.execPath,
    ["--import", "./common/typescript/register.js", script],
    {
      env: { ...process.env, NODE_OPTIONS: "" },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  process.env["TRIBUTARY_TEST_DATABASE"] = await new Promise(
    (resolve, reject) => {
      server.stdout.once("data", (url) => resolve(String(url).trim()));
      server.once("exit", (code) =>
        reject(new Error(`The tests' PostgreSQL ended with code ${code}.`)),
      );
    },
  );
  globalThis.tributaryTestDatabase = server;
}
