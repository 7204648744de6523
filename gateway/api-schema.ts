import { Supergraph } from "@apollo/federation-internals";
import type { GraphQLSchema } from "graphql";

/** What clients see of a supergraph. */
export const apiSchemaOf = (supergraphSdl: string): GraphQLSchema =>
  Supergraph.build(supergraphSdl).apiSchema().toGraphQLJSSchema();
