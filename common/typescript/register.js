import { register } from "node:module";

/* Lets Node load TypeScript: `node --import ./common/typescript/register.js`. A thread of Node 20 does not take it over from
 * the thread that starts it (docs/decisions/typescript.md). */

process.setSourceMapsEnabled(true);
register("./hooks.js", import.meta.url);
