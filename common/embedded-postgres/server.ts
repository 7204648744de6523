import { totalmem } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Logger } from "../log.ts";
import type { Account } from "./account.ts";
import { spawnAs } from "./process.ts";

/**
 * PostgreSQL under a shell that outlives this process: fd 3 is a pipe that ends when this process closes it or dies, however it dies,
 * and then PostgreSQL is told to stop. The signal is repeated, as one that arrives early in its start is lost.
 */
const guard = `
trap '' HUP INT TERM
"$@" 3<&- &
postgres=$!
{ read -r _ <&3; while kill -INT $postgres; do sleep 1; done; } >/dev/null 2>&1 &
watch=$!
wait $postgres
status=$?
kill -KILL $watch
exit $status
`;

export interface Server {
  /** Settles when PostgreSQL is gone, with its last words. */
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly postgres: string;
  readonly account: Account | undefined;
  readonly directory: string;
  readonly port: number;
  readonly clusterName: string;
  readonly durable: boolean;
  readonly maxConnections: number;
  readonly log: Logger;
}

/** `detached`: the terminal's Ctrl-C is for this process, which finishes its requests first. */
export function startServer(options: ServerOptions): Server {
  const { postgres, account, directory, log } = options;
  const args = ["-D", directory, ...settings(options)];
  const child = spawnAs(
    account,
    "/bin/sh",
    ["-c", guard, "sh", postgres, ...args],
    {
      detached: true,
      stdio: ["ignore", "ignore", "pipe", "pipe"],
    },
  );
  const lastWords = follow(child.stderr as Readable, log);
  const lifeline = child.stdio[3] as Readable;
  lifeline.on("error", () => undefined);
  const exited = new Promise<string>((settle) => {
    child.once("error", (error) => settle(error.message));
    // The rest of the log is on its way; a backend that outlives its postmaster may keep the pipe open.
    child.once("exit", () => {
      setTimeout(() => settle(lastWords()), 1000).unref();
    });
    child.once("close", () => settle(lastWords()));
  });
  return {
    exited,
    async stop() {
      lifeline.destroy();
      await exited;
    },
  };
}

/** Given on the command line, so that they hold whatever the files in the directory say. */
function settings(options: ServerOptions): string[] {
  const values = {
    port: options.port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    cluster_name: options.clusterName,
    max_connections: options.maxConnections,
    shared_buffers: `${sharedBuffersMb(options.durable)}MB`,
    max_wal_size: "4GB",
    timezone: "UTC",
    log_timezone: "UTC",
    // Without time, as our own log has it; refused statements are the application's to report.
    log_line_prefix: "",
    log_min_messages: "log",
    ...(options.durable
      ? {}
      : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  return Object.entries(values).flatMap(([name, value]) => [
    "-c",
    `${name}=${value}`,
  ]);
}

function sharedBuffersMb(durable: boolean): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Infinity);
  return Math.min(Math.floor(memory / 4 / 2 ** 20), durable ? 1024 : 256);
}

/** Passes PostgreSQL's log on; what it returns tells the complaints among the latest lines, or else the last line. */
function follow(stream: Readable, log: Logger): () => string {
  const lines: string[] = [];
  createInterface({ input: stream }).on("line", (line) => {
    log[isComplaint(line) ? "warn" : "debug"](line);
    lines.push(line);
    if (lines.length > 20) lines.shift();
  });
  return () => lines.filter(isComplaint).join(" ") || (lines.at(-1) ?? "");
}

/** All but the ordinary course of starting, working and stopping. */
const isComplaint = (line: string) =>
  /could not|terminated by/.test(line) ||
  !/^LOG: |^FATAL: +(the database system is|terminating)|^DETAIL: +Consistent recovery/.test(
    line,
  );
