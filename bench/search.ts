import type { Bench, Figure } from "./figure.ts";
import { startByHand, startInOneProcess, type Server } from "./graph.ts";
import {
  Client,
  compare,
  question,
  type Question,
  type Questions,
} from "./load.ts";
import type { Contender } from "./measure.ts";
import { startMillion, type Million } from "./million.ts";

const sliceMs = 300;
const pageSize = 50;
/** So many different pages near the end are asked in turn. */
const deepPages = 20;
const warmUpMs = 500;

/** What is searched for, by kind: texts that are asked in turn, or none. */
const kinds: readonly Kind[] = [
  { name: "no search", texts: [null] },
  { name: "words of one stream in ten", texts: ["pump", "boiler", "valve"] },
  { name: "a word of the last names", texts: ["halle"] },
  { name: "rare words", texts: ["calibrated", "guarantee"] },
  { name: "parts of words", texts: ["ump", "oiler", "alve"] },
  { name: "beginnings of two letters", texts: ["pu", "bo", "va"] },
  { name: "phrases", texts: ['"under guarantee"', '"bearing pressure"'] },
  { name: "AND", texts: ["pump AND spare", "boiler AND standby"] },
  { name: "a frequent and a rare word", texts: ["pump guarantee"] },
  { name: "OR", texts: ["pump OR boiler", "valve OR tank OR motor"] },
  { name: "NOT", texts: ["NOT pump", "boiler NOT spare"] },
  { name: "parentheses", texts: ["(pump OR boiler) AND (spare OR standby)"] },
  {
    name: "OR of fields",
    texts: ["name:pump OR tags:spare", "(pump level) OR (boiler flow)"],
  },
  { name: "fields", texts: ["name:pump", "type:level", "tags:spare"] },
  { name: "*", texts: ["compr*", "*essor", "b*ler"] },
  { name: "an external id", texts: ["externalId:PLC7.DB3*"], of: "own" },
  { name: "RELEVANCE", texts: ["pump", "boiler"], orderBy: "RELEVANCE" },
];

interface Kind {
  readonly name: string;
  readonly texts: readonly (string | null)[];
  readonly orderBy?: "RELEVANCE";
  /** The only list in which it finds anything. */
  readonly of?: string;
}

export const search: Figure = {
  name: "search",
  title: "A search in a million streams",
  about: `A page of ${pageSize} streams that a search finds, ids and names: the first page, and pages near the end. A tenant has 1 M
streams, 200,000 of which it shares in a community with another tenant: **own** are the first one's streams to it, **shared**
those that the other one has from others, **in a community** what this one finds there, and **own, in a community** what the
tenant finds there that shares them. All is asked through the graph, in one process over HTTP.

1 is a page of as many ids and names from an index alone: the same request to the same installation, but for the list, which
one statement reads, at the same place, from the index of names, and which asks neither what is searched for nor what may
be seen; in the order of RELEVANCE it ranks 10,000 names, too, by whether they hold the word. What such a page costs itself is told first: there 1 is the same statement behind node:http, without a
graph. Where nothing is searched for, the answers of all are equal to the letter.`,
  unit: "page",
  ratio: "CPU",
  rounds: 3,
  async contenders(bench) {
    const { progress, onEnd, streams, isWanted } = bench;
    const world = await startMillion(progress, streams);
    onEnd(() => world.stop());
    const peerOf = (name: string, { url, processes }: Server) => {
      const client = new Client(url);
      onEnd(() => client.close());
      const asking = (questions: Questions): Contender => ({
        ...{ name, processes, postmaster: world.postmaster },
        run: () => client.askFor(sliceMs, questions),
      });
      return { name, client, asking };
    };
    const byHand = peerOf(
      "by hand",
      await startByHand(bench, "streams-by-hand", world.url),
    );
    const indexOnly = peerOf(
      "from the index alone",
      await startInOneProcess(
        bench,
        world.url,
        "bench/peers/streams-index-only.ts",
      ),
    );
    const graph = peerOf(
      "the graph",
      await startInOneProcess(bench, world.url),
    );

    const ofRoad: Contender[] = [];
    const contenders: Contender[] = [];
    for (const list of await listsOf(world, bench))
      for (const kind of kinds)
        for (const place of ["first", "deep"] as const) {
          const name = `${list.name}, ${kind.name}, ${place}`;
          if (!isWanted(name) || (kind.of ?? list.name) !== list.name) continue;
          progress(`warming up ${name}`);
          const questions = await questionsOf(list, kind, place, graph.client);
          if (kind.texts[0] === null) {
            for (let n = 0; n < deepPages; n += 1)
              await compare([byHand, indexOnly, graph], questions(n));
            for (const { client } of [byHand, indexOnly])
              await client.warmUp(questions);
            ofRoad.push({
              ...indexOnly.asking(questions),
              name: `${list.name}, ${indexOnly.name}, ${place}`,
              base: byHand.asking(questions),
            });
          }
          await graph.client.askFor(warmUpMs, questions);
          contenders.push({
            ...graph.asking(questions),
            ...{ name, goal: 3, base: indexOnly.asking(questions) },
          });
        }
    return [...ofRoad, ...contenders];
  },
};

interface List {
  readonly name: string;
  readonly token: string;
  /** Around the list's own selection. */
  readonly query: (streams: string) => string;
  readonly variables: object;
}

const declared =
  "$search: String, $orderBy: StreamOrder, $first: Int, $after: String, $last: Int";
const given =
  "search: $search, orderBy: $orderBy, first: $first, after: $after, last: $last";

async function listsOf(
  { ownerId, partnerId, communityId }: Million,
  { tokens }: Bench,
): Promise<List[]> {
  const owner = await tokens.sign(ownerId);
  const partner = await tokens.sign(partnerId);
  const from = (source: "OWN" | "SHARED") => ({
    query: (selection: string) =>
      `query ($from: StreamSource!, ${declared}) { streams(from: $from, ${given}) { ${selection} } }`,
    variables: { from: source },
  });
  const inCommunity = {
    query: (selection: string) =>
      `query ($id: ID!, ${declared}) { community(id: $id) { streams(${given}) { ${selection} } } }`,
    variables: { id: communityId },
  };
  return [
    { name: "own", token: owner, ...from("OWN") },
    { name: "shared", token: partner, ...from("SHARED") },
    { name: "in a community", token: partner, ...inCommunity },
    { name: "own, in a community", token: owner, ...inCommunity },
  ];
}

/** The pages of a list at a place, for each text in turn. */
async function questionsOf(
  list: List,
  { texts, orderBy }: Kind,
  place: "first" | "deep",
  client: Client,
): Promise<Questions> {
  const ask = (selection: string, variables: object) =>
    question(
      list.query(selection),
      {
        ...list.variables,
        ...variables,
        ...(orderBy && { orderBy: { field: orderBy } }),
      },
      list.token,
    );
  const cursors = async (search: string | null) =>
    place === "first"
      ? [null]
      : cursorsIn(
          await client.ask(
            ask("edges { cursor }", { search, last: pageSize + deepPages }),
          ),
        );
  const pages: Question[][] = [];
  for (const search of texts)
    pages.push(
      (await cursors(search)).map((after) =>
        ask("nodes { id name } pageInfo { hasNextPage }", {
          ...{ search, after, first: pageSize },
        }),
      ),
    );
  return (n) => at(at(pages, n), Math.floor(n / pages.length));
}

/** Those after which there is a whole page. */
const cursorsIn = (answer: string): string[] =>
  [...answer.matchAll(/"cursor":"([^"]+)"/g)]
    .slice(0, deepPages)
    .map(([, cursor = ""]) => cursor);

const at = <T>(values: readonly T[], n: number): T =>
  values[n % values.length] as T;
