import type { ApolloServerPlugin } from "@apollo/server";
import {
  getArgumentValues,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type FieldNode,
  type GraphQLFormattedError,
  type GraphQLSchema,
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
        )
          for (const error of response.body.singleResult.errors ?? []) {
            const field = refusedField(error, operation.selectionSet, document);
            const given = field && givenTo(field, schema, request.variables);
            if (field && given && !isDryRun(given))
              onRefusal({
                call,
                action: field.name.value,
                code: String(error.extensions?.["code"]),
                ids: Object.fromEntries(idsIn(given, []).slice(0, maxIds)),
              });
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

function givenTo(
  field: FieldNode,
  schema: GraphQLSchema,
  variables: Readonly<Record<string, unknown>> | undefined,
): Record<string, unknown> {
  const definition = schema.getMutationType()?.getFields()[field.name.value];
  return definition ? getArgumentValues(definition, field, variables) : {};
}

const isDryRun = ({ dryRun, input }: Record<string, unknown>): boolean =>
  dryRun === true ||
  (typeof input === "object" &&
    input !== null &&
    isDryRun(input as Record<string, unknown>));

const maxIds = 20;

/** Which things it was about: ids alone, for arguments hold names and texts besides. */
const idsIn = (
  value: unknown,
  place: readonly string[],
): [place: string, id: string][] => {
  if (typeof value === "string")
    return isUuid(value) ? [[place.join("."), value]] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    idsIn(member, [...place, key]),
  );
};
