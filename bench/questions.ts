import { randomUUID } from "node:crypto";
import { connect } from "../common/database.ts";
import type { Bench, Figure } from "./figure.ts";
import { startGateways, type Server } from "./graph.ts";
import { askedInTurn, question, type Questions } from "./load.ts";
import type { Contender } from "./measure.ts";
import { askedByReaders, inTurn } from "./readers.ts";

/** Every question changes its variables from one time to the next. */
interface Kind {
  readonly name: string;
  readonly questions: (bench: Bench) => Promise<Questions>;
}

const row = `id name tenant { name } last { timestamp value }`;

/** From the communities to the streams, their shares, the communities of these, their members, and so on. */
const deep = `query ($id: ID!) { community(id: $id) {
  streams(first: 2) { nodes { name sharedThrough(first: 1) { nodes { community {
    memberships(first: 2) { nodes { community {
      streams(first: 2) { nodes { name sharedThrough(first: 1) { nodes { community {
        memberships(first: 2) { nodes { tenant { name } } }
      } } } } }
    } } }
  } } } } }
} }`;

const kinds: readonly Kind[] = [
  {
    name: "200 rows",
    questions: askedByReaders(
      `query ($id: ID!) { community(id: $id) { name streams(first: 200) { nodes { ${row} } } } }`,
    ),
  },
  { name: "five hops deep", questions: askedByReaders(deep) },
  {
    name: "an error in it",
    questions: askedByReaders(
      `query ($id: ID!, $gone: ID!) { community(id: $id) { name memberships { nodes { tenant { name } } } } stream(id: $gone) { name } }`,
      { more: () => ({ gone: randomUUID() }), hasErrors: true },
    ),
  },
  { name: "a mutation", questions: changes },
];

export const questions: Figure = {
  name: "questions",
  title: "Other questions over three subgraphs",
  about: `A page of 200 rows, a query that goes from one subgraph to the next five times, one of whose parts is not there, and
a mutation whose answer names the tenant. 1 is @apollo/gateway before Apollo Servers, as for the page.
What stands beside an error is compared, the error's text is each gateway's own.`,
  unit: "question",
  ratio: "CPU",
  rounds: 5,
  async contenders(bench) {
    const { stock, inOneProcess, asProcesses } = await startGateways(bench);
    const contenders: Contender[] = [];
    for (const { name, questions } of kinds.filter(({ name }) =>
      bench.isWanted(name),
    )) {
      const peer = (server: Server, where: string) => ({
        ...server,
        name: `${name}, ${where}`,
      });
      const [base, ...others] = await askedInTurn(
        [
          peer(stock, "@apollo/gateway"),
          peer(inOneProcess, "in one process"),
          peer(asProcesses, "as separate processes"),
        ],
        await questions(bench),
        bench,
      );
      for (const other of others)
        contenders.push({ ...other, ...(base && { base }) });
    }
    return contenders;
  },
};

const change = `mutation ($input: UpdateStreamInput!) { updateStream(input: $input) { name description tenant { name } } }`;

/** Each of the tenants' administrators changes a stream of his own. */
async function changes({ world, tokens }: Bench): Promise<Questions> {
  const db = connect(world.url, { name: "bench-questions", poolSize: 1 });
  try {
    const { rows } = await db.raw<{
      rows: { administrator: string; stream: string }[];
    }>(
      `select distinct on (i.id) i.uuid as administrator, s.uuid as stream
       from tenant.identities i join stream.streams s on s.tenant_id = i.tenant_id
       where i.name = 'Administrator'
       order by i.id, s.id`,
    );
    const administrators = await Promise.all(
      rows.map(async ({ administrator, stream }) => ({
        token: await tokens.sign(administrator),
        stream,
      })),
    );
    return (n) => {
      const { token, stream: id } = inTurn(administrators, n);
      return question(
        change,
        { input: { id, description: `Change ${n}` } },
        token,
      );
    };
  } finally {
    await db.destroy();
  }
}
