import type { ApolloServerPlugin } from "@apollo/server";
import {
  getArgumentValues,
  getNullableType,
  getVariableValues,
  GraphQLID,
  isInputObjectType,
  isListType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLFormattedError,
  type GraphQLInputType,
  type SelectionSetNode,
} from "graphql";
import type { OnRefusal } from "../common/ledger/refusals.ts";
import { isUuid } from "../common/page.ts";
import type { GatewayContext } from "./data-source.ts";

/** What a caller was refused, as opposed to what was wrong with what it sent. */
const refusals = new Set<unknown>([
  "FORBIDDEN",
  "NOT_FOUND",
  "UNAUTHENTICATED",
]);

/** Tells of every mutation that was refused, dry runs apart, which would have changed nothing; whoever executes a subgraph's schema otherwise passes this by. */
export const tellRefusals = (
  onRefusal: OnRefusal,
): ApolloServerPlugin<GatewayContext> => ({
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse({
        operation,
        document,
        schema,
        request,
        response,
        contextValue: { call },
      }) {
        if (
          operation?.operation === OperationTypeNode.MUTATION &&
          response.body.kind === "single"
        ) {
          // As the operation has them, with its defaults; once, and only if there is a refusal, for they may be large.
          let variables: ReturnType<typeof getVariableValues> | undefined;
          for (const error of response.body.singleResult.errors ?? []) {
            const field = refusedField(error, operation.selectionSet, document);
            const definition =
              field && schema.getMutationType()?.getFields()[field.name.value];
            if (!field || !definition) continue;
            variables ??= getVariableValues(
              schema,
              operation.variableDefinitions ?? [],
              request.variables ?? {},
            );
            const given = getArgumentValues(
              definition,
              field,
              variables.coerced,
            );
            if (!isDryRun(given))
              onRefusal({
                call,
                action: field.name.value,
                code: String(error.extensions?.["code"]),
                ids: Object.fromEntries(
                  idsIn(given, definition.args, []).slice(0, maxIds),
                ),
              });
          }
        }
        return Promise.resolve();
      },
    }),
});

/** The root field that a refusal stands at; what fails deeper in an answer was done. */
function refusedField(
  { path, extensions }: GraphQLFormattedError,
  selectionSet: SelectionSetNode,
  document: DocumentNode | undefined,
): FieldNode | undefined {
  if (path?.length !== 1 || !refusals.has(extensions?.["code"]))
    return undefined;
  return fieldsOf(selectionSet, document).find(
    ({ alias, name }) => (alias ?? name).value === path[0],
  );
}

const fieldsOf = (
  { selections }: SelectionSetNode,
  document: DocumentNode | undefined,
): FieldNode[] =>
  selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection;
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection
        : document?.definitions.find(
            (definition) =>
              definition.kind === Kind.FRAGMENT_DEFINITION &&
              definition.name.value === selection.name.value,
          );
    return fragment && "selectionSet" in fragment && fragment.selectionSet
      ? fieldsOf(fragment.selectionSet, document)
      : [];
  });

const isDryRun = ({ dryRun, input }: Record<string, unknown>): boolean =>
  dryRun === true ||
  (typeof input === "object" &&
    input !== null &&
    isDryRun(input as Record<string, unknown>));

const maxIds = 20;

type Given = readonly [place: string, id: string];

/** Which things it was about: what is an id by its type alone, for all else is what somebody wrote. */
const idsIn = (
  given: Readonly<Record<string, unknown>>,
  fields: readonly { name: string; type: GraphQLInputType }[],
  place: readonly string[],
): Given[] =>
  fields.flatMap(({ name, type }) =>
    idsAt(given[name], type, [...place, name]),
  );

function idsAt(
  value: unknown,
  type: GraphQLInputType,
  place: readonly string[],
): Given[] {
  const inner = getNullableType(type);
  if (isListType(inner))
    return Array.isArray(value)
      ? value.flatMap((item, i) =>
          idsAt(item, inner.ofType, [...place, `${i}`]),
        )
      : [];
  if (isInputObjectType(inner))
    return typeof value === "object" && value !== null
      ? idsIn({ ...value }, Object.values(inner.getFields()), place)
      : [];
  return inner === GraphQLID && typeof value === "string" && isUuid(value)
    ? [[place.join("."), value]]
    : [];
}
