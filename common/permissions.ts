import { createRequire } from "node:module";
import {
  isObjectType,
  type GraphQLObjectType,
  type GraphQLSchema,
} from "graphql";
import { applyMiddleware, type IMiddlewareGenerator } from "graphql-middleware";
import type * as Shield from "graphql-shield";
import { forbidden, identityGone, unauthenticated } from "./errors.ts";
import type { Viewer } from "./viewer.ts";

// Shield's ES build cannot be imported on Node 23 and later; its CommonJS build can.
const { shield, rule, allow } = createRequire(import.meta.url)(
  "graphql-shield",
) as typeof Shield;

export type Rule = ReturnType<ReturnType<typeof rule>> | typeof allow;
export { allow };

/** What every subgraph's context offers to its rules. */
export interface CallContext {
  readonly viewer: Viewer;
  /** Whether the viewer's identity still exists and is enabled; asked once a request, unless it is to be asked afresh. */
  isLive(asked?: "AFRESH"): Promise<boolean>;
}

/**
 * A rule: may this caller do this? `action` completes the sentence "You may not ...". The check answers yes or no;
 * it throws NOT_FOUND for what the caller may not even see. An identity that is gone is UNAUTHENTICATED before that.
 */
export const can = <Args, Context extends CallContext>(
  action: string,
  check: (
    viewer: Viewer,
    args: Args,
    context: Context,
  ) => boolean | Promise<boolean>,
): Rule =>
  rule({ cache: "no_cache" })(async (_parent, args: Args, context: Context) => {
    // Returned, not thrown: shield takes a thrown error for its own refusal.
    try {
      await assertLive(context);
      if (await check(context.viewer, args, context)) return true;
      throw forbidden(`You may not ${action}.${hintFor(context.viewer)}`);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  });

/** A token stays what it was when it was issued, so that who has just founded a tenant needs another one. */
export const hintFor = ({ person }: Viewer) =>
  person === null
    ? ""
    : " Your token stands for no tenant: found one by signUpTenant, or if you have one by now, sign in again.";

/** UNAUTHENTICATED for nobody, and for an identity that is gone. */
export async function assertLive(
  { viewer, isLive }: CallContext,
  asked?: "AFRESH",
): Promise<void> {
  if (viewer.identityId === null && viewer.person === null)
    throw unauthenticated();
  if (viewer.identityId !== null && !(await isLive(asked)))
    throw identityGone();
}

/** UNAUTHENTICATED once the token has ended; for what goes on for long. `next` says what to do with a new one. */
export function assertTokenHolds({ tokenEndsAt }: Viewer, next: string): void {
  if (tokenEndsAt !== undefined && tokenEndsAt < Date.now() / 1000)
    throw unauthenticated(
      `The access token has expired meanwhile. Get a new one, and ${next}.`,
    );
}

/** What the caller is told instead of any refusal once it is gone itself. */
export async function unlessGone<T>(
  context: CallContext,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await assertLive(context, "AFRESH");
    throw error;
  }
}

/** Any verified caller: an identity, or a person who has none yet. What is reached is guarded by its store. */
export const signedIn = can("call this without signing in", () => true);

/** Objects of this type are only handed out by a store that asks what the viewer may see. */
export const guardedByStore = Symbol("guarded by its store");

/** Rules by type and field; a type without rules of its own says that its store guards it. */
export type PermissionMap = Readonly<
  Record<string, typeof guardedByStore | Readonly<Record<string, Rule>>>
>;

/**
 * The schema with its rules in place. Refuses, by throwing, a schema with a root field that has no rule or an object
 * type that no map names. Only fields that carry a rule are wrapped: plain shield would wrap every field of every row.
 */
export function protect(
  schema: GraphQLSchema,
  maps: readonly PermissionMap[],
): GraphQLSchema {
  const named = merge(maps);
  assertComplete(schema, named);
  const rules = Object.fromEntries(
    [...named].filter(([, fields]) => Object.keys(fields).length > 0),
  );
  const generated = shield(rules, {
    allowExternalErrors: true,
    fallbackRule: allow,
  }) as IMiddlewareGenerator<unknown, unknown, unknown>;
  const wrapped = generated.generate(schema) as Record<
    string,
    Record<string, Middleware>
  >;
  const kept = Object.fromEntries(
    Object.entries(rules).map(([type, fields]) => [
      type,
      Object.fromEntries(
        Object.keys(fields).map((field) => [
          field,
          wrapped[type]?.[field] && tellingWhoIsGone(wrapped[type][field]),
        ]),
      ),
    ]),
  );
  return applyMiddleware(schema, kept as never);
}

type Middleware = (
  resolve: unknown,
  parent: unknown,
  args: unknown,
  context: CallContext,
  info: unknown,
) => Promise<unknown>;

/**
 * A refusal may come of the caller itself being gone: an earlier mutation of its request removed it, or somebody else
 * did while it was served. It is then told that, whatever else it was to be told.
 */
const tellingWhoIsGone =
  (middleware: Middleware): Middleware =>
  async (resolve, parent, args, context, info) => {
    const refusal = (error: unknown) =>
      assertLive(context, "AFRESH").then(() => error);
    try {
      const result = await middleware(resolve, parent, args, context, info);
      return result instanceof Error ? await refusal(result) : result;
    } catch (error) {
      throw await refusal(error);
    }
  };

function merge(
  maps: readonly PermissionMap[],
): Map<string, Record<string, Rule>> {
  const named = new Map<string, Record<string, Rule>>();
  for (const map of maps)
    for (const [type, fields] of Object.entries(map))
      named.set(type, {
        ...named.get(type),
        ...(fields === guardedByStore ? {} : fields),
      });
  return named;
}

function assertComplete(
  schema: GraphQLSchema,
  named: ReadonlyMap<string, Record<string, Rule>>,
): void {
  const types = Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType =>
      isObjectType(type) && !type.name.startsWith("__"),
  );
  const roots = [
    schema.getQueryType(),
    schema.getMutationType(),
    schema.getSubscriptionType(),
  ];
  const faults = [
    ...types
      .filter(({ name }) => !named.has(name))
      .map(({ name }) => `type ${name} is not named by any permission map`),
    ...roots.flatMap((root) =>
      Object.keys(root?.getFields() ?? {})
        .filter((field) => !named.get(root?.name ?? "")?.[field])
        .map((field) => `${root?.name}.${field} has no rule`),
    ),
    ...[...named].flatMap(([type, fields]) => {
      const known = types.find(({ name }) => name === type)?.getFields();
      if (!known)
        return [
          `a permission map names ${type}, which the schema does not have`,
        ];
      return Object.keys(fields)
        .filter((field) => !known[field])
        .map(
          (field) =>
            `a permission map names ${type}.${field}, which the schema does not have`,
        );
    }),
  ];
  if (faults.length > 0)
    throw new Error(`The schema is not protected:\n- ${faults.join("\n- ")}`);
}
