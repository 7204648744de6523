import type { Figure } from "./figure.ts";
import { startInOneProcess } from "./graph.ts";
import { askedInTurn } from "./load.ts";
import { everyPage } from "./page.ts";

export const reads: Figure = {
  name: "reads",
  title: "A page whose reads are recorded",
  about: `The page above in one process, as it is: each of its 20 last values of other tenants' streams is kept with who read
it when and through which share, and each batch enters the ledger. 1 is the same where nothing is kept.`,
  unit: "page",
  ratio: "CPU",
  rounds: 9,
  async contenders(bench) {
    const { url } = bench.world;
    const without = await startInOneProcess(
      bench,
      url,
      "bench/peers/without-reads.ts",
    );
    const recorded = await startInOneProcess(bench, url);
    const peers = [
      { ...without, name: "without the record" },
      { ...recorded, name: "with the record", goal: 1.1 },
    ];
    return askedInTurn(peers, await everyPage(bench), bench);
  },
};
