import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { forbidden } from "../common/errors.ts";
import { mountPath } from "./config.ts";
import { html, type Html } from "../common/html.ts";

const cookieName = "tributary_form";
const fieldName = "form_token";

/**
 * Keeps other sites from sending our forms in somebody's name: a random cookie, which they cannot read, and in each
 * form its signature, which they cannot make.
 */
export class FormToken {
  constructor(
    private readonly keys: readonly string[],
    private readonly isSecure: boolean,
  ) {}

  /** The form's hidden field; sets the cookie if the browser has none. */
  field(request: IncomingMessage, response: ServerResponse): Html {
    let value = cookieOf(request);
    if (!value) {
      value = randomBytes(16).toString("base64url");
      response.appendHeader(
        "set-cookie",
        `${cookieName}=${value}; Path=${mountPath}; HttpOnly; SameSite=Lax${this.isSecure ? "; Secure" : ""}`,
      );
    }
    return html`<input
      type="hidden"
      name="${fieldName}"
      value="${sign(value, this.keys[0] ?? "")}"
    />`;
  }

  assert(request: IncomingMessage, form: URLSearchParams): void {
    const value = cookieOf(request);
    const token = Buffer.from(form.get(fieldName) ?? "");
    const isOurs = this.keys.some((key) => {
      const expected = Buffer.from(sign(value, key));
      return (
        token.length === expected.length && timingSafeEqual(token, expected)
      );
    });
    if (!value || !isOurs)
      throw forbidden(
        "This form did not come from this site, or your browser keeps no cookies. Open the page anew and try again.",
      );
  }
}

const sign = (value: string, key: string) =>
  createHmac("sha256", key).update(`form ${value}`).digest("base64url");

const cookieOf = ({ headers }: IncomingMessage) =>
  new RegExp(`(?:^|;\\s*)${cookieName}=([\\w-]+)`).exec(
    headers.cookie ?? "",
  )?.[1] ?? "";
