import tseslint from "typescript-eslint";
import { importDirection } from "./lint/import-direction.js";

const namedExportsOnly = {
  selector: "ExportDefaultDeclaration",
  message:
    "Export by name: the name says what the thing is wherever it is used.",
};

/** How statements begin, in the lower case of this project or in capitals; a sentence that begins with "Select" is none. */
const statement = [
  "select",
  "insert into",
  "update \\S+ set",
  "delete from",
  "merge into",
  "with (recursive )?\\w+ as",
  "copy .+ (from|to)",
  "(create|alter|drop|lock|truncate) (table|schema|role|view|function|index)",
  "set (local|session)",
  "(SELECT|INSERT|UPDATE|DELETE|WITH|COPY|CREATE|ALTER|DROP)",
].join("|");

const table =
  "(tenant|community|stream|issuer|ledger|mail)\\.[a-z_]+( as \\w+)?";

const noSql = [
  "CallExpression[callee.property.name=/^(raw|\\w+Raw)$/]",
  `Literal[value=/^\\s*(${statement})\\s/]`,
  `TemplateElement:first-child[value.raw=/^\\s*(${statement})\\s/]`,
  `CallExpression > Literal.arguments[value=/^${table}$/]`,
].map((selector) => ({
  selector,
  message: "SQL and the names of tables belong in a store or a migration.",
}));

const environment =
  "The environment is read in main.ts and handed on as a typed value.";

/** How events are kept, everybody else asks the event store. */
const noEvents = ["TemplateElement", "Literal"].map((node) => ({
  selector: `${node}[value${node === "Literal" ? "" : ".raw"}=/\\bstream\\.(events|latest)\\b/]`,
  message: "Events are read and changed by subgraphs/stream/event alone.",
}));

const noGraphql = {
  group: ["graphql", "graphql-*", "@apollo/*"],
  message: "A store knows tables and nothing of GraphQL.",
};

const restrictedImports = [
  { name: "node:process", importNames: ["env"], message: environment },
  { name: "process", importNames: ["env"], message: environment },
];

export default tseslint.config(
  { ignores: ["**/generated.ts", "coverage/", ".tributary/"] },
  // An exception is made in this file, where its reason can be read.
  { linterOptions: { noInlineConfig: true } },
  tseslint.configs.recommended,
  {
    plugins: { tributary: { rules: { "import-direction": importDirection } } },
    rules: {
      "tributary/import-direction": "error",
      "no-restricted-syntax": ["error", namedExportsOnly, ...noSql],
      "no-restricted-imports": ["error", { paths: restrictedImports }],
      "no-restricted-properties": [
        "error",
        { object: "process", property: "env", message: environment },
      ],
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  {
    files: ["**/*.ts"],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // A statement of knex is a thenable: one that nobody awaits never runs. A line that only extends one is no such
      // case; it is known by the name of the method and of its type.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          checkThenables: true,
          allowForKnownSafeCalls: [
            {
              from: "package",
              package: "knex",
              name: ["where", "Where", "whereRaw", "WhereRaw", "limit"],
            },
          ],
        },
      ],
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/return-await": ["error", "in-try-catch"],
      "@typescript-eslint/only-throw-error": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  {
    files: [
      "**/*store.ts",
      "issuer/*-adapter.ts",
      "migrations/**",
      "common/database.ts",
      "common/embedded-postgres/**",
      // How every list is paged, for the stores.
      "common/page.ts",
      "common/nested-list.ts",
      "bench/**",
      "tests/**",
    ],
    rules: { "no-restricted-syntax": ["error", namedExportsOnly] },
  },
  {
    files: ["subgraphs/**/*store.ts"],
    ignores: ["subgraphs/stream/event/**"],
    rules: {
      "no-restricted-syntax": ["error", namedExportsOnly, ...noEvents],
    },
  },
  {
    files: ["**/*store.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: restrictedImports,
          patterns: [noGraphql],
        },
      ],
    },
  },
  {
    // The event store: all of its folder but what stands between it and the graph.
    files: ["subgraphs/stream/event/*.ts", "subgraphs/stream/event/filter/*"],
    ignores: [
      "**/{actions,columns,permissions,removal,resolvers,table-request}.ts",
    ],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          paths: restrictedImports,
          patterns: [
            noGraphql,
            {
              group: ["**/generated.ts"],
              message: "What the event store is asked is in asked.ts.",
            },
          ],
        },
      ],
    },
  },
  {
    // Where the environment comes in: each command is the main of its process, a benchmark and the tests' support
    // start processes and hand it on.
    files: ["**/main.ts", "commands/*.ts", "bench/**", "tests/support/**"],
    rules: {
      "no-restricted-imports": "off",
      "no-restricted-properties": "off",
    },
  },
  {
    // Jest and ESLint ask for a default export.
    files: ["*.config.js", "tests/support/{global-*,sequencer,jest/*}.js"],
    rules: {
      "no-restricted-syntax": "off",
      "no-restricted-properties": "off",
    },
  },
);
