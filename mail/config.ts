import type { EnvironmentReader } from "../common/config.ts";
import { isLoopback } from "../common/http-server.ts";
import { readPublicUrl } from "../common/public-url.ts";
import { parseEmail } from "../common/text.ts";

export interface SmtpConfig {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; otherwise by STARTTLS, which must succeed, or not at all. */
  readonly tls: "IMPLICIT" | "STARTTLS" | "NONE";
  readonly user: string | null;
  readonly password: string | null;
  readonly from: { readonly name: string; readonly address: string };
}

export interface MailConfig {
  readonly publicUrl: URL;
  /** Null while developing: mails are kept in the outbox, and their links are printed in the log. */
  readonly smtp: SmtpConfig | null;
  /** Whether the kept mails are shown at /dev/mail: never where others could reach it. */
  readonly hasMailbox: boolean;
  /** After so many failures a mail is a dead letter. */
  readonly maxAttempts: number;
}

export function readMailConfig(reader: EnvironmentReader): MailConfig {
  const publicUrl = readPublicUrl(reader);
  const isDevelopment = reader.optional("NODE_ENV") !== "production";
  const smtp = readSmtp(reader);
  if (smtp === null && !isDevelopment)
    reader.fault(
      "SMTP_URL is missing: in production a mail server sends the e-mails, like smtps://user:password@mail.example.com, and MAIL_FROM is their sender.",
    );
  return {
    publicUrl,
    smtp,
    hasMailbox:
      isDevelopment &&
      smtp === null &&
      isLoopback(reader.text("HOST", "127.0.0.1")) &&
      isLoopback(publicUrl.hostname),
    maxAttempts: reader.integer("MAIL_ATTEMPTS", 30, { min: 1, max: 1000 }),
  };
}

/** No fault repeats the URL, which may hold a password. */
function readSmtp(reader: EnvironmentReader): SmtpConfig | null {
  const given = reader.optional("SMTP_URL");
  const hasTls = reader.flag("SMTP_TLS", true);
  if (given === undefined) return null;
  const from = readSender(reader);
  const url = URL.canParse(given) ? new URL(given) : new URL("invalid:");
  if (!/^smtps?:$/.test(url.protocol) || !url.hostname)
    reader.fault(
      "SMTP_URL must be like smtp://user:password@mail.example.com:587, or smtps:// for TLS from the start; write other characters of user and password than letters and digits as %XX.",
    );
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const isImplicit = url.protocol === "smtps:";
  if (!hasTls && isImplicit)
    reader.fault("SMTP_TLS=off goes with smtp://, not with smtps://.");
  if (!hasTls && url.password && !isLoopback(host))
    reader.fault(
      "SMTP_TLS=off would send the password of SMTP_URL in the clear. Leave it out, or use a server on loopback.",
    );
  return {
    host,
    port: Number(url.port) || (isImplicit ? 465 : 587),
    tls: isImplicit ? "IMPLICIT" : hasTls ? "STARTTLS" : "NONE",
    user: decoded(url.username),
    password: decoded(url.password),
    from,
  };
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part) || null;
  } catch {
    // A percent sign that stands for itself.
    return part;
  }
}

/** `no-reply@example.com` or `Tributary <no-reply@example.com>`. */
function readSender(reader: EnvironmentReader): SmtpConfig["from"] {
  const text = reader.text("MAIL_FROM");
  const [, name = "", inBrackets] =
    /^([^\p{Cc}<>"]*)<([^<>]*)>$/u.exec(text) ?? [];
  const address = parseEmail(inBrackets ?? text);
  if (address === null && text)
    reader.fault(
      `MAIL_FROM must be an e-mail address, like no-reply@example.com or Tributary <no-reply@example.com>, not "${text}".`,
    );
  return { name: name.trim() || "Tributary", address: address ?? "" };
}
