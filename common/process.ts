import { ConfigError, StartError } from "./config.ts";

/** Registers how to undo what was just started; undone in the opposite order. */
export type OnStop = (stop: () => unknown) => void;

/** Whether whoever calls this process wants to know how it is used. */
export const isHelpAsked = () =>
  process.argv.slice(2).some((word) => word === "--help" || word === "-h");

/**
 * Runs a process from `start` until SIGTERM or SIGINT, then stops what `start` registered. A second signal ends it at
 * once. When the start fails, what had been started is stopped too, and the operator is told in one sentence. Asked for
 * help, a process that has a usage of its own prints it instead.
 */
export async function runProcess(
  start: (onStop: OnStop) => Promise<void>,
  usage?: string,
): Promise<void> {
  if (usage !== undefined && isHelpAsked()) {
    console.log(usage.trim());
    return;
  }
  const stops: (() => unknown)[] = [];
  const started = start((stop) => stops.unshift(stop));
  let isStopping = false;
  const onSignal = () => {
    if (isStopping) process.exit(1);
    isStopping = true;
    // A start that fails is told below.
    void started.then(() => finish(stops, 0)).catch(() => undefined);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  try {
    await started;
  } catch (error) {
    const mendable =
      error instanceof StartError || error instanceof ConfigError;
    console.error(mendable ? error.message : error);
    await finish(stops, 1);
  }
}

async function finish(
  stops: readonly (() => unknown)[],
  exitCode: number,
): Promise<void> {
  let code = exitCode;
  for (const stop of stops)
    try {
      await stop();
    } catch (error) {
      console.error(error);
      code = 1;
    }
  process.exit(code);
}
