import { afterAll, beforeAll, jest } from "@jest/globals";
import { DemoInstallation } from "../support/demo-installation.ts";
import { apolloClient } from "./apollo-client.ts";
import { chromium } from "./chromium.ts";
import { codeGeneration } from "./code-generation.ts";
import { graphqlRequest } from "./graphql-request.ts";
import { guidesWork } from "./guides.ts";
import { openidClient } from "./openid-client.ts";
import { relay } from "./relay.ts";
import { urql } from "./urql.ts";

/*
 * The libraries that front ends and programs are written with, each as its own documentation has it used, at one
 * installation with the demo world. They bring their own opinions of what a server does.
 */

jest.setTimeout(180_000);

let demo: DemoInstallation;
beforeAll(async () => {
  demo = await DemoInstallation.start();
});
afterAll(() => demo.stop());

apolloClient(() => demo);
urql(() => demo);
graphqlRequest(() => demo);
relay(() => demo);
codeGeneration();
openidClient(() => demo);
chromium(() => demo);
guidesWork(() => demo);
