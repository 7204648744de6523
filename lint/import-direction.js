import { posix, relative, sep } from "node:path";

const product = [
  "commands",
  "common",
  "gateway",
  "installation",
  "issuer",
  "mail",
  "migrations",
  "notices",
  "subgraphs",
];

/** What each folder may import from besides itself; a file named here wins over its folder. */
const folders = {
  common: [],
  migrations: ["common"],
  issuer: ["common"],
  notices: ["common"],
  mail: ["common", "notices"],
  subgraphs: ["common", "notices"],
  gateway: ["common"],
  "gateway/main.ts": ["common", "issuer", "mail", "subgraphs"],
  // The composition root of the installation in one process.
  installation: product,
  commands: product,
  bench: product,
  lint: [],
  tests: [...product, "bench", "lint"],
};

/**
 * What each kind of file in a subgraph may import of the same subgraph; the generated types are open to all.
 * "assembly" is what stands beside main.ts, "part" any file of a concept without a role of its own.
 */
const roles = {
  main: ["assembly", "store"],
  assembly: [
    "assembly",
    "resolvers",
    "handlers",
    "permissions",
    "store",
    "part",
  ],
  resolvers: ["actions", "store", "part"],
  handlers: ["actions", "store", "part"],
  permissions: ["permissions", "store", "part"],
  actions: ["actions", "store", "part"],
  store: ["store", "part"],
  part: ["part"],
};

/** These name the context and the settings that they are given, by `import type`. */
const knowsContext = ["resolvers", "handlers", "permissions", "actions"];

/** A concept keeps these to itself: its neighbours call its store. */
const ownToConcept = ["resolvers", "handlers", "actions"];

/** Why the file `from` may not import the file `to`, or undefined if it may. Paths start at the project's root. */
export function refusal(from, to, typesOnly) {
  const [source] = from.split("/");
  const [target] = to.split("/");
  if (source === "subgraphs" && target === "subgraphs")
    return refusalInSubgraphs(place(from), place(to), typesOnly);
  const open = folders[from] ?? folders[source];
  if (!open || source === target || open.includes(target)) return undefined;
  const allowed = ["itself", ...open].join(", ");
  return `${source} may import from ${allowed}; not from ${target}.`;
}

function refusalInSubgraphs(from, to, typesOnly) {
  if (from.subgraph !== to.subgraph)
    return "Subgraphs never import each other: they meet in the schema by @key.";
  if (to.role === "generated") return undefined;
  if (to.role === "assembly" && typesOnly && knowsContext.includes(from.role))
    return undefined;
  const open = roles[from.role] ?? [];
  if (!open.includes(to.role))
    return `${from.role} may import from ${open.join(", ")}; not from ${to.role}.`;
  if (
    from.concept &&
    from.concept !== to.concept &&
    ownToConcept.includes(to.role)
  )
    return `The ${to.role} of ${to.concept} are its own; call its store.`;
  return undefined;
}

function place(path) {
  const [, subgraph, ...rest] = path.split("/");
  const file = rest.at(-1).replace(/\.ts$/, "");
  if (rest.length === 1)
    return {
      subgraph,
      role: ["main", "generated"].includes(file) ? file : "assembly",
    };
  const [role = "part"] =
    /(store|actions|^resolvers|^handlers|^permissions)$/.exec(file) ?? [];
  return { subgraph, concept: rest[0], role };
}

/** Who may import whom: main -> schema, context -> concept -> common, never back. */
export const importDirection = {
  meta: { type: "problem", schema: [] },
  create(context) {
    const file = relative(context.cwd, context.filename).replaceAll(sep, "/");

    function check(node) {
      const specifier = node.source?.value;
      if (typeof specifier !== "string" || !specifier.startsWith(".")) return;
      const target = posix.join(posix.dirname(file), specifier);
      const message = refusal(file, target, isTypesOnly(node));
      if (message) context.report({ node: node.source, message });
    }

    return {
      ImportDeclaration: check,
      ImportExpression: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
    };
  },
};

const isTypesOnly = (node) =>
  (node.importKind ?? node.exportKind) === "type" ||
  (node.specifiers?.length > 0 &&
    node.specifiers.every(
      (specifier) => (specifier.importKind ?? specifier.exportKind) === "type",
    ));
