import { GraphQLError, parse, print } from "graphql";
import { createHash } from "node:crypto";
import { BoundedMap } from "../common/bounded-map.ts";
import { badInput, forbidden } from "../common/errors.ts";
import type { AskedOperation } from "../common/graphql-server.ts";

/** Texts as graphql prints them, by the SHA-256 of each as hexadecimal digits. */
export type Safelist = ReadonlyMap<string, string>;

/** As many characters of operations are remembered by their hash, whoever sent them. */
const rememberedCharacters = 5_000_000;
/** What the shortest takes, in characters: its hash, and a place. */
const leastCharacters = 250;

/**
 * Operations that are sent by the hash of their text. Without a list, whoever has sent text and hash together may send
 * the hash alone from then on; with one, no other operations are served than those on it.
 */
export class PersistedOperations {
  private readonly sent = new BoundedMap<string>(rememberedCharacters);

  constructor(private readonly safelist: Safelist | undefined) {}

  /** The text that is to be executed. */
  textOf({ query, hash }: AskedOperation): string {
    if (query !== "" && hash !== undefined && hash !== hashOf(query))
      throw badInput(
        "The hash is not that of the query. Send the SHA-256 of the query's text as hexadecimal digits.",
      );
    if (this.safelist) return listed(this.safelist, { query, hash });
    if (query !== "" || hash === undefined) return query;
    const text = this.sent.get(hash);
    if (text === undefined) throw notFound();
    return text;
  }

  /** Keeps what was sent with its hash, once it has turned out to be one that may be sent. */
  remember({ query, hash }: AskedOperation): void {
    if (this.safelist || query === "" || hash === undefined) return;
    this.sent.set(hash, query, leastCharacters + query.length);
  }
}

export const hashOf = (text: string) =>
  createHash("sha256").update(text).digest("hex");

function listed(safelist: Safelist, { query, hash }: AskedOperation): string {
  const text =
    safelist.get(hash ?? hashOf(query)) ?? safelist.get(hashOf(printed(query)));
  if (text === undefined)
    throw forbidden(
      "Only the operations that this installation lists are served here, and this is none of them. Its operator adds it by npm run operations.",
    );
  return text;
}

/** However its sender has laid it out. */
function printed(query: string): string {
  try {
    return print(parse(query, { noLocation: true }));
  } catch {
    return "";
  }
}

/** In the words that clients know: they send the text then. */
const notFound = () =>
  new GraphQLError("PersistedQueryNotFound", {
    extensions: { code: "PERSISTED_QUERY_NOT_FOUND" },
  });
