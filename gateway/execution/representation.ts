import {
  applyRewrites,
  isObjectOfType,
} from "@apollo/gateway/dist/dataRewrites.js";
import type { FetchNode, QueryPlanSelectionNode } from "@apollo/query-planner";
import { Kind, type GraphQLSchema } from "graphql";
import { isTree, merge, own, type Tree } from "./tree.ts";

/** What a subgraph is to be told of an object, or null of one that it does not know. */
export type Represent = (object: Tree) => Tree | null;

export function compileRepresentation(
  { requires = [], inputRewrites }: FetchNode,
  supergraph: GraphQLSchema,
): Represent {
  const select = compileSelections(requires, supergraph);
  return (object) => {
    const representation = select(object);
    if (!representation || !own(representation, "__typename")) return null;
    applyRewrites(supergraph, inputRewrites, representation);
    return representation;
  };
}

type Select = (object: Tree) => Tree | null;
/** Adds its part, or answers that the object lacks something. */
type SelectPart = (object: Tree, into: Tree) => boolean;

function compileSelections(
  selections: readonly QueryPlanSelectionNode[],
  supergraph: GraphQLSchema,
): Select {
  const parts = selections.flatMap((selection) =>
    compileSelection(selection, supergraph),
  );
  return (object) => {
    const selected = Object.create(null) as Tree;
    return parts.every((part) => part(object, selected)) ? selected : null;
  };
}

function compileSelection(
  selection: QueryPlanSelectionNode,
  supergraph: GraphQLSchema,
): SelectPart[] {
  if (selection.kind === Kind.INLINE_FRAGMENT) {
    const { typeCondition, selections } = selection;
    if (typeCondition === undefined) return [];
    const select = compileSelections(selections, supergraph);
    return [
      (object, into) => {
        if (isObjectOfType(supergraph, object, typeCondition))
          merge(into, select(object) ?? {});
        return true;
      },
    ];
  }
  const name = selection.alias ?? selection.name;
  const select =
    selection.selections && compileSelections(selection.selections, supergraph);
  const partOf = (value: unknown): unknown => {
    if (!select) return value;
    if (Array.isArray(value)) return value.map(partOf);
    return isTree(value) ? select(value) : null;
  };
  return [
    (object, into) => {
      const value = own(object, name);
      if (value === undefined) return false;
      into[name] = partOf(value);
      return true;
    },
  ];
}
