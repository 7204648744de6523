import { createTransport } from "nodemailer";
import { Undeliverable, type Carrier } from "./carrier.ts";
import type { SmtpConfig } from "./config.ts";

/** How many connections at most are open to the mail server. */
export const lanes = 4;

/** Sends by a mail server. */
export function smtpCarrier({
  host,
  port,
  tls,
  user,
  password,
  from,
}: SmtpConfig): Carrier {
  const transport = createTransport({
    pool: true,
    maxConnections: lanes,
    host,
    port,
    secure: tls === "IMPLICIT",
    requireTLS: tls === "STARTTLS",
    ignoreTLS: tls === "NONE",
    ...(user !== null && { auth: { user, pass: password ?? "" } }),
    connectionTimeout: 20_000,
    greetingTimeout: 20_000,
    socketTimeout: 60_000,
    // A text is what it says: no file or address is ever read for it.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const domain = from.address.split("@")[1] ?? "";
  return {
    keepsMails: false,
    async carry({ id, to, subject, text, createdAt }, signal) {
      try {
        await transport.sendMail({
          from,
          // As an object it is an address, and never a list of them.
          to: { name: "", address: to },
          envelope: { from: from.address, to: [to] },
          subject,
          text,
          messageId: `<${id}@${domain}>`,
          date: new Date(createdAt),
          headers: { "Auto-Submitted": "auto-generated" },
          signal,
        });
      } catch (error) {
        throw isRefusalOfMail(error)
          ? new Undeliverable(messageOf(error), { cause: error })
          : new Error(messageOf(error), { cause: error });
      }
    },
    close: () => transport.close(),
  };
}

/** Whether the server refuses this mail for ever, as opposed to us, who may be set up wrongly. */
const isRefusalOfMail = (error: unknown): boolean =>
  error instanceof Error &&
  "permanent" in error &&
  error.permanent === true &&
  "code" in error &&
  ["EENVELOPE", "EMESSAGE"].includes(String(error.code));

const messageOf = (error: unknown) =>
  error instanceof Error ? error.message : String(error);
