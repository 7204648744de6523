import { StartError } from "../../common/config.ts";
import { CsvFile } from "./csv-file.ts";

/** What a side file says of a column's stream. */
export interface Description {
  readonly name: string | null;
  readonly unit: string | null;
}

/** A side file by column: `tag` names the column; a name or unit may be missing. */
export async function readDescriptions(
  path: string,
): Promise<Map<string, Description>> {
  const file = await CsvFile.open(path);
  const place = (column: string) => file.columns.indexOf(column);
  const [tag, name, unit] = [place("tag"), place("name"), place("unit")];
  if (tag < 0)
    throw new StartError(
      `${path}: there is no column "tag" that says which column of the imported file a row describes.`,
    );
  const descriptions = new Map<string, Description>();
  for await (const rows of file.rows())
    for (const { cells } of rows.records)
      descriptions.set(cells[tag]?.trim() ?? "", {
        name: cells[name]?.trim() || null,
        unit: cells[unit]?.trim() || null,
      });
  return descriptions;
}
