import { Server, type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { text } from "node:stream/consumers";
import {
  SMTPServer,
  type SMTPServerDataStream,
  type SMTPServerOptions,
  type SMTPServerSession,
} from "smtp-server";
import type { SmtpConfig } from "../../mail/config.ts";

/** What a mail server does with a mail: take it, refuse it by a code, drop the connection, or take its time. */
export type Treatment =
  | "TAKE"
  | { readonly refuse: number }
  | "DROP"
  | "TAKE_AND_DROP"
  | { readonly delayMs: number };

export interface ReceivedMail {
  readonly to: string;
  readonly from: string;
  /** Headers by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly user: string | undefined;
  readonly isSecure: boolean;
}

/** A real mail server on a loopback port. */
export class TestMailServer {
  readonly received: ReceivedMail[] = [];
  /** How it treats mails to an address from now on. */
  treat: (to: string) => Treatment = () => "TAKE";
  private readonly sockets = new Map<number, Socket>();

  private constructor(
    private readonly server: SMTPServer,
    readonly port: number,
  ) {}

  static async start(
    options: SMTPServerOptions = {
      authOptional: true,
      disabledCommands: ["STARTTLS", "AUTH"],
    },
  ): Promise<TestMailServer> {
    const server = new SMTPServer({
      logger: false,
      ...options,
      onData(stream, session, done) {
        void started.receive(stream, session, done);
      },
    });
    // Clients that are cut off are part of the tests.
    server.on("error", () => undefined);
    const port = await new Promise<number>((resolve) => {
      const listening = server.listen(0, "127.0.0.1", () =>
        resolve((listening.address() as AddressInfo).port),
      );
    });
    const started = new TestMailServer(server, port);
    // Node 20 crashes where a socket is destroyed from under its TLS.
    if (server.server instanceof Server && !options.secure)
      server.server.on("connection", (socket: Socket) => {
        const port = socket.remotePort ?? 0;
        started.sockets.set(port, socket);
        socket.once("close", () => started.sockets.delete(port));
      });
    return started;
  }

  config(changes: Partial<SmtpConfig> = {}): SmtpConfig {
    return {
      host: "127.0.0.1",
      port: this.port,
      tls: "NONE",
      user: null,
      password: null,
      from: { name: "Tributary", address: "no-reply@tributary.example" },
      ...changes,
    };
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.values()) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(resolve));
  }

  private async receive(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    done: (error?: Error | null) => void,
  ): Promise<void> {
    const raw = await text(stream).catch(() => null);
    if (raw === null) return;
    const to = session.envelope.rcptTo[0]?.address ?? "";
    const from = session.envelope.mailFrom;
    const treatment = this.treat(to);
    if (treatment === "DROP") return this.drop(session);
    if (typeof treatment === "object" && "refuse" in treatment) {
      const refusal = new Error("No, thank you.");
      return done(Object.assign(refusal, { responseCode: treatment.refuse }));
    }
    if (typeof treatment === "object")
      await sleep(treatment.delayMs, undefined, { ref: false });
    this.received.push({
      to,
      from: from === false ? "" : from.address,
      ...parse(raw),
      user: session.user?.toString(),
      isSecure: session.secure,
    });
    if (treatment === "TAKE_AND_DROP") this.drop(session);
    else done();
  }

  private drop({ remotePort }: SMTPServerSession): void {
    this.sockets.get(remotePort)?.destroy();
  }
}

function parse(raw: string): Pick<ReceivedMail, "headers" | "text"> {
  const end = raw.indexOf("\r\n\r\n");
  const unfolded = raw.slice(0, end).replace(/\r\n[ \t]+/g, " ");
  const headers: Record<string, string> = {};
  for (const line of unfolded.split("\r\n")) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    if (name in headers) throw new Error(`The header ${name} is there twice.`);
    headers[name] = line.slice(colon + 1).trim();
  }
  const body = raw.slice(end + 4).replaceAll("\r\n", "\n");
  const isQuoted = headers["content-transfer-encoding"] === "quoted-printable";
  return { headers, text: isQuoted ? unquoted(body) : body };
}

const unquoted = (body: string) =>
  decodeURIComponent(
    body
      .replace(/=\n/g, "")
      .replaceAll("%", "%25")
      .replace(/=([0-9A-F]{2})/g, "%$1"),
  );
