import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transformSync } from "oxc-transform";

/** A module as TypeScript without its types; stacks tell its own lines. */
export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const file = fileURLToPath(url);
  const { code, map, errors } = transformSync(
    file,
    await readFile(file, "utf8"),
    { sourcemap: true, typescript: { onlyRemoveTypeImports: true } },
  );
  if (errors.length > 0)
    throw new SyntaxError(
      `${file} cannot be read:\n${errors.map(({ codeframe, message }) => codeframe ?? message).join("\n")}`,
    );
  const { version, mappings, names } = map;
  const source = JSON.stringify({ version, mappings, names, sources: [url] });
  const inline = Buffer.from(source).toString("base64");
  return {
    format: "module",
    source: `${code}\n//# sourceMappingURL=data:application/json;base64,${inline}`,
    shortCircuit: true,
  };
}
