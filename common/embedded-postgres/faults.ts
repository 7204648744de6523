import { StartError } from "../config.ts";

const elsewhere =
  "or set TRIBUTARY_DATA to another directory, or DATABASE_URL to a PostgreSQL of your own";

/** What the operator can do about a failure, told by the words of the operating system or of PostgreSQL. */
export function startError(directory: string, cause: unknown): StartError {
  if (cause instanceof StartError) return cause;
  const words = cause instanceof Error ? cause.message : String(cause);
  if (/no space left on device|quota exceeded/i.test(words))
    return new StartError(
      `The disk that holds ${directory} is full. Free some space on it, ${elsewhere}. (${words})`,
    );
  if (/read-only file system/i.test(words))
    return new StartError(
      `${directory} lies on a read-only file system. Make it writable, ${elsewhere}. (${words})`,
    );
  if (/permission denied|not permitted/i.test(words))
    return new StartError(
      `This account may not read and write ${directory} and what lies beside it. Start as the account that owns it, ${elsewhere}. (${words})`,
    );
  return new StartError(
    `PostgreSQL cannot start in ${directory} (${words}). Mend that, ${elsewhere}.`,
  );
}
