/** ES modules throughout: jose and oidc-provider exist in no other form. Types are checked by `npm run check`. */
export default {
  testEnvironment: "node",
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { target: "es2022", parser: { syntax: "typescript" } },
        module: { type: "es6" },
      },
    ],
  },
  globalSetup: "<rootDir>/tests/support/global-setup.js",
  globalTeardown: "<rootDir>/tests/support/global-teardown.js",
  testSequencer: "<rootDir>/tests/support/sequencer.js",
  testTimeout: 120_000,
  // The suites share one small PostgreSQL, and the target machine has two cores; the third fills them while a suite
  // waits for processes that start and stop.
  maxWorkers: 3,
};
