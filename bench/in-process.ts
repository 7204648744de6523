import { execute, type DocumentNode } from "graphql";
import type { Knex } from "../common/database.ts";
import { stringifyResult } from "../common/packed.ts";
import { anonymous } from "../common/viewer.ts";
import { createContext } from "../subgraphs/stream/context.ts";
import { schema } from "../subgraphs/stream/schema.ts";
import { unrecorded } from "../subgraphs/stream/usage/recorder-store.ts";

/** What the stream subgraph finds for an identity's query, in this process. */
export async function askInProcess<Data>(
  db: Knex,
  identityId: string,
  document: DocumentNode,
  variableValues: Readonly<Record<string, unknown>>,
): Promise<Data> {
  const { data, errors } = await execute({
    schema,
    document,
    variableValues,
    contextValue: createContext(
      db,
      unrecorded,
    )({
      viewer: { ...anonymous, identityId },
      requestId: "bench",
    }),
  });
  if (errors) throw new Error("The query is refused.", { cause: errors[0] });
  return data as Data;
}

/** The same as the text of an answer. */
export const answerInProcess = async (
  ...question: Parameters<typeof askInProcess>
): Promise<string> =>
  stringifyResult({
    data: await askInProcess<Record<string, unknown>>(...question),
  });
