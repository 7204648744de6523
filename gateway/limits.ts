import {
  GraphQLError,
  Kind,
  Lexer,
  parse,
  Source,
  TokenKind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { badInput, limitExceeded, unauthenticated } from "../common/errors.ts";
import { assertBytes } from "../common/graphql-server.ts";
import type { Viewer } from "../common/viewer.ts";

/**
 * What a request may ask for, looked at before anything is validated or planned, which take time without a bound.
 * Far above what a front end needs; the size of a page is limited by its list.
 */
export const limits = {
  /** `writeEvents` takes 16 MiB, and something stands around it. */
  bodyBytes: 17 * 2 ** 20,
  /** Who is not signed in may have the schema described, and has nothing to send. */
  anonymousBodyBytes: 64 * 2 ** 10,
  characters: 50_000,
  tokens: 5_000,
  depth: 20,
  rootFields: 50,
  aliases: 200,
  fields: 2_000,
} as const;

/** Throws for a body that is too long for this caller: nothing long is kept for somebody unknown. */
export function admitBytes(bytes: number, viewer: Viewer): void {
  if (isNobody(viewer) && bytes > limits.anonymousBodyBytes)
    throw unauthenticated();
  assertBytes(bytes, limits.bodyBytes);
}

const isNobody = ({ identityId, person }: Viewer) =>
  identityId === null && person === null;

/**
 * A function that throws for a query beyond a limit, and for one that needs a caller and has none: nobody who is not
 * signed in gets to have anything planned. Front ends have few queries: those that passed are remembered.
 */
export function admission(): (query: string, viewer: Viewer) => void {
  const needsCaller = new Map<string, boolean>();
  return (query, viewer) => {
    let needs = needsCaller.get(query);
    if (needs === undefined) {
      needs = assertWithinLimits(query);
      if (needsCaller.size === 1_000) needsCaller.clear();
      needsCaller.set(query, needs);
    }
    if (needs && isNobody(viewer)) throw unauthenticated();
  };
}

/** Answers whether the query needs a caller. */
function assertWithinLimits(query: string): boolean {
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
    const document = parse(query, { noLocation: true });
    for (const { depth, rootFields, aliases, fields } of sizesOf(document)) {
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
    return !asksForSchemaAlone(document);
  } catch (error) {
    // The server tells where the syntax is wrong.
    if (!(error instanceof GraphQLError)) throw error;
    return false;
  }
}

const asksForSchemaAlone = ({ definitions }: DocumentNode) =>
  definitions.every(
    (definition) =>
      definition.kind !== Kind.OPERATION_DEFINITION ||
      definition.selectionSet.selections.every(
        (selection) =>
          selection.kind === Kind.FIELD &&
          selection.name.value.startsWith("__"),
      ),
  );

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
  for (
    let token = lexer.advance();
    token.kind !== TokenKind.EOF;
    token = lexer.advance()
  ) {
    tokens += 1;
    const isNumber =
      token.kind === TokenKind.FLOAT || token.kind === TokenKind.INT;
    // The planner cannot write it again.
    if (isNumber && !Number.isFinite(Number(token.value)))
      throw badInput(
        `${token.value.slice(0, 20)} is too large for a number. Send a finite one.`,
      );
  }
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

function sizesOf({ definitions }: DocumentNode): Size[] {
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
