import { execute, parse, type DocumentNode } from "graphql";
import { serveOneSchema } from "./serve-one-schema.ts";

/** graphql's own executor behind node:http: a query is parsed once and not validated. */
serveOneSchema((schema, query) => {
  const document: DocumentNode = parse(query);
  return (contextValue, variableValues) =>
    execute({ schema, document, contextValue, variableValues });
});
