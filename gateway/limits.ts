import {
  GraphQLError,
  Kind,
  Lexer,
  parse,
  Source,
  TokenKind,
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { badInput, limitExceeded, unauthenticated } from "../common/errors.ts";
import { assertBytes } from "../common/graphql-server.ts";
import type { Viewer } from "../common/viewer.ts";

/**
 * What a request may ask for, looked at before anything is validated or planned, which take time without a bound. What
 * its lists may hold is a question of its cost.
 */
export interface RequestLimits {
  readonly bodyBytes: number;
  readonly characters: number;
  readonly tokens: number;
  readonly depth: number;
  readonly rootFields: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fields: number;
}

/** Far above what a front end needs. */
export const usualLimits: RequestLimits = {
  /** `writeEvents` takes 16 MiB, and something stands around it. */
  bodyBytes: 17 * 2 ** 20,
  characters: 50_000,
  tokens: 5_000,
  depth: 20,
  rootFields: 50,
  aliases: 200,
  directives: 100,
  fields: 2_000,
};

/** Who is not signed in may have the schema described, and who has no tenant yet founds or joins one: neither has much to send. */
export const anonymousBodyBytes = 64 * 2 ** 10;

/** Whatever a bracket holds: the parser goes down one by one, and its stack ends after a thousand or two. */
const maxBrackets = 200;

/** Throws for a body that is too long for this caller: nothing long is kept for somebody unknown. */
export function admitBytes(
  bytes: number,
  viewer: Viewer,
  { bodyBytes }: RequestLimits,
): void {
  if (isNobody(viewer) && bytes > anonymousBodyBytes) throw unauthenticated();
  const isOutsider = viewer.identityId === null;
  assertBytes(
    bytes,
    isOutsider ? Math.min(bodyBytes, anonymousBodyBytes) : bodyBytes,
  );
}

export const isNobody = ({ identityId, person }: Viewer) =>
  identityId === null && person === null;

/** As many characters of queries are remembered, whoever wrote them. */
const rememberedCharacters = 5_000_000;

/**
 * A function that throws for a query beyond a limit, and for one that needs a caller and has none: nobody who is not
 * signed in gets to have anything planned. Front ends have few queries: those that passed are remembered.
 */
export function admission(
  limits: RequestLimits,
): (query: string, viewer: Viewer) => void {
  const needsCaller = new Map<string, boolean>();
  let remembered = 0;
  return (query, viewer) => {
    let needs = needsCaller.get(query);
    if (needs === undefined) {
      needs = assertWithinLimits(query, limits);
      remembered += query.length;
      if (remembered > rememberedCharacters) {
        needsCaller.clear();
        remembered = query.length;
      }
      needsCaller.set(query, needs);
    }
    if (needs && isNobody(viewer)) throw unauthenticated();
  };
}

/** Answers whether the query needs a caller. */
function assertWithinLimits(query: string, limits: RequestLimits): boolean {
  const asVariables = "Send values as variables.";
  assertAtMost(limits.characters, query.length, "characters", asVariables);
  try {
    const { tokens, brackets } = tokensOf(query);
    assertAtMost(limits.tokens, tokens, "tokens", asVariables);
    assertAtMost(maxBrackets, brackets, "brackets inside each other");
    const document = parse(query, { noLocation: true });
    for (const size of sizesOf(document)) {
      assertAtMost(limits.depth, size.depth, "fields inside each other");
      assertAtMost(limits.rootFields, size.rootFields, "root fields");
      assertAtMost(limits.aliases, size.aliases, "aliases");
      assertAtMost(limits.directives, size.directives, "directives");
      assertAtMost(limits.fields, size.fields, "fields");
    }
    return !asksForSchemaAlone(document);
  } catch (error) {
    // The server tells where the syntax is wrong.
    if (!(error instanceof GraphQLError)) throw error;
    return false;
  }
}

/** Whether no subgraph has any part in its operations. */
export const asksForSchemaAlone = ({ definitions }: DocumentNode) =>
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
  limit: number,
  value: number,
  what: string,
  next = "Ask in several requests.",
): void {
  if (value > limit)
    throw limitExceeded(`${what} in a query`, limit, value, next);
}

const opening = new Set<string>([
  TokenKind.BRACE_L,
  TokenKind.BRACKET_L,
  TokenKind.PAREN_L,
]);
const closing = new Set<string>([
  TokenKind.BRACE_R,
  TokenKind.BRACKET_R,
  TokenKind.PAREN_R,
]);

/** How many there are, and how many brackets are open at a time. */
function tokensOf(query: string): { tokens: number; brackets: number } {
  const lexer = new Lexer(new Source(query));
  let tokens = 0;
  let open = 0;
  let brackets = 0;
  for (
    let token = lexer.advance();
    token.kind !== TokenKind.EOF;
    token = lexer.advance()
  ) {
    tokens += 1;
    if (opening.has(token.kind)) brackets = Math.max(brackets, (open += 1));
    if (closing.has(token.kind)) open -= 1;
    const isNumber =
      token.kind === TokenKind.FLOAT || token.kind === TokenKind.INT;
    // The planner cannot write it again.
    if (isNumber && !Number.isFinite(Number(token.value)))
      throw badInput(
        `${token.value.slice(0, 20)} is too large for a number. Send a finite one.`,
      );
  }
  return { tokens, brackets };
}

/** The size of an operation, with its fragments written out. */
interface Size {
  readonly depth: number;
  readonly rootFields: number;
  readonly aliases: number;
  readonly directives: number;
  readonly fields: number;
}

const nothing: Size = {
  depth: 0,
  rootFields: 0,
  aliases: 0,
  directives: 0,
  fields: 0,
};

const beside = (a: Size, b: Size): Size => ({
  depth: Math.max(a.depth, b.depth),
  rootFields: bounded(a.rootFields + b.rootFields),
  aliases: bounded(a.aliases + b.aliases),
  directives: bounded(a.directives + b.directives),
  fields: bounded(a.fields + b.fields),
});

/** Fragments in fragments double with every line. */
const bounded = (count: number) => Math.min(count, Number.MAX_SAFE_INTEGER);

const directivesOn = (node: ASTNode | undefined): Size => ({
  ...nothing,
  directives: (node && "directives" in node && node.directives?.length) || 0,
});

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
    const fragment = fragments.get(name);
    const size = beside(directivesOn(fragment), ofSet(fragment?.selectionSet));
    sizes.set(name, size);
    return size;
  }

  const ofSet = (set: SelectionSetNode | undefined): Size =>
    (set?.selections ?? [])
      .map((selection) =>
        beside(directivesOn(selection), ofSelection(selection)),
      )
      .reduce(beside, nothing);

  function ofSelection(selection: SelectionNode): Size {
    if (selection.kind === Kind.FRAGMENT_SPREAD)
      return ofFragment(selection.name.value);
    const inside = ofSet(selection.selectionSet);
    if (selection.kind === Kind.INLINE_FRAGMENT) return inside;
    return {
      depth: inside.depth + 1,
      rootFields: 1,
      aliases: bounded(inside.aliases + (selection.alias ? 1 : 0)),
      directives: inside.directives,
      fields: bounded(inside.fields + 1),
    };
  }

  return definitions.flatMap((definition) =>
    definition.kind === Kind.OPERATION_DEFINITION
      ? [
          [definition, ...(definition.variableDefinitions ?? [])]
            .map(directivesOn)
            .reduce(beside, ofSet(definition.selectionSet)),
        ]
      : [],
  );
}
