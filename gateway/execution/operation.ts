import {
  getVariableValues,
  GraphQLError,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  OperationTypeNode,
  visit,
  type ASTNode,
} from "graphql";
import { badInput } from "../../common/errors.ts";
import { compileAnswer, type Operation, type Shape } from "./answer.ts";
import type { Execute, Run, Step, Variables } from "./run.ts";
import type { Tree } from "./tree.ts";

/** Whoever has many conditions does not vary all of them. */
const maxShapes = 32;

/** Executes an operation by what was compiled of its plan. */
export function compileOperation(
  operation: Operation,
  fetchAll: Step,
): Execute {
  const { schema, operation: definition } = operation;
  const { variableDefinitions = [] } = definition;
  const isQuery = definition.operation === OperationTypeNode.QUERY;
  const conditions = conditionsIn(operation);
  const shapes = new Map<string, Shape>();

  /** One for each choice of what is skipped and included. */
  function shapeFor(choice: string, variables: Variables): Shape {
    let shape = shapes.get(choice);
    if (!shape) {
      shape = compileAnswer(operation, variables);
      if (shapes.size === maxShapes) shapes.clear();
      shapes.set(choice, shape);
    }
    return shape;
  }

  return async (request) => {
    const given: Variables = request.request.variables ?? {};
    const { errors: faults, coerced: variables } = getVariableValues(
      schema,
      variableDefinitions,
      given,
    );
    if (faults) return { errors: faults };
    const choice = conditions.map((name) => variables[name]);
    const undecided = choice.findIndex((value) => typeof value !== "boolean");
    if (undecided !== -1)
      return { errors: [nullCondition(conditions[undecided])] };
    const shape = shapeFor(choice.join(), variables);
    const run: Run = {
      request,
      variables,
      tree: Object.create(null) as Tree,
      errors: [],
      entities: isQuery ? new Map() : undefined,
    };
    await fetchAll(run);
    const answer = shape(run.tree, given);
    const { errors } = run;
    return errors.length > 0 ? { data: answer.data ?? null, errors } : answer;
  };
}

const deciding = new Set([
  GraphQLSkipDirective.name,
  GraphQLIncludeDirective.name,
]);

/** The variables that decide what is skipped and included. */
function conditionsIn({ operation, fragments }: Operation): string[] {
  const names = new Set<string>();
  const looked = new Set<string>();
  const look = (node: ASTNode): void => {
    visit(node, {
      Directive: (directive) => {
        if (deciding.has(directive.name.value))
          visit(directive, {
            Variable: ({ name }) => void names.add(name.value),
          });
      },
      FragmentSpread: ({ name }) => {
        const fragment = fragments[name.value];
        if (!fragment || looked.has(name.value)) return;
        looked.add(name.value);
        look(fragment);
      },
    });
  };
  look(operation);
  return [...names];
}

function nullCondition(name = ""): GraphQLError {
  const { message, extensions } = badInput(
    `Give $${name} true or false: a directive needs it.`,
  );
  return new GraphQLError(message, { extensions: { ...extensions } });
}
