import {
  getArgumentValues,
  getNamedType,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
} from "graphql";
import { collectSubfields } from "graphql/execution/collectFields.js";
import type { EventTableColumnsArgs } from "../generated.ts";
import type { TableRequest } from "./table.ts";

/** By the variables of a query, and by the nodes of a field, which all objects of a list share. */
const found = new WeakMap<
  GraphQLResolveInfo["variableValues"],
  WeakMap<GraphQLResolveInfo["fieldNodes"], TableRequest>
>();

/** What a query asks of a table, by whatever aliases, fragments and directives; looked for once. */
export function requestOf(info: GraphQLResolveInfo): TableRequest {
  const { variableValues, fieldNodes } = info;
  const ofQuery = found.get(variableValues) ?? new WeakMap();
  found.set(variableValues, ofQuery);
  const request = ofQuery.get(fieldNodes) ?? find(info);
  ofQuery.set(fieldNodes, request);
  return request;
}

function find(info: GraphQLResolveInfo): TableRequest {
  const table = getNamedType(info.returnType) as GraphQLObjectType;
  const fields = new Set<string>();
  const columns: TableRequest["columns"][number][] = [];
  const selected = collectSubfields(
    info.schema,
    info.fragments,
    info.variableValues,
    table,
    info.fieldNodes,
  );
  for (const [node] of selected.values()) {
    const definition = node && table.getFields()[node.name.value];
    if (!definition) continue; // __typename
    fields.add(definition.name);
    if (definition.name !== "columns") continue;
    const { properties }: EventTableColumnsArgs = getArgumentValues(
      definition,
      node,
      info.variableValues,
    );
    columns.push(properties ?? null);
  }
  return {
    timestamps: fields.has("timestamps"),
    endCursor: fields.has("endCursor"),
    values: fields.has("values"),
    columns,
  };
}
