import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

export interface Running {
  readonly pid: number;
  readonly url: string;
  stop(): Promise<void>;
}

export type Settings = Readonly<Record<string, string>>;

const patienceMs = 60_000;

/** Starts a server of this project on a free port, and waits until it answers. */
export async function startProcess(
  script: string,
  settings: Settings,
): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const address = { HOST: "127.0.0.1", PORT: String(port) };
  const child = spawnScript([script], { ...address, ...settings }, "inherit");
  const running = { pid: child.pid ?? 0, url, stop: () => stop(child) };
  const deadline = Date.now() + patienceMs;
  while (!(await isAnswering(url))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await running.stop();
      throw new Error(`${script} did not start.`);
    }
    await sleep(50);
  }
  return running;
}

/** Runs a command of this project to its end; answers what it said on standard error. */
export async function runScript(
  args: readonly string[],
  settings: Settings,
): Promise<string> {
  const child = spawnScript(args, settings, "pipe");
  const ended = once(child, "exit");
  const said = child.stderr ? await text(child.stderr) : "";
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`${args.join(" ")} failed:\n${said}`);
  return said;
}

/** Nothing of our own environment but what finding programs takes: DATABASE_URL would lead elsewhere. */
const environment = {
  PATH: process.env["PATH"],
  NODE_ENV: "production",
  // Where nobody listens: no benchmark sends mail.
  SMTP_URL: "smtp://127.0.0.1:9",
  MAIL_FROM: "no-reply@bench.example",
  LOG_LEVEL: "error",
  // A few callers ask as fast as they are answered.
  BUDGET_OF_IDENTITY: "1000000000",
  BUDGET_OF_TENANT: "1000000000",
  APOLLO_TELEMETRY_DISABLED: "1",
};

const spawnScript = (
  args: readonly string[],
  settings: Settings,
  stderr: "inherit" | "pipe",
) =>
  spawn(
    process.execPath,
    ["--import", "./common/typescript/register.js", ...args],
    {
      env: { ...environment, ...settings },
      stdio: ["ignore", "ignore", stderr],
    },
  );

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const killer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(killer);
}

/** One that is not ready answers 503; one that knows no `/readyz`, as the stock gateway, answers anything else. */
const isAnswering = (url: string) =>
  fetch(`${url}/readyz`).then(
    ({ status }) => status < 500,
    () => false,
  );

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
