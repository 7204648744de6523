import { ERRORS } from "@apollo/federation-internals";
import {
  executeSync,
  GraphQLBoolean,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLString,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  Kind,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type ExecutionResult,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  type GraphQLError,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from "graphql";
import {
  collectFields,
  collectSubfields,
} from "graphql/execution/collectFields.js";
import type { Variables } from "./run.ts";
import { isTree, own, type Tree } from "./tree.ts";

/** An operation of a document, with the fragments of that. */
export interface Operation {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
}

/** What subgraphs have answered, as the client asked for it. */
export type Shape = (tree: Tree, given: Variables) => ExecutionResult<Tree>;

/** Knows every field beforehand; `variables` are those that decide what is skipped and included. */
export function compileAnswer(
  operation: Operation,
  variables: Variables,
): Shape {
  const { schema, fragments, operation: definition } = operation;
  const type = schema.getRootType(definition.operation) as GraphQLObjectType;
  const fields = collectFields(
    schema,
    fragments,
    variables,
    type,
    definition.selectionSet,
  );
  const complete = new Compiler(operation, variables).fieldsOf(type, fields);
  return (tree, given) => {
    const faults: GraphQLError[] = [];
    const data = complete(tree, { given, path: [], faults }) ?? null;
    return {
      data,
      // As the stock gateway has it.
      ...(faults.length > 0 && { extensions: { valueCompletion: faults } }),
    };
  };
}

interface Completion {
  /** The variables as the client sent them. */
  readonly given: Variables;
  readonly path: (string | number)[];
  readonly faults: GraphQLError[];
}

/** A null for which there is a reason that has been told. */
const told = Symbol("told");

/** A value, null, `told`, or undefined for a null that cannot stand there. */
type Complete = (value: unknown, completion: Completion) => unknown;

/** An object, or undefined where it cannot be one. */
type CompleteFields = (tree: Tree, completion: Completion) => Tree | undefined;

type Nodes = readonly FieldNode[];

class Compiler {
  constructor(
    private readonly of: Operation,
    private readonly variables: Variables,
  ) {}

  fieldsOf(
    type: GraphQLCompositeType,
    nodes: ReadonlyMap<string, Nodes>,
  ): CompleteFields {
    const fields = [...nodes].map(([name, of]) => ({
      name,
      isInherited: name in Object.prototype,
      complete: this.field(type, name, of),
    }));
    const isPlain = !nodes.has("__proto__");
    return (tree, completion) => {
      const { path } = completion;
      const object = (isPlain ? {} : Object.create(null)) as Tree;
      for (const { name, isInherited, complete } of fields) {
        path.push(name);
        const value = complete(
          isInherited ? own(tree, name) : tree[name],
          completion,
        );
        path.pop();
        if (value === undefined) return undefined;
        object[name] = value === told ? null : value;
      }
      return object;
    };
  }

  private field(
    type: GraphQLCompositeType,
    responseName: string,
    nodes: Nodes,
  ): Complete {
    const name = nodes[0]?.name.value ?? "";
    switch (name) {
      case TypeNameMetaFieldDef.name:
        return () => (isObjectType(type) ? type.name : undefined);
      case SchemaMetaFieldDef.name:
      case TypeMetaFieldDef.name:
        return this.introspection(responseName, nodes);
    }
    const field = isUnionType(type) ? undefined : type.getFields()[name];
    if (!field) throw new Error(`${type.name} has no field ${name}.`);
    return this.value(field.type, nodes, type);
  }

  private introspection(responseName: string, selections: Nodes): Complete {
    const { schema, operation, fragments } = this.of;
    const document = {
      kind: Kind.DOCUMENT,
      definitions: [
        {
          ...operation,
          selectionSet: { kind: Kind.SELECTION_SET, selections },
        },
        ...Object.values(fragments),
      ],
    } as const;
    return (_value, { given: variableValues }) => {
      const { data } = executeSync({ schema, document, variableValues });
      return data?.[responseName] ?? null;
    };
  }

  private value(
    type: GraphQLOutputType,
    nodes: Nodes,
    parent: GraphQLCompositeType,
  ): Complete {
    if (isNonNullType(type)) return this.nonNull(type.ofType, nodes, parent);
    if (isListType(type)) return this.list(type.ofType, nodes, parent);
    return isLeafType(type)
      ? leaf(type, parent)
      : this.object(type, nodes, parent);
  }

  private nonNull(
    type: GraphQLOutputType,
    nodes: Nodes,
    parent: GraphQLCompositeType,
  ): Complete {
    const complete = this.value(type, nodes, parent);
    return (value, completion) => {
      const completed = complete(value, completion);
      if (completed === null)
        tell(completion, "Cannot return null for non-nullable", type, parent);
      return completed === null || completed === told ? undefined : completed;
    };
  }

  private list(
    type: GraphQLOutputType,
    nodes: Nodes,
    parent: GraphQLCompositeType,
  ): Complete {
    const complete = this.value(type, nodes, parent);
    return (values, completion) => {
      if (values == null) return null;
      if (!Array.isArray(values))
        return tell(completion, "Invalid value found for", type, parent);
      const { path } = completion;
      const completed = values.map((value: unknown, i) => {
        path.push(i);
        const element = complete(value, completion);
        path.pop();
        return element === told ? null : element;
      });
      return completed.includes(undefined) ? told : completed;
    };
  }

  private object(
    declared: GraphQLCompositeType,
    nodes: Nodes,
    parent: GraphQLCompositeType,
  ): Complete {
    const { schema, fragments } = this.of;
    const ofTypes = new Map<unknown, CompleteFields>();
    const fieldsFor = (name: unknown): CompleteFields | undefined => {
      const type = typeof name === "string" ? schema.getType(name) : undefined;
      if (!isCompositeType(type) || !isPossible(schema, declared, type))
        return undefined;
      const collected = collectSubfields(
        schema,
        { ...fragments },
        this.variables,
        // An entity interface stands for its objects where nothing tells them apart.
        type as GraphQLObjectType,
        nodes,
      );
      const complete = this.fieldsOf(type, collected);
      ofTypes.set(name, complete);
      return complete;
    };
    return (value, completion) => {
      if (value == null) return null;
      if (!isTree(value))
        return tell(completion, "Invalid value found for", declared, parent);
      const name = own(value, "__typename") ?? declared.name;
      const complete = ofTypes.get(name) ?? fieldsFor(name);
      if (!complete)
        return tell(
          completion,
          "Invalid __typename found for object at",
          declared,
          parent,
        );
      return complete(value, completion) ?? told;
    };
  }
}

const isPossible = (
  schema: GraphQLSchema,
  declared: GraphQLCompositeType,
  type: GraphQLCompositeType,
) =>
  type === declared ||
  (isAbstractType(declared) &&
    !isUnionType(type) &&
    schema.isSubType(declared, type));

function leaf(type: GraphQLLeafType, parent: GraphQLCompositeType): Complete {
  const isValid = validityOf(type);
  return (value, completion) => {
    if (value == null) return null;
    return isValid(value)
      ? value
      : tell(completion, "Invalid value found for", type, parent);
  };
}

function validityOf(type: GraphQLLeafType): (value: unknown) => boolean {
  if (isEnumType(type))
    return (value) =>
      typeof value === "string" && type.getValue(value) !== undefined;
  switch (type.name) {
    case GraphQLBoolean.name:
      return (value) => typeof value === "boolean";
    case GraphQLInt.name:
      return Number.isInteger;
    case GraphQLFloat.name:
      return Number.isFinite;
    case GraphQLString.name:
      return (value) => typeof value === "string";
    case GraphQLID.name:
      return (value) => typeof value === "string" || Number.isInteger(value);
    default:
      return () => true;
  }
}

/** For the authors of subgraphs: a client has the error that led to it. */
function tell(
  { path, faults }: Completion,
  what: string,
  type: GraphQLOutputType,
  parent: GraphQLCompositeType,
): typeof told {
  const last = path.at(-1);
  const where =
    typeof last === "number"
      ? `array element of type ${String(type)} at index ${last}`
      : `field ${parent.name}.${last}`;
  faults.push(
    ERRORS.INVALID_GRAPHQL.err(`${what} ${where}.`, { path: [...path] }),
  );
  return told;
}
