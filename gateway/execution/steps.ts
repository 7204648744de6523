import type { PlanNode, QueryPlan } from "@apollo/query-planner";
import { compileFetch, type Ways } from "./fetch.ts";
import type { Step } from "./run.ts";
import type { PlanPath } from "./tree.ts";

/** A plan's fetches in their order, or undefined if it has nodes that are none of these. */
export function compilePlan({ node }: QueryPlan, ways: Ways): Step | undefined {
  if (!node) return () => Promise.resolve();
  return node.kind === "Subscription" ? undefined : compileNode(node, [], ways);
}

function compileNode(
  node: PlanNode,
  path: PlanPath,
  ways: Ways,
): Step | undefined {
  switch (node.kind) {
    case "Fetch":
      return node.contextRewrites ? undefined : compileFetch(node, path, ways);
    case "Flatten": {
      const below = node.path.map(String);
      return compileNode(node.node, [...path, ...below], ways);
    }
    case "Sequence": {
      const steps = compileNodes(node.nodes, path, ways);
      return (
        steps &&
        (async (run) => {
          for (const step of steps) await step(run);
        })
      );
    }
    case "Parallel": {
      const steps = compileNodes(node.nodes, path, ways);
      return (
        steps &&
        (async (run) => {
          await Promise.all(steps.map((step) => step(run)));
        })
      );
    }
    case "Condition": {
      const { condition, ifClause, elseClause } = node;
      const [then, otherwise] = [ifClause, elseClause].map((clause) =>
        clause ? compileNode(clause, path, ways) : () => Promise.resolve(),
      );
      return (
        then &&
        otherwise &&
        ((run) => (run.variables[condition] === true ? then : otherwise)(run))
      );
    }
    case "Defer":
    default:
      return undefined;
  }
}

function compileNodes(
  nodes: readonly PlanNode[],
  path: PlanPath,
  ways: Ways,
): Step[] | undefined {
  const steps = nodes.map((node) => compileNode(node, path, ways));
  return steps.every((step) => step !== undefined) ? steps : undefined;
}
