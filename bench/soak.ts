import type { Figure } from "./figure.ts";
import { startInOneProcess } from "./graph.ts";
import { Client } from "./load.ts";
import { residentBytes } from "./memory.ts";
import { everyPage } from "./page.ts";

const minutes = 30;
const resident: number[] = [];

/** Whether memory stays as it is while the same is done for a long time. */
export const soak: Figure = {
  name: "soak",
  title: "A page for half an hour",
  about: `The page above from one process, without a pause. A round is a minute.`,
  unit: "page",
  ratio: "CPU",
  rounds: minutes,
  isLong: true,
  async contenders(bench) {
    const { url, processes } = await startInOneProcess(bench, bench.world.url);
    const questions = await everyPage(bench);
    const client = new Client(url);
    bench.onEnd(() => client.close());
    await client.warmUp(questions);
    return [
      {
        name: "Tributary in one process",
        processes,
        async run() {
          const answered = await client.askFor(60_000, questions);
          for (const pid of processes) resident.push(residentBytes(pid));
          return answered;
        },
      },
    ];
  },
  note() {
    const mebibytes = (minute: number) =>
      `${Math.round((resident[minute - 1] ?? NaN) / 2 ** 20)} MiB after ${minute}`;
    const told = [1, 10, 20, minutes].map(mebibytes).join(", ");
    return Promise.resolve(`Memory of the process, by minutes: ${told}.`);
  },
};
