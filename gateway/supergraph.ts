import { readFileSync } from "node:fs";

/** The supergraph that `npm run compose` wrote. */
export const readSupergraph = () =>
  readFileSync(
    new URL("../schema/supergraph.graphql", import.meta.url),
    "utf8",
  );
