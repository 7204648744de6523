/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = Html | readonly Html[] | string | undefined;

/** Every value is escaped unless it is HTML itself. */
export const html = (parts: TemplateStringsArray, ...values: Value[]): Html =>
  new Html(
    parts
      .map((part, i) => part + (i < values.length ? toHtml(values[i]) : ""))
      .join(""),
  );

function toHtml(value: Value): string {
  if (value instanceof Html) return value.text;
  if (typeof value === "string") return escape(value);
  return (value ?? []).map(toHtml).join("\n");
}

const escape = (text: string) =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
