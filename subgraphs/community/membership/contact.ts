import { emailFrom, nameFrom } from "../../../common/text.ts";

/** What a tenant is called in a community, if not by its name. */
export const aliasFrom = (alias: string | null | undefined): string | null =>
  alias == null ? null : nameFrom(alias, "input.alias");

/** How the other tenants reach it. */
export const contactEmailFrom = (
  email: string | null | undefined,
): string | null =>
  email == null ? null : emailFrom(email, "input.contactEmail");
