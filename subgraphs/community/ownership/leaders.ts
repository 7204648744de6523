/** Who is told of a community's ownership: those who look after each tenant here. */
export const leaders = [
  { role: "MODERATOR" },
  { role: "ACCOUNT_ADMINISTRATOR" },
] as const;
