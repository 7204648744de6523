import { badInput } from "./errors.ts";

/** Control characters, breaks of lines, and halves of characters that no UTF-8 can hold. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u;

/** A name or label as it is stored: without spaces around it, of 1 to `max` printable characters. */
export function nameFrom(text: string, at: string, max = 200): string {
  const name = text.trim();
  if (name === "") throw badInput("Give a name; this one is empty.", at);
  if (unprintable.test(name))
    throw badInput(
      "A name is one line without control characters. Remove them.",
      at,
    );
  if ([...name].length > max)
    throw badInput(`A name has at most ${max} characters. Shorten it.`, at);
  return name;
}

/** The words of a search, each of which what is found must contain. */
export function searchWords(search: string, at: string): string[] {
  if (search.length > 200)
    throw badInput("A search has at most 200 characters. Shorten it.", at);
  const words = search.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.some((word) => unprintable.test(word)))
    throw badInput("A search has no control characters. Remove them.", at);
  return words;
}

/** What HTML takes for an e-mail address, and mail servers agree on: printable ASCII. */
const emailPattern =
  /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** An e-mail address in the one form in which it is stored and compared, or null if the text is none. */
export function parseEmail(text: string): string | null {
  const email = text.trim().toLowerCase();
  return email.length <= 254 && emailPattern.test(email) ? email : null;
}

/** An e-mail address as it is stored. */
export function emailFrom(text: string, at: string): string {
  const email = parseEmail(text);
  if (email === null)
    throw badInput(
      'This is no e-mail address. Write one like "ada@example.com".',
      at,
    );
  return email;
}

/** A description as it is stored: lines of text, or null for none. */
export function descriptionFrom(
  text: string | null | undefined,
  at: string,
  max = 2000,
): string | null {
  const description = text?.trim() || null;
  if (description !== null && /[^\P{Cc}\t\r\n]|\p{Cs}/u.test(description))
    throw badInput(
      "A description has no control characters besides line breaks. Remove them.",
      at,
    );
  if (description !== null && [...description].length > max)
    throw badInput(
      `A description has at most ${max} characters. Shorten it.`,
      at,
    );
  return description;
}

/**
 * What people wrote, for a mail. Mail programs make links of whatever looks like an address, and some pass over
 * characters that nobody sees. A space where an address would run on keeps them from it, and people can still read it.
 */
export const withoutLinks = (text: string): string =>
  text
    .replace(/(?<=[^\p{Z}\p{Cc}])([.:@])(?=\p{Cf}*[\p{L}\p{M}\p{S}/])/gu, "$1 ")
    .replace(/\\(?=\\)/g, "\\ ");

/** What another machine said, for a line of a terminal or a log: nothing that moves the cursor, and no more than `max` characters. */
export function oneLine(text: string, max = 500): string {
  const characters = [...text.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim()];
  return characters.length <= max
    ? characters.join("")
    : `${characters.slice(0, max - 1).join("")}…`;
}
