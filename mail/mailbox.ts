import type { IncomingMessage } from "node:http";
import type { Knex } from "../common/database.ts";
import { html } from "../common/html.ts";
import { page, styleSource } from "../common/html-page.ts";
import {
  isLoopback,
  send,
  sendJson,
  type Handler,
} from "../common/http-server.ts";
import { linksIn } from "./links.ts";
import { OutboxStore, type KeptMail } from "./outbox-store.ts";

const shown = 500;

/** The development mailbox: the mails that nobody sent, the newest first, as a page or as JSON. */
export function mailbox(db: Knex, publicUrl: URL): Handler {
  const outbox = new OutboxStore(db);
  return async (request, response) => {
    response.setHeader("cache-control", "no-store");
    if (!isFromHere(request))
      return sendJson(response, 404, {
        error: "The development mailbox is read on this machine alone.",
      });
    const mails = (await outbox.kept(shown)).map((mail) => ({
      ...mail,
      links: linksIn(mail.text, publicUrl),
    }));
    if (/\bapplication\/json\b/.test(String(request.headers.accept)))
      return sendJson(response, 200, mails);
    response.setHeader(
      "content-security-policy",
      `default-src 'none'; style-src ${styleSource}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    send(response, 200, "text/html; charset=utf-8", mailboxPage(mails));
  };
}

/** A page of another site could have its name lead to this address, and read along; the browser names it then. */
const isFromHere = ({ headers: { host = "" } }: IncomingMessage): boolean =>
  URL.canParse(`http://${host}`) &&
  isLoopback(new URL(`http://${host}`).hostname);

const mailboxPage = (
  mails: readonly (KeptMail & { links: readonly string[] })[],
) =>
  page(
    "Mailbox",
    html`<p>What would be sent if SMTP_URL were set, the newest first.</p>
      ${mails.map(
        ({ to, subject, text, links }) =>
          html`<article>
            <h2>${subject}</h2>
            <p>To ${to}</p>
            <pre>${text}</pre>
            ${links.map((link) => html`<p><a href="${link}">${link}</a></p>`)}
          </article>`,
      )}`,
  );
