import type { IncomingMessage } from "node:http";
import { decodeJwt } from "jose";
import { unauthenticated } from "../common/errors.ts";
import type { Admit, TrustedIssuer } from "../common/trusted-issuer.ts";
import { VerifiedTokens } from "../common/verified-tokens.ts";
import { anonymous, type Viewer } from "../common/viewer.ts";

/**
 * Who sends a request, by its bearer token. A request without one is anonymous: each field decides about that.
 */
export type Identify = (
  request: IncomingMessage,
  requestId: string,
  admit?: Admit,
) => Promise<Viewer>;

/** By a token of one of these issuers. */
export function identifyBy(trusted: readonly TrustedIssuer[]): Identify {
  const issuers = new Map(trusted.map((each) => [each.issuer, each]));
  const builtIn = trusted.find(({ isBuiltIn }) => isBuiltIn)?.issuer;
  const next = `Get one from ${builtIn ?? "your company's identity provider"}.`;
  const tokens = new VerifiedTokens((token) => {
    const issuer = issuers.get(issuerNamedBy(token));
    if (!issuer)
      throw unauthenticated(`The access token is not valid here. ${next}`);
    return issuer.verify(token);
  });
  return async (request, requestId, admit) => {
    const { authorization } = request.headers;
    if (authorization === undefined) return anonymous;
    const [, token] = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization) ?? [];
    if (token === undefined)
      throw unauthenticated(
        'Send the access token as "Authorization: Bearer <token>".',
      );
    const callerOf = await tokens.read(token, admit);
    return callerOf(request, requestId, admit);
  };
}

/** Whose keys to verify it with; nothing else is believed of a token before that. */
function issuerNamedBy(token: string): string {
  try {
    return decodeJwt(token).iss ?? "";
  } catch {
    return "";
  }
}
