const globals = new URL("./globals.js", import.meta.url).href;

/** Outside of Jest's own runtime, its package refuses to be imported. */
export const resolve = (specifier, context, next) =>
  specifier === "@jest/globals"
    ? { url: globals, shortCircuit: true }
    : next(specifier, context);
