import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildSchema, parse, type ASTNode, type NameNode } from "graphql";

/** How one API differs from another, in the words by which the change is acknowledged. */
export interface Change {
  readonly change: string;
  /** The line of the first API that it is about. */
  readonly line: number;
  readonly advice: string;
}

export interface Changes {
  /** Operations that were valid are refused, or answered with what their authors could rule out. */
  readonly breaking: readonly Change[];
  /** Operations stay valid, and may meet what their authors have not thought of. */
  readonly dangerous: readonly Change[];
  readonly harmlessCount: number;
}

/** What turns the API that was promised into the one that is. */
export async function compare(before: string, after: string): Promise<Changes> {
  const changes = await diff(buildSchema(before), buildSchema(after));
  const of = (wanted: CriticalityLevel) =>
    changes
      .filter(({ criticality }) => criticality.level === wanted)
      .map(({ message, path, criticality }) => ({
        change: message,
        line: lineOf(before, path ?? ""),
        advice: criticality.reason ?? "",
      }));
  const breaking = of(CriticalityLevel.Breaking);
  const dangerous = of(CriticalityLevel.Dangerous);
  const harmlessCount = changes.length - breaking.length - dangerous.length;
  return { breaking, dangerous, harmlessCount };
}

/** Where this element is defined, or as much of its path as there is. */
function lineOf(sdl: string, path: string): number {
  let line = 1;
  let inside: readonly ASTNode[] = parse(sdl).definitions;
  for (const name of path.replace("@", "").split(".")) {
    const found = inside.map(named).find((node) => node.name?.value === name);
    if (!found) break;
    line = found.name?.loc?.startToken.line ?? line;
    const { fields = [], values = [], arguments: taken = [] } = found;
    inside = [...fields, ...values, ...taken];
  }
  return line;
}

const named = (node: ASTNode) =>
  node as {
    readonly name?: NameNode;
    readonly fields?: readonly ASTNode[];
    readonly values?: readonly ASTNode[];
    readonly arguments?: readonly ASTNode[];
  };
