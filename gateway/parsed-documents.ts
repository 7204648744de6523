import type { DocumentNode } from "graphql";
import { BoundedMap } from "../common/bounded-map.ts";

/** As many characters of documents are kept, written as JSON; in memory they are three to six times as large. */
const documentCharacters = 8_000_000;

/** Those that were parsed and found valid last. Apollo Server's own would keep 150 MiB of them. */
export function parsedDocuments() {
  const documents = new BoundedMap<DocumentNode>(documentCharacters);
  return {
    get: async (key: string) => documents.get(key),
    set: async (key: string, document: DocumentNode) =>
      documents.set(key, document, JSON.stringify(document).length),
    delete: async (key: string) => documents.delete(key),
  };
}
