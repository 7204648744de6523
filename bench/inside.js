import { EventEmitter } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { queryObjects, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { isMainThread } from "node:worker_threads";

/* Loaded into a server before anything else: on a signal it writes what it keeps into a file named by its number. A thread of
 * Node 20 that it starts loads it too, and no TypeScript. */

const directory = process.env["KEPT_IN"];
if (isMainThread && directory !== undefined) {
  const warnings = [];
  process.on("warning", ({ name, message }) => {
    // That is `queryObjects`.
    if (name !== "ExperimentalWarning") warnings.push(`${name}: ${message}`);
  });
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc");
  process.on("SIGUSR2", () => {
    // What ends others, as a pool its clients, is found by the second time.
    collect();
    setImmediate(() => {
      collect();
      const file = `${directory}/${process.pid}`;
      writeFileSync(`${file}.new`, JSON.stringify(kept(warnings)));
      renameSync(`${file}.new`, file);
    });
  });
}

function kept(warnings) {
  const resources = {};
  for (const kind of process.getActiveResourcesInfo())
    resources[kind] = (resources[kind] ?? 0) + 1;
  return {
    heapBytes: process.memoryUsage().heapUsed,
    emitters: queryObjects(EventEmitter, { format: "count" }),
    resources,
    warnings,
  };
}
