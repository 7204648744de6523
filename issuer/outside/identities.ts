import type { Knex } from "../../common/database.ts";
import { DomainError, unauthenticated } from "../../common/errors.ts";
import { record } from "../../common/ledger-store.ts";
import { tenantHeader } from "../../common/trusted-issuer.ts";
import { anonymous } from "../../common/viewer.ts";
import type { TenantIdentity } from "../person-store.ts";
import type { OutsideIssuer } from "./config.ts";
import {
  SubjectStore,
  type LinkableUser,
  type OutsideUser,
} from "./subject-store.ts";
import type { OutsideSubject } from "./tokens.ts";

/** Whom a token stands for, and whether its issuer is one that the operator trusts with the e-mail. */
export interface OutsideIdentity extends TenantIdentity {
  readonly isEmailProven: boolean;
}

/** Which identities the subjects of an outside issuer are; asked for each request, for links and users come and go. */
export class OutsideIdentities {
  private readonly subjects: SubjectStore;

  constructor(
    private readonly db: Knex,
    private readonly issuer: OutsideIssuer,
  ) {
    this.subjects = new SubjectStore(db);
  }

  /** In the tenant that is wanted, or in the only one. Throws what to do next where there is none, or several are. */
  async find(
    from: OutsideSubject,
    wanted: string | undefined,
    requestId: string,
  ): Promise<OutsideIdentity> {
    const clientId = this.issuer.clients.get(from.subject);
    if (clientId !== undefined)
      return { ...(await this.client(clientId, wanted)), isEmailProven: false };
    const user =
      chosenOf(await this.linked(from), wanted) ??
      (await this.link(from, wanted, requestId));
    const isEmailProven = isOfDomains(user.email, this.issuer.domains ?? []);
    return { ...user, isEmailProven };
  }

  private async client(
    identityId: string,
    wanted: string | undefined,
  ): Promise<TenantIdentity> {
    const client = await this.subjects.client(identityId);
    const { issuer, tenants } = this.issuer;
    if (!client || !tenants?.includes(client.tenantId))
      throw unauthenticated(
        `This account of ${issuer} acts as a client that was removed or disabled, or is of none of the issuer's tenants. Ask the operator.`,
      );
    if (wanted !== undefined && wanted !== client.tenantId)
      throw noUserThere([]);
    return client;
  }

  private async linked({ subject }: OutsideSubject): Promise<OutsideUser[]> {
    const users = await this.subjects.linked(this.issuer.issuer, subject);
    return users.filter((user) => this.speaksFor(user));
  }

  /** By the e-mail, once: from then on the subject says who it is. */
  private async link(
    from: OutsideSubject,
    wanted: string | undefined,
    requestId: string,
  ): Promise<OutsideUser> {
    const linkable = await this.linkable(from);
    // In this order, so that whom another request links meanwhile is in one of the two.
    const linked = await this.linked(from);
    const already = chosenOf(linked, wanted);
    if (already) return already;
    const further = linkable.filter(isNoneOf(linked));
    const users = [...linked, ...further];
    const chosen =
      wanted === undefined
        ? chosenOf([...linked, ...further.filter(isAtHome)], wanted)
        : chosenOf(users, wanted);
    if (!chosen) throw this.refusal(from, users, wanted);
    const { issuer } = this.issuer;
    const { identity, tenantId } = chosen;
    await this.db.transaction(async (transaction) => {
      const store = new SubjectStore(transaction);
      if (!(await store.link(issuer, from.subject, chosen))) return;
      const viewer = { ...anonymous, identityId: identity, tenantId };
      await record(transaction, { viewer, requestId }, "linkSubject", [
        {
          kind: "IDENTITY",
          subjectType: "User",
          subjectId: identity,
          tenantIds: [tenantId],
          after: { issuer },
        },
      ]);
    });
    // Of two requests at once, either finds what one of them has linked.
    const now = await this.linked(from);
    const found = now.find((user) => user.identity === identity);
    if (!found) throw this.refusal(from, [], wanted);
    return found;
  }

  private async linkable({
    subject,
    email,
  }: OutsideSubject): Promise<LinkableUser[]> {
    if (!("verified" in email)) return [];
    const users = await this.subjects.linkable(
      this.issuer.issuer,
      subject,
      email.verified,
    );
    return users.filter((user) => this.speaksFor(user));
  }

  private speaksFor({ tenantId, email }: OutsideUser): boolean {
    const { tenants, domains } = this.issuer;
    return (
      (!tenants || tenants.includes(tenantId)) &&
      (!domains || isOfDomains(email, domains))
    );
  }

  private refusal(
    { email }: OutsideSubject,
    users: readonly OutsideUser[],
    wanted: string | undefined,
  ): DomainError {
    if (users.length > 0)
      return wanted === undefined ? chooseOne(users) : noUserThere(users);
    const why =
      "fault" in email
        ? email.fault
        : "No user whom this issuer may speak for has its e-mail, or another account is that user's already. Ask your tenant's account administrator to add you as a user.";
    return unauthenticated(
      `This account of ${this.issuer.issuer} is no user here. ${why}`,
    );
  }
}

/** `email` as it is stored; a domain stands for itself, not for what is below it. */
export const isOfDomains = (email: string, domains: readonly string[]) =>
  domains.includes(email.slice(email.lastIndexOf("@") + 1));

const isNoneOf = (users: readonly OutsideUser[]) => (user: OutsideUser) =>
  users.every(({ identity }) => identity !== user.identity);

/** Whoever adds the e-mail of somebody who was linked before does not get its requests by that. */
const isAtHome = ({ isElsewhere }: LinkableUser) => !isElsewhere;

function chosenOf(
  users: readonly OutsideUser[],
  wanted: string | undefined,
): OutsideUser | undefined {
  if (wanted !== undefined)
    return users.find(({ tenantId }) => tenantId === wanted);
  return users.length === 1 ? users[0] : undefined;
}

const chooseOne = (users: readonly OutsideUser[]) =>
  new DomainError(
    "BAD_USER_INPUT",
    `${users.length > 1 ? "You have users in several tenants. Name one" : "The user that you were was removed or disabled. To go on as another one, name its tenant"} by the header ${tenantHeader}: ${listed(users)}.`,
    { tenants: tenantsOf(users) },
  );

/** The same for a tenant that there is and one that there is not. */
const noUserThere = (users: readonly OutsideUser[]) =>
  new DomainError(
    "UNAUTHENTICATED",
    `You have no user in the tenant that the header ${tenantHeader} names. ${users.length > 0 ? `Name one of yours: ${listed(users)}.` : "Leave it out."}`,
    { tenants: tenantsOf(users) },
  );

const tenantsOf = (users: readonly OutsideUser[]) =>
  users.map(({ tenantId, tenantName }) => ({ id: tenantId, name: tenantName }));

const listed = (users: readonly OutsideUser[]) =>
  tenantsOf(users)
    .map(({ id, name }) => `${id} (${name})`)
    .join(", ");
