/** What `@jest/globals` is to all modules: the framework of the suite that runs now. */
export let afterAll, afterEach, beforeAll, beforeEach;
export let describe, expect, jest, test;

export function setGlobals(globals) {
  ({ afterAll, afterEach, beforeAll, beforeEach } = globals);
  ({ describe, expect, jest, test } = globals);
}
