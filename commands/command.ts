import { parseArgs, type ParseArgsConfig } from "node:util";
import { ConfigError, StartError } from "../common/config.ts";
import { DomainError } from "../common/errors.ts";
import { isHelpAsked } from "../common/process.ts";

type Options = NonNullable<ParseArgsConfig["options"]>;

type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: T; allowPositionals: true }>
>;

/**
 * Runs an operator's command. `--help` prints its usage; what the operator can mend is told in one sentence,
 * anything else is a bug and keeps its stack. Either way the exit code tells.
 */
export async function runCommand<const T extends Options>(
  usage: string,
  options: T,
  main: (parsed: Parsed<T>) => void | Promise<void>,
): Promise<void> {
  if (isHelpAsked()) {
    console.log(usage.trim());
    return;
  }
  try {
    await main(parse(usage, options, process.argv.slice(2)));
  } catch (error) {
    const mendable =
      error instanceof StartError ||
      error instanceof ConfigError ||
      error instanceof DomainError;
    console.error(mendable ? error.message : error);
    process.exitCode = 1;
  }
}

function parse<const T extends Options>(
  usage: string,
  options: T,
  args: string[],
): Parsed<T> {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new StartError(`${(error as Error).message}\n\n${usage.trim()}`);
  }
}
