/** The links of a mail: lines that are an address of this installation and nothing else. */
export const linksIn = (text: string, publicUrl: URL): string[] =>
  text
    .split("\n")
    .filter(
      (line) =>
        URL.canParse(line) &&
        /^\S+$/.test(line) &&
        new URL(line).origin === publicUrl.origin,
    );
