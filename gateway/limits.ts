import {
  GraphQLError,
  Kind,
  Lexer,
  parse,
  Source,
  TokenKind,
  type FragmentDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { limitExceeded } from "../common/errors.ts";

/**
 * What a request may ask for, looked at before anything is validated or planned, which take time without a bound.
 * Far above what a front end needs; the size of a page is limited by its list.
 */
export const limits = {
  /** `writeEvents` takes 16 MiB, and something stands around it. */
  bodyBytes: 17 * 2 ** 20,
  characters: 50_000,
  tokens: 5_000,
  depth: 20,
  rootFields: 50,
  aliases: 200,
  fields: 2_000,
} as const;

/** A function that throws for a query beyond a limit. Front ends have few queries: those that passed are remembered. */
export function queryLimits(): (query: string) => void {
  const admitted = new Set<string>();
  return (query) => {
    if (admitted.has(query)) return;
    assertWithinLimits(query);
    if (admitted.size === 1_000) admitted.clear();
    admitted.add(query);
  };
}

function assertWithinLimits(query: string): void {
  const asVariables = "Send values as variables.";
  assertAtMost(
    "characters",
    "characters in a query",
    query.length,
    asVariables,
  );
  try {
    const tokens = countTokens(query);
    assertAtMost("tokens", "tokens in a query", tokens, asVariables);
    for (const { depth, rootFields, aliases, fields } of sizesOf(query)) {
      const inParts = "Ask in several requests.";
      assertAtMost("depth", "fields inside each other", depth, inParts);
      assertAtMost(
        "rootFields",
        "root fields in a request",
        rootFields,
        inParts,
      );
      assertAtMost("aliases", "aliases in a request", aliases, inParts);
      assertAtMost("fields", "fields in a request", fields, inParts);
    }
  } catch (error) {
    // The server tells where the syntax is wrong.
    if (!(error instanceof GraphQLError)) throw error;
  }
}

function assertAtMost(
  limit: keyof typeof limits,
  what: string,
  value: number,
  next: string,
): void {
  if (value > limits[limit])
    throw limitExceeded(what, limits[limit], value, next);
}

function countTokens(query: string): number {
  const lexer = new Lexer(new Source(query));
  let tokens = 0;
  while (lexer.advance().kind !== TokenKind.EOF) tokens += 1;
  return tokens;
}

/** The size of an operation, with its fragments written out. */
interface Size {
  readonly depth: number;
  readonly rootFields: number;
  readonly aliases: number;
  readonly fields: number;
}

const nothing: Size = { depth: 0, rootFields: 0, aliases: 0, fields: 0 };

const beside = (a: Size, b: Size): Size => ({
  depth: Math.max(a.depth, b.depth),
  rootFields: bounded(a.rootFields + b.rootFields),
  aliases: bounded(a.aliases + b.aliases),
  fields: bounded(a.fields + b.fields),
});

/** Fragments in fragments double with every line. */
const bounded = (count: number) => Math.min(count, Number.MAX_SAFE_INTEGER);

function sizesOf(query: string): Size[] {
  const { definitions } = parse(query, { noLocation: true });
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  const sizes = new Map<string, Size>();

  /** Each fragment is measured once, however often it is spread. */
  function ofFragment(name: string): Size {
    const known = sizes.get(name);
    if (known) return known;
    // One that spreads itself counts as nothing there: validation refuses it.
    sizes.set(name, nothing);
    const size = ofSet(fragments.get(name)?.selectionSet);
    sizes.set(name, size);
    return size;
  }

  const ofSet = (set: SelectionSetNode | undefined): Size =>
    (set?.selections ?? []).map(ofSelection).reduce(beside, nothing);

  function ofSelection(selection: SelectionNode): Size {
    if (selection.kind === Kind.FRAGMENT_SPREAD)
      return ofFragment(selection.name.value);
    const inside = ofSet(selection.selectionSet);
    if (selection.kind === Kind.INLINE_FRAGMENT) return inside;
    return {
      depth: inside.depth + 1,
      rootFields: 1,
      aliases: bounded(inside.aliases + (selection.alias ? 1 : 0)),
      fields: bounded(inside.fields + 1),
    };
  }

  return definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? [ofSet(definition.selectionSet)]
      : [],
  );
}
