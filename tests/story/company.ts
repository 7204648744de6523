import type { TenantRole } from "../../subgraphs/tenant/generated.ts";
import {
  setPassword,
  signIn,
  signInClient,
  type Caller,
} from "../support/over-http.ts";
import type { SeparateProcesses } from "../support/separate-processes.ts";

const password = "correct horse battery staple";

/** Somebody who takes part in the story, signed in. */
export interface Character {
  readonly id: string;
  readonly caller: Caller;
}

/** A tenant as its administrator brings it into being. */
export class Company {
  private constructor(
    private readonly installation: SeparateProcesses,
    readonly id: string,
    readonly administratorEmail: string,
    readonly administrator: Caller,
  ) {}

  /** The operator founds it and passes the link on; its administrator sets a password and signs in. */
  static async found(
    installation: SeparateProcesses,
    name: string,
    email: string,
  ): Promise<Company> {
    const told = await installation.operate(
      ...["tenant", "found", name, "--email", email],
    );
    const id = /^Tenant (\S+)$/m.exec(told)?.[1] ?? "";
    const link = /password by (\S+),/.exec(told)?.[1] ?? "";
    const caller = await enter(installation, email, link);
    return new Company(installation, id, email, caller);
  }

  /** The link is in the log for as long as no mail server is set. */
  async addUser(
    name: string,
    email: string,
    roles: readonly TenantRole[],
  ): Promise<Character> {
    const { createUser } = await this.administrator.get<{
      createUser: { id: string };
    }>(
      `mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }`,
      { input: { name, email, roles } },
    );
    const [, link = ""] = await this.installation.processes.gateway.said(
      new RegExp(`Mail for ${email}, .*?: (http[^"\\s]+)`),
    );
    const caller = await enter(this.installation, email, link);
    return { id: createUser.id, caller };
  }

  async addClient(
    name: string,
    roles: readonly TenantRole[],
  ): Promise<Character> {
    const {
      createClient: { client, plainSecret },
    } = await this.administrator.get<{
      createClient: {
        client: { id: string; clientId: string };
        plainSecret: string;
      };
    }>(
      `mutation ($input: CreateClientInput!) {
        createClient(input: $input) { client { id clientId } plainSecret }
      }`,
      { input: { name, roles } },
    );
    const { gateway } = this.installation.urls;
    const caller = await signInClient(gateway, client.clientId, plainSecret);
    return { id: client.id, caller };
  }
}

async function enter(
  { urls: { gateway } }: SeparateProcesses,
  email: string,
  link: string,
): Promise<Caller> {
  await setPassword(link, password, email);
  return signIn(gateway, email, password);
}
