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
    const link = await linkMailedTo(this.installation, email, "password");
    const caller = await enter(this.installation, email, link);
    return { id: createUser.id, caller };
  }

  /** The other company's administrator opens the link and accepts, and this one confirms. */
  async invite(other: Company, communityId: string): Promise<void> {
    const { administratorEmail: email } = other;
    const { inviteTenant } = await this.administrator.get<{
      inviteTenant: { id: string };
    }>(
      `mutation ($input: InviteTenantInput!) { inviteTenant(input: $input) { id } }`,
      { input: { communityId, email } },
    );
    const link = await linkMailedTo(this.installation, email, "invitation");
    const token = link.slice(link.lastIndexOf("/") + 1);
    await other.administrator.get(
      `mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) { id } }`,
      { input: { token, contactEmail: email } },
    );
    await this.administrator.get(
      `mutation ($input: ConfirmInvitationInput!) { confirmInvitation(input: $input) { id } }`,
      { input: { id: inviteTenant.id, tenantId: other.id } },
    );
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

/** The link that was mailed to somebody; it is in the log for as long as no mail server is set. */
async function linkMailedTo(
  { processes }: SeparateProcesses,
  email: string,
  path: string,
): Promise<string> {
  const [, link = ""] = await processes.gateway.said(
    new RegExp(`Mail for ${email}, .*?: (http[^"\\s]+/${path}/[^"\\s]+)`),
  );
  return link;
}

async function enter(
  { urls: { gateway } }: SeparateProcesses,
  email: string,
  link: string,
): Promise<Caller> {
  await setPassword(link, password, email);
  return signIn(gateway, email, password);
}
