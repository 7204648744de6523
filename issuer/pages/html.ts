import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { Html, html } from "../../common/html.ts";
import { send } from "../../common/http-server.ts";

const style = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { margin: 0; }
  main { max-width: 24rem; margin: 10vh auto; padding: 0 1rem; }
  h1 { font-size: 1.5rem; }
  label { display: block; margin-top: 1rem; font-weight: 600; }
  input:not([type=hidden]), button { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; }
  button { margin-top: 1.25rem; font-weight: 600; cursor: pointer; }
  :focus-visible { outline: 3px solid #2f6fde; outline-offset: 2px; }
  [role=alert] { border-left: 4px solid #c62828; padding-left: .75rem; }
`;

/** Nothing but our own style, and forms that go to us and on to the front ends that people sign in for. */
export function contentSecurityPolicy(redirectUris: readonly string[]): string {
  const hash = createHash("sha256").update(style).digest("base64");
  const origins = new Set(redirectUris.map((uri) => new URL(uri).origin));
  return [
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    // The library adds its own script's hash where it has one.
    "script-src 'none'",
    ["form-action 'self'", ...origins].join(" "),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export const page = (title: string, content: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} · Tributary</title>
        ${new Html(`<style>${style}</style>`)}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html> `.text;

/** What every page with a form is given. */
export interface Form {
  /** The hidden field against forged forms. */
  readonly token: Html;
  readonly error?: string | undefined;
}

/** What went wrong, read out at once by a screen reader. */
export const alert = (message: string | undefined): Html =>
  message === undefined ? html`` : html`<p role="alert">${message}</p>`;

export function sendPage(
  response: ServerResponse,
  status: number,
  text: string,
): void {
  send(response, status, "text/html; charset=utf-8", text);
}
