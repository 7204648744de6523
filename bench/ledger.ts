import { connect } from "../common/database.ts";
import type { Bench, Figure } from "./figure.ts";
import { startInOneProcess } from "./graph.ts";
import { Client, question, type Questions } from "./load.ts";
import type { Contender } from "./measure.ts";
import { seedPlant, type Plant } from "./world.ts";

const sliceMs = 2_000;

const mutation = `mutation ($input: UpdateStreamInput!) { updateStream(input: $input) { id } }`;

export const ledger: Figure = {
  name: "ledger",
  title: "A mutation with its entry in the ledger",
  about: `\`updateStream\`, which changes a stream's description, through the graph in one process: with its entry, written in
its transaction, chained and signed by the sealer within a second; and, which is 1, on a database whose \`ledger.append\`
does nothing. PostgreSQL's CPU is counted in both.`,
  unit: "mutation",
  ratio: "CPU",
  rounds: 9,
  async contenders(bench) {
    const without = await contender(bench, "without the ledger");
    await forget(without.plant.url);
    const written = await contender(bench, "with the ledger");
    return [without, { ...written, goal: 1.2 }];
  },
};

async function contender(
  bench: Bench,
  name: string,
): Promise<Contender & { plant: Plant }> {
  const database = `bench_${name.replaceAll(" ", "_")}`;
  const plant = await seedPlant(await bench.database.clone(database));
  const { url, processes } = await startInOneProcess(bench, plant.url);
  const client = new Client(url);
  bench.onEnd(() => client.close());
  const questions = await changes(plant, bench);
  await client.warmUp(questions);
  return {
    name,
    plant,
    processes,
    run: () => client.askFor(sliceMs, questions),
  };
}

/** As if there were no ledger. */
async function forget(url: string): Promise<void> {
  const db = connect(url, { name: "bench-ledger", poolSize: 1 });
  try {
    await db.raw(`
      create or replace function ledger.append(
        actor_identity uuid, actor_person uuid, request_id text, action text, entries jsonb, names jsonb
      ) returns void language sql security definer as 'select'`);
  } finally {
    await db.destroy();
  }
}

/** Each stream in turn. */
async function changes(
  { streamIds, identityId }: Plant,
  { tokens }: Bench,
): Promise<Questions> {
  const token = await tokens.sign(identityId);
  return (n) =>
    question(
      mutation,
      {
        input: {
          id: streamIds[n % streamIds.length],
          description: `Change ${n}`,
        },
      },
      token,
    );
}
