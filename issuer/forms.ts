import type { IncomingMessage, ServerResponse } from "node:http";
import type { Provider } from "oidc-provider";
import type { Knex } from "../common/database.ts";
import { DomainError, badInput, type ErrorCode } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import { parseEmail } from "../common/text.ts";
import type { IssuerConfig } from "./config.ts";
import type { FormToken } from "./form-token.ts";
import type { LinkStore } from "./link-store.ts";
import type { Html } from "../common/html.ts";
import { sendPage } from "./pages/html.ts";
import type { Person, PersonStore } from "./person-store.ts";
import { isPassword } from "./passwords.ts";
import { readForm } from "./request.ts";
import type { Throttle } from "./throttle.ts";

/** What the pages work with. */
export interface IssuerContext {
  readonly db: Knex;
  readonly config: IssuerConfig;
  readonly log: Logger;
  readonly provider: Provider;
  readonly persons: PersonStore;
  readonly links: LinkStore;
  readonly throttle: Throttle;
  readonly formToken: FormToken;
}

/** One request for a page. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly address: string;
}

/** A page with one form: shown, and shown again with what was wrong with what came in. */
export interface FormPage {
  show(form: {
    token: Html;
    error?: string | undefined;
    entered: URLSearchParams;
  }): string;
  /** Answers the visit itself, or throws a `DomainError` to show the form again. */
  submit(form: URLSearchParams): Promise<void>;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  FORBIDDEN: 403,
  CONFLICT: 409,
  LIMIT_EXCEEDED: 413,
  RATE_LIMITED: 429,
  UNAVAILABLE: 503,
};

export async function serveForm(
  { formToken }: IssuerContext,
  { request, response }: Visit,
  page: FormPage,
): Promise<void> {
  const show = (status: number, entered: URLSearchParams, error?: string) => {
    const token = formToken.field(request, response);
    sendPage(response, status, page.show({ token, error, entered }));
  };
  if (request.method !== "POST") return show(200, new URLSearchParams());
  let form = new URLSearchParams();
  try {
    form = await readForm(request);
    formToken.assert(request, form);
    await page.submit(form);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    show(statuses[error.extensions.code] ?? 400, form, error.message);
  }
}

export function emailFrom(form: URLSearchParams): string {
  const email = parseEmail(form.get("email") ?? "");
  if (!email) throw badInput("Enter an e-mail address, like name@example.com.");
  return email;
}

/** The person whose e-mail and password the form has; refuses both in one way, and after a while all tries. */
export async function authenticate(
  { persons, throttle }: IssuerContext,
  { address }: Visit,
  form: URLSearchParams,
): Promise<Person> {
  const email = emailFrom(form);
  await throttle.admit("password", email, address);
  const person = await persons.findByEmail(email);
  const isRight = await isPassword(
    form.get("password") ?? "",
    person?.passwordHash,
  );
  if (!person || !isRight)
    throw badInput("E-mail and password do not go together. Check both.");
  await throttle.forgive("password", email);
  return person;
}
