import { StartError } from "../common/config.ts";
import { runCommand } from "./command.ts";

const usage = `
Usage: npm run start:subgraph <tenant | community | stream>

Starts one subgraph as a process of its own, for a gateway that runs as one too. By environment, as
docs/configuration.md tells in full:

  <NAME>_DATABASE_URL     as printed by "npm run migrate -- --urls"
  INTERNAL_TOKEN_SECRET   the same as the gateway's; at least 32 characters
  HOST, PORT              127.0.0.1 and 4001 (tenant), 4002 (community), 4003 (stream)
  POOL_SIZE, LOG_LEVEL    10 connections, info

The community subgraph, which seals the ledger, reads besides:

  LEDGER_KEYS             {"signing":[JWK]}; without it ledger-keys.json in TRIBUTARY_DATA (.tributary)

The tenant subgraph reads besides:

  PUBLIC_URL              where clients reach the gateway; one-use links lead there
  SIGN_UP                 "open"; "invitation": to whoever has the link of an invitation; "off": the operator founds tenants
  SIGN_UP_ENTITLEMENTS    of a tenant founded by sign-up: COMMUNITIES, or "none"
  USER_MAILS_PER_DAY      how many e-mails a tenant sends to new users in 24 hours (200)

The community subgraph reads besides PUBLIC_URL and the limits of invitations: INVITATION_DAYS, INVITATIONS_PER_DAY,
INVITATION_RESEND_MINUTES, INVITATION_MESSAGE_LENGTH, INVITE_AFTER_DECLINE.
`;

const names = ["tenant", "community", "stream"];

await runCommand(usage, {}, async ({ positionals: [name = "", ...rest] }) => {
  if (!names.includes(name) || rest.length > 0)
    throw new StartError(`Name one of ${names.join(", ")}.\n\n${usage.trim()}`);
  await import(`../subgraphs/${name}/main.ts`);
});
