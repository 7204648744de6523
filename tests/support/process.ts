import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

export type Environment = Readonly<Record<string, string>>;

const root = fileURLToPath(new URL("../..", import.meta.url));
const endWithParent = new URL("./end-with-parent.js", import.meta.url).href;

/** What any process needs; nothing else of the environment in which the tests run. */
export const plainEnvironment = Object.fromEntries(
  ["PATH", "HOME", "TMPDIR"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

/** On a busy machine; alone, it takes some seconds. */
const startWithinMs = 100_000;

const running = new Set<Process>();

/** A process of the product, started as its script in package.json starts it. */
export class Process {
  /** All that it has printed. */
  output = "";
  /** The exit code, once it has ended and all of its output is there; null if a signal ended it. */
  readonly ended: Promise<number | null>;
  private readonly child: ChildProcess;
  private hasEnded = false;

  constructor(
    private readonly command: readonly string[],
    environment: Environment,
  ) {
    const node = [
      "--import",
      "./common/typescript/register.js",
      "--import",
      endWithParent,
    ];
    this.child = spawn(process.execPath, [...node, ...command], {
      cwd: root,
      env: { ...plainEnvironment, ...environment },
      stdio: "pipe",
    });
    const read = (chunk: Buffer) => (this.output += chunk.toString());
    this.child.stdout?.on("data", read);
    this.child.stderr?.on("data", read);
    running.add(this);
    this.ended = new Promise((resolve) =>
      this.child.once("close", (code) => {
        this.hasEnded = true;
        running.delete(this);
        resolve(code);
      }),
    );
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** What `look` finds, as soon as it finds something. */
  async until<T>(
    look: () => T | undefined | null | Promise<T | undefined | null>,
    withinMs = startWithinMs,
  ): Promise<T> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const found = await look();
      if (found != null) return found;
      if (this.hasEnded) throw this.failure("has ended");
      if (Date.now() > deadline) throw this.failure("takes too long");
      await sleep(50);
    }
  }

  /** The first match in what it has printed, or prints soon. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return this.until(() => pattern.exec(this.output));
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Asks it to stop, and sees to it that it does. Answers its exit code. */
  async stop(withinMs = 20_000): Promise<number | null> {
    this.signal("SIGTERM");
    const deadline = setTimeout(() => this.signal("SIGKILL"), withinMs);
    const code = await this.ended;
    clearTimeout(deadline);
    return code;
  }

  private failure(what: string): Error {
    return new Error(`${this.command.join(" ")} ${what}:\n${this.output}`);
  }
}

/** Runs a command to its end. */
export async function run(
  command: readonly string[],
  environment: Environment,
  withinMs = startWithinMs,
): Promise<{ code: number | null; output: string }> {
  const process = new Process(command, environment);
  const deadline = setTimeout(() => process.signal("SIGKILL"), withinMs);
  const code = await process.ended;
  clearTimeout(deadline);
  return { code, output: process.output };
}

/** Stops what this test file has started and not stopped, the last start first. */
export async function stopAll(): Promise<void> {
  for (const process of [...running].reverse()) await process.stop();
}

const portsPerWorker = 1000;
let nextPort = Math.floor(Math.random() * portsPerWorker);

/**
 * A port of loopback where nobody listens, never handed out twice to tests that run at a time, and below those that
 * systems hand out for outgoing connections, so that it is still free when a process comes to listen there.
 */
export async function freePort(): Promise<number> {
  const worker = Number(process.env["JEST_WORKER_ID"] ?? 1);
  const first = 20_000 + (worker % 12) * portsPerWorker;
  for (;;) {
    const port = first + (nextPort++ % portsPerWorker);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Whether the server says that it can serve. */
export async function isReady(url: string): Promise<true | null> {
  const response = await fetch(new URL("/readyz", url)).catch(() => null);
  await response?.body?.cancel();
  return response?.ok ? true : null;
}
