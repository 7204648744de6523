import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import JestRuntime from "jest-runtime";
import { setGlobals } from "./globals.js";

const require = createRequire(import.meta.url);
const eventHandlers = Symbol.for("EVENT_HANDLERS");

/**
 * Jest's own runtime loads all modules anew for each suite, into a context of its own. This one leaves them to Node,
 * which keeps them: the suites that one worker runs share them.
 */
export default class Runtime extends JestRuntime {
  unstable_shouldLoadAsEsm() {
    return true;
  }

  unstable_importModule(path) {
    setGlobals(this.jestGlobals.cjsGlobals(path));
    return import(pathToFileURL(path).href);
  }

  requireModule(from, name = from) {
    return createRequire(from)(name);
  }

  /** The framework, which holds the tests of one suite: each begins with a new one. */
  requireInternalModule(path) {
    delete require.cache[path];
    delete globalThis[eventHandlers];
    return require(path);
  }
}
