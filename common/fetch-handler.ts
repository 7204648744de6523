import {
  execute,
  GraphQLError,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
} from "graphql";
import { BoundedMap } from "./bounded-map.ts";
import type { CallHandler } from "./call-handler.ts";
import { assertBytes, readJson } from "./graphql-server.ts";
import { send, sendJson } from "./http-server.ts";
import { mask } from "./masking.ts";
import { stringifyResult } from "./packed.ts";
import type { Subgraph } from "./schema.ts";

/** A body of the gateway holds the client's variables once more, and the references to what it has found. */
const maxBodyBytes = 64 * 2 ** 20;

const admission = {
  announced: (bytes: number) => assertBytes(bytes, maxBodyBytes),
  come: (bytes: number) => assertBytes(bytes, maxBodyBytes),
};

/**
 * Answers what a gateway asks a subgraph: GraphQL over HTTP, as much of it as one sends. The rules are in the schema; what
 * a server for clients does besides, the gateway has done before.
 */
export function fetchHandler({ schema, createContext }: Subgraph): CallHandler {
  const documents = new Documents(schema);
  return async (request, response, call, log) => {
    if (request.method !== "POST") {
      response.setHeader("allow", "POST");
      return sendJson(response, 405, { error: "Fetches are sent by POST." });
    }
    const { query, variables } = asked(await readJson(request, admission));
    const found = documents.find(query);
    const { data, errors }: Answer =
      "kind" in found
        ? await execute({
            schema,
            document: found,
            variableValues: variables,
            contextValue: createContext(call),
          })
        : { errors: found };
    const masked = errors?.map((error) =>
      mask(error.toJSON(), error, call.requestId, log),
    );
    send(
      response,
      200,
      "application/json",
      stringifyResult({
        ...(masked && { errors: masked }),
        ...(data !== undefined && { data }),
      }),
    );
  };
}

interface Answer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly GraphQLError[];
}

interface Asked {
  readonly query: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

function asked(body: unknown): Asked {
  const { query, variables } = (body ?? {}) as Record<string, unknown>;
  if (typeof query !== "string" || typeof (variables ?? {}) !== "object")
    throw new GraphQLError("Send a query, and its variables as an object.", {
      extensions: { code: "BAD_REQUEST" },
    });
  return { query, variables: (variables ?? {}) as Asked["variables"] };
}

/** As many characters of documents are remembered. */
const rememberedCharacters = 2_000_000;
/** What the shortest takes, in characters. */
const leastCharacters = 1_000;

/** Documents by their text, or what is wrong with one: a gateway sends those of its plans again and again. */
class Documents {
  private readonly known = new BoundedMap<
    DocumentNode | readonly GraphQLError[]
  >(rememberedCharacters);

  constructor(private readonly schema: GraphQLSchema) {}

  find(query: string): DocumentNode | readonly GraphQLError[] {
    const known = this.known.get(query);
    if (known) return known;
    const found = this.read(query);
    this.known.set(query, found, leastCharacters + query.length);
    return found;
  }

  private read(query: string): DocumentNode | readonly GraphQLError[] {
    const of = (code: string) => (error: GraphQLError) =>
      new GraphQLError(error.message, { extensions: { code } });
    try {
      const document = parse(query, { noLocation: true });
      const faults = validate(this.schema, document, rules);
      return faults.length > 0
        ? faults.map(of("GRAPHQL_VALIDATION_FAILED"))
        : document;
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      return [of("GRAPHQL_PARSE_FAILED")(error)];
    }
  }
}

const rules = [...specifiedRules, NoSchemaIntrospectionCustomRule];
