/**
 * Node loads what the suites import, once in each worker (docs/decisions/tests.md). Types are checked by
 * `npm run check`.
 */
export default {
  runtime: "<rootDir>/tests/support/jest/runtime.js",
  testEnvironment: "<rootDir>/tests/support/jest/environment.js",
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  transform: {},
  injectGlobals: false,
  globalSetup: "<rootDir>/tests/support/global-setup.js",
  globalTeardown: "<rootDir>/tests/support/global-teardown.js",
  testSequencer: "<rootDir>/tests/support/sequencer.js",
  testTimeout: 120_000,
  // The suites share one small PostgreSQL, and the target machine has two cores; the third fills them while a suite
  // waits for processes that start and stop.
  maxWorkers: 3,
};
