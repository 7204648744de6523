import { Kind, parse, type OperationDefinitionNode } from "graphql";
import { readdirSync, readFileSync } from "node:fs";

const textOf = (path: string) =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const examples = readdirSync(new URL("../../examples", import.meta.url))
  .filter((file) => file.endsWith(".graphql"))
  .map((file) => textOf(`examples/${file}`));

/** The operations that the project tells its users to send: those of the tour. */
export const ourOperations: readonly OperationDefinitionNode[] =
  examples.flatMap((text) =>
    parse(text).definitions.filter(
      (definition) => definition.kind === Kind.OPERATION_DEFINITION,
    ),
  );
