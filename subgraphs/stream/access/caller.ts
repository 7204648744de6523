import type { TenantRole } from "../generated.ts";

/** The calling identity, with its tenant and its roles there, MEMBER included. */
export interface Caller {
  readonly id: string;
  readonly rowId: number;
  readonly tenantId: string;
  readonly tenantRowId: number;
  readonly roles: readonly TenantRole[];
  /** Whether its tenant may use communities. */
  readonly isEntitled: boolean;
  /** Whether it is moderator or administrator of some community. */
  readonly leads: boolean;
}

export const hasRole = (
  { roles }: Caller,
  ...wanted: readonly TenantRole[]
): boolean => wanted.some((role) => roles.includes(role));
