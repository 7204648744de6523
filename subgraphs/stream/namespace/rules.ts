import { hasRole, type Caller } from "../access/caller.ts";

/** S1: no access list stands above namespaces, so two tenant roles say who creates them. */
export const mayCreateNamespaces = (caller: Caller | null): boolean =>
  caller !== null && hasRole(caller, "CONTRIBUTOR", "ACCOUNT_ADMINISTRATOR");

export const createNamespaces =
  "create namespaces: that is for contributors and account administrators";
