import { Kind, parse, type OperationDefinitionNode } from "graphql";
import { readdirSync, readFileSync } from "node:fs";

const textOf = (path: string) =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The guides, by their names. */
export const guides = readdirSync(
  new URL("../../docs/guides", import.meta.url),
).map((file) => ({ file, text: textOf(`docs/guides/${file}`) }));

export interface Block {
  readonly kind: string;
  readonly text: string;
}

/** What stands in a guide between fences, in order. */
export const blocksIn = (text: string): Block[] =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```/gms)].map(
    ([, kind = "", text = ""]) => ({ kind, text }),
  );

const examples = readdirSync(new URL("../../examples", import.meta.url))
  .filter((file) => file.endsWith(".graphql"))
  .map((file) => textOf(`examples/${file}`));

/** The operations that the project tells its users to send: those of the tour and of the guides. */
export const ourOperations: readonly OperationDefinitionNode[] = [
  ...examples,
  ...guides.flatMap(({ text }) =>
    blocksIn(text)
      .filter(({ kind }) => kind === "graphql")
      .map(({ text }) => text),
  ),
].flatMap((text) =>
  parse(text).definitions.filter(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  ),
);
