import { parse } from "graphql";
import { compileQuery, isCompiledQuery } from "graphql-jit";
import { serveOneSchema } from "./serve-one-schema.ts";

/** The same by graphql-jit. */
serveOneSchema((schema, query) => {
  const compiled = compileQuery(schema, parse(query));
  if (!isCompiledQuery(compiled)) throw new Error("graphql-jit refuses it.");
  return (contexts, variables) => compiled.query({}, contexts, variables);
});
