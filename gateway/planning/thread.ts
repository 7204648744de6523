import { Supergraph } from "@apollo/federation-internals";
import { parse } from "graphql";
import { parentPort, workerData } from "node:worker_threads";
import { apolloPlanner } from "../execution/planner.ts";
import type { Answer, Question } from "./thread-planner.ts";

const planner = apolloPlanner(Supergraph.build(workerData as string));

const send = (answer: Answer) => parentPort?.postMessage(answer);

parentPort?.on("message", ({ query, operationName, hash }: Question) => {
  const document = parse(query, { noLocation: true });
  planner
    .plan({ document, operationName, hash, whose: "", isGone: () => false })
    .then(
      (plan) => send({ plan }),
      (error: unknown) =>
        send({ fault: error instanceof Error ? error.message : String(error) }),
    );
});

send({ ready: true });
