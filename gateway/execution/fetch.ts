import { GraphQLDataSourceRequestKind } from "@apollo/gateway/dist/datasources/types.js";
import { applyRewrites } from "@apollo/gateway/dist/dataRewrites.js";
import type { FetchNode } from "@apollo/query-planner";
import {
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from "graphql";
import type { DataSource, FetchAnswer } from "../data-source.ts";
import { askOnce, knownOf, type Asked } from "./entities.ts";
import { compileRepresentation } from "./representation.ts";
import type { Run, Step, Variables } from "./run.ts";
import {
  copyOf,
  isTree,
  merge,
  own,
  visit,
  type PlanPath,
  type Trail,
  type Tree,
} from "./tree.ts";

export interface Ways {
  readonly supergraphSchema: GraphQLSchema;
  readonly dataSources: Readonly<Record<string, DataSource>>;
}

/** One question to one subgraph: fields of the root, or of the entities at a path. */
export function compileFetch(
  node: FetchNode,
  path: PlanPath,
  ways: Ways,
): Step {
  const fetch = node.requires
    ? compileEntityFetch(node, path, ways)
    : compileRootFetch(node, path, ways);
  return async (run) => {
    try {
      await fetch(run);
    } catch (error) {
      const { message } = error as Error;
      run.errors.push(
        new GraphQLError(message, { originalError: error as Error }),
      );
    }
  };
}

function compileRootFetch(
  node: FetchNode,
  path: PlanPath,
  { supergraphSchema, dataSources }: Ways,
): Step {
  const ask = compileQuestion(node, path, dataSources);
  return async (run) => {
    const { data, errors = [] } = await ask(run, usedVariables(node, run));
    tell(
      run,
      errors.map((error) =>
        errorAt(error, error.path && [...path, ...error.path], node),
      ),
    );
    if (!isTree(data)) return;
    applyRewrites(supergraphSchema, node.outputRewrites, data);
    merge(run.tree, data);
  };
}

function compileEntityFetch(
  node: FetchNode,
  path: PlanPath,
  { supergraphSchema, dataSources }: Ways,
): Step {
  const ask = compileQuestion(node, path, dataSources);
  const represent = compileRepresentation(node, supergraphSchema);
  // Without the operation's name, in which the planner counts fetches.
  const selection = `${node.serviceName} ${node.operation.slice(node.operation.indexOf("("))}`;

  return async (run) => {
    const places: Tree[] = [];
    const representations: Tree[] = [];
    visit(run.tree, path, (tree) => {
      const representation = represent(tree);
      if (!representation) return;
      places.push(tree);
      representations.push(representation);
    });
    if (places.length === 0) return;
    const variables = usedVariables(node, run);
    const known = knownOf(
      run.entities,
      `${selection} ${JSON.stringify(variables)}`,
    );
    const asked = askOnce(representations, known, (unknown) =>
      ask(run, { ...variables, representations: unknown }),
    );
    const answers = await Promise.all(asked.map(({ answer }) => answer));
    if (answers.some(({ errors }) => errors))
      tell(run, errorsOf(asked, answers, trailsTo(places, run, path), node));
    for (const [i, place] of places.entries()) {
      const entity = entityAt(asked[i], answers[i]);
      if (!isTree(entity)) continue;
      if (node.outputRewrites) {
        entity["__typename"] ??= place["__typename"];
        applyRewrites(supergraphSchema, node.outputRewrites, entity);
      }
      merge(place, entity);
    }
  };
}

/** An answer tells so many errors; what more there are stand for the same few reasons. */
const maxErrors = 1_000;

function tell({ errors }: Run, more: Iterable<GraphQLError>): void {
  for (const error of more) {
    if (errors.length >= maxErrors) return;
    errors.push(error);
  }
}

type Question = (run: Run, variables: Variables) => Promise<FetchAnswer>;

function compileQuestion(
  { serviceName, operation, operationName, operationDocumentNode }: FetchNode,
  path: PlanPath,
  dataSources: Ways["dataSources"],
): Question {
  const dataSource = dataSources[serviceName];
  if (!dataSource) throw new Error(`No way leads to subgraph ${serviceName}.`);
  return async ({ request }, variables) =>
    dataSource.process({
      kind: GraphQLDataSourceRequestKind.INCOMING_OPERATION,
      request: {
        query: operation,
        variables,
        ...(operationName !== undefined && { operationName }),
      },
      incomingRequestContext: request,
      context: request.context,
      ...(operationDocumentNode && { document: operationDocumentNode }),
      pathInIncomingRequest: [...path],
    });
}

/** As the client sent them: subgraphs have the same defaults. */
function usedVariables(
  { variableUsages = [] }: FetchNode,
  { request }: Run,
): Variables {
  const given = request.request.variables ?? {};
  const used = Object.create(null) as Tree;
  for (const name of variableUsages) {
    const value = own(given, name);
    if (value !== undefined) used[name] = value;
  }
  return used;
}

function entityAt(
  asked: Asked | undefined,
  answer: FetchAnswer | undefined,
): unknown {
  const entities: unknown = answer?.data?.["_entities"];
  if (!asked || !Array.isArray(entities)) return null;
  return copyOf(entities[asked.index]);
}

/** Those of an entity at each place where it stands; what is wrong with all of them at the first. */
function* errorsOf(
  asked: readonly Asked[],
  answers: readonly FetchAnswer[],
  trails: readonly Trail[],
  node: FetchNode,
): Generator<GraphQLError> {
  const byEntity = new Map(
    [...new Set(answers)].map((answer) => [answer, errorsByEntity(answer)]),
  );
  for (const errors of byEntity.values())
    for (const error of errors.get(undefined) ?? [])
      yield errorAt(error, trails[0], node);
  for (const [i, answer] of answers.entries())
    for (const error of byEntity.get(answer)?.get(asked[i]?.index) ?? []) {
      const below = error.path?.slice(2) ?? [];
      yield errorAt(error, [...(trails[i] ?? []), ...below], node);
    }
}

function errorsByEntity({
  errors = [],
}: FetchAnswer): Map<number | undefined, GraphQLFormattedError[]> {
  const byEntity = new Map<number | undefined, GraphQLFormattedError[]>();
  for (const error of errors) {
    const index = indexOf(error);
    const others = byEntity.get(index) ?? [];
    others.push(error);
    byEntity.set(index, others);
  }
  return byEntity;
}

/** Which of the entities that were asked for an error is about. */
function indexOf({ path }: GraphQLFormattedError): number | undefined {
  const [root, index] = path ?? [];
  return root === "_entities" && typeof index === "number" ? index : undefined;
}

function trailsTo(places: readonly Tree[], run: Run, path: PlanPath): Trail[] {
  const trails = new Map<Tree, Trail>();
  visit(run.tree, path, (tree, trail) => trails.set(tree, [...trail]));
  return places.map((place) => trails.get(place) ?? []);
}

/** As the stock gateway has it. */
const errorAt = (
  error: GraphQLFormattedError,
  path: Trail | undefined,
  { serviceName }: FetchNode,
): GraphQLError =>
  new GraphQLError(error.message, {
    path,
    originalError: error as Error & GraphQLFormattedError,
    extensions: {
      code: "DOWNSTREAM_SERVICE_ERROR",
      ...error.extensions,
      serviceName,
    },
  });
