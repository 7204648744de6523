/** A person with a verified e-mail who belongs to no tenant yet. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string | null;
}

/**
 * Who calls, as the token says: an identity of a tenant, a person without one, or nobody.
 * Never its roles: those are asked in the statement that serves the request.
 */
export interface Viewer {
  readonly identityId: string | null;
  /**
   * The tenant of the identity, which never changes; for counting who has used how much, and for no right, which the
   * database alone knows. Null where there is no identity, or its token does not say.
   */
  readonly tenantId: string | null;
  readonly person: Person | null;
  /**
   * Whether who signed in has the e-mail of the user, or of the person, for that was proved to this installation: by a link
   * that was sent there, or by an issuer that the operator trusts for its domain. That a tenant has added a user with an
   * e-mail, and an issuer of its own vouches for it, proves nothing to others.
   */
  readonly isEmailProven: boolean;
  /** When its token ends, in seconds since 1970; for who reads on for long. */
  readonly tokenEndsAt?: number;
}

export const anonymous: Viewer = {
  identityId: null,
  tenantId: null,
  person: null,
  isEmailProven: false,
};

/** One request: who calls, and the id under which logs and ledger know it. */
export interface Call {
  readonly viewer: Viewer;
  readonly requestId: string;
}
