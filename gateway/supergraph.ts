import { readFileSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Logger } from "../common/log.ts";

/** The supergraph that `npm run compose` wrote. */
export const ownSupergraph = fileURLToPath(
  new URL("../schema/supergraph.graphql", import.meta.url),
);

export const readSupergraph = (path = ownSupergraph) =>
  readFileSync(path, "utf8");

/** A file that is written anew changes several times. */
const settlesAfterMs = 250;

/**
 * Serves what stands in the file whenever that changes, and on SIGHUP. What cannot be read or served is logged, and what is
 * served stays. Answers how to stop it.
 */
export function followSupergraph(
  path: string,
  serve: (supergraphSdl: string) => Promise<void>,
  log: Logger,
): () => void {
  let served = readSupergraph(path);
  const reload = async (): Promise<void> => {
    try {
      const supergraphSdl = readSupergraph(path);
      if (supergraphSdl === served) return;
      await serve(supergraphSdl);
      served = supergraphSdl;
      log.info({ path }, "another supergraph is served");
    } catch (err) {
      log.error({ err, path }, "the supergraph stays as it was");
    }
  };
  let settled: NodeJS.Timeout | undefined;
  const soon = () => {
    clearTimeout(settled);
    settled = setTimeout(() => void reload(), settlesAfterMs);
  };
  // Its directory, for a file that another takes the place of is no longer the one that is watched.
  const watcher = watch(dirname(path), (_event, name) => {
    if (name === null || name === basename(path)) soon();
  });
  watcher.on("error", (err) => log.error({ err, path }, "no longer watched"));
  process.on("SIGHUP", soon);
  return () => {
    clearTimeout(settled);
    watcher.close();
    process.off("SIGHUP", soon);
  };
}
