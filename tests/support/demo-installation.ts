import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeHome } from "./embedded-postgres.ts";
import type { Caller } from "./over-http.ts";
import { signIn, signInClient } from "./over-http.ts";
import {
  freePort,
  isReady,
  Process,
  stopAll,
  type Environment,
} from "./process.ts";

export interface DemoIdentity {
  readonly id: string;
  readonly kind: "user" | "client";
  readonly name: string;
  readonly email?: string;
  readonly password?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly tenantId: string;
}

/** `npm start`, with its demo world. */
export class DemoInstallation {
  private readonly callers = new Map<string, Promise<Caller>>();

  private constructor(
    readonly origin: string,
    readonly home: string,
    readonly environment: Environment,
    readonly identities: readonly DemoIdentity[],
  ) {}

  static async start(): Promise<DemoInstallation> {
    const home = await makeHome();
    const port = await freePort();
    const origin = `http://127.0.0.1:${port}`;
    const environment = { PORT: `${port}`, TRIBUTARY_DATA: home };
    const installation = new Process(["installation/main.ts"], environment);
    await installation.until(() => isReady(origin));
    const told = await readFile(join(home, "demo.json"), "utf8");
    const { identities } = JSON.parse(told) as {
      identities: DemoIdentity[];
    };
    return new DemoInstallation(origin, home, environment, identities);
  }

  get graphql(): string {
    return `${this.origin}/graphql`;
  }

  person(email: string): Required<Pick<DemoIdentity, "email" | "password">> {
    const { password } = this.identity((one) => one.email === email);
    return { email, password: password ?? "" };
  }

  /** The program of this person's company. */
  program(email: string) {
    const { tenantId } = this.identity((one) => one.email === email);
    const { clientId = "", clientSecret = "" } = this.identity(
      (one) => one.kind === "client" && one.tenantId === tenantId,
    );
    return { clientId, clientSecret };
  }

  /** A person who has signed in, by e-mail. */
  as(email: string): Promise<Caller> {
    const { password } = this.person(email);
    const caller =
      this.callers.get(email) ?? signIn(this.origin, email, password);
    this.callers.set(email, caller);
    return caller;
  }

  asProgramOf(email: string): Promise<Caller> {
    const { clientId, clientSecret } = this.program(email);
    return signInClient(this.origin, clientId, clientSecret);
  }

  /** The newest link of this kind that was mailed to somebody. */
  async linkMailedTo(email: string, kind: RegExp): Promise<string> {
    const response = await fetch(new URL("/dev/mail", this.origin), {
      headers: { accept: "application/json" },
    });
    const mails = (await response.json()) as { to: string; links: string[] }[];
    const links = mails.flatMap(({ to, links }) => (to === email ? links : []));
    return links.find((link) => kind.test(link)) ?? "no link";
  }

  async stop(): Promise<void> {
    await stopAll();
    await rm(this.home, { recursive: true, force: true });
  }

  private identity(isMeant: (one: DemoIdentity) => boolean): DemoIdentity {
    const found = this.identities.find(isMeant);
    if (!found) throw new Error("There is nobody like that in the demo world.");
    return found;
  }
}
