import type { ServerResponse } from "node:http";
import { html, type Html } from "../../common/html.ts";
import { styleSource } from "../../common/html-page.ts";
import { send } from "../../common/http-server.ts";

/** Nothing but our own style, and forms that go to us and on to the front ends that people sign in for. */
export function contentSecurityPolicy(redirectUris: readonly string[]): string {
  const origins = new Set(redirectUris.map((uri) => new URL(uri).origin));
  return [
    "default-src 'none'",
    `style-src ${styleSource}`,
    // The library adds its own script's hash where it has one.
    "script-src 'none'",
    ["form-action 'self'", ...origins].join(" "),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

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
