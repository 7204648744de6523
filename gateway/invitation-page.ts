import { html } from "../common/html.ts";
import { page, styleSource } from "../common/html-page.ts";
import { send, splitUrl, type Handler } from "../common/http-server.ts";

/**
 * Where the link of an invitation leads: tells what to do next. It reads nothing and uses nothing up, because programs
 * that check mail open links too; the graph shows the invitation to whoever has signed in.
 */
export const invitationPage =
  (isBuiltInOn: boolean): Handler =>
  (request, response) => {
    const [path] = splitUrl(request);
    const [, token] = /^\/invitation\/([\w-]{43})$/.exec(path) ?? [];
    response.setHeader(
      "content-security-policy",
      `default-src 'none'; style-src ${styleSource}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    );
    // The address is the secret.
    response.setHeader("cache-control", "no-store");
    response.setHeader("referrer-policy", "no-referrer");
    send(
      response,
      token === undefined ? 404 : 200,
      "text/html; charset=utf-8",
      token === undefined ? incomplete : invited(token, isBuiltInOn),
    );
  };

const incomplete = page(
  "This link is not complete",
  html`<p>
    Open it from the e-mail once more, or copy the whole line. If it still does
    not work, ask whoever invited you to send it again.
  </p>`,
);

const registering = html`If you are new,
  <a href="/oidc/password">register your e-mail</a> first.`;

const invited = (token: string, isBuiltInOn: boolean) =>
  page(
    "You are invited",
    html`<p>
        A company invites yours to its community: a private group of companies
        in which each decides alone what data it shares.
      </p>
      <h2>1. Sign in</h2>
      <p>
        In the front end of your company, or in the
        <a href="/">explorer</a> here. ${isBuiltInOn ? registering : ""}
      </p>
      <h2>2. See the invitation</h2>
      <p>There, run</p>
      <pre tabindex="0" aria-label="Query">${seeing(token)}</pre>
      <h2>3. Answer it</h2>
      <p>
        An account administrator of your company's tenant accepts. Once the
        other side has confirmed it, your tenant is in.
      </p>
      <pre tabindex="0" aria-label="Accept">${accepting(token)}</pre>
      ${
        isBuiltInOn
          ? html`<p>
                If your company has no tenant yet, found it in the same request.
              </p>
              <pre tabindex="0" aria-label="Found a tenant and accept">
${founding(token)}</pre>`
          : html`<p>If your company has no tenant yet, ask the operator.</p>`
      }
      <p>Or decline, for good.</p>
      <pre tabindex="0" aria-label="Decline">${declining(token)}</pre>`,
  );

const seeing = (token: string) => `{
  invitation(token: "${token}") {
    state communityName communityDescription
    issuingTenantName issuedByName message
    expiresAt joiningMeans
  }
}`;

const acceptance = (token: string) => `acceptInvitation(input: {
    token: "${token}"
    contactEmail: "data@example.com"
  }) { state expiresAt }`;

const accepting = (token: string) => `mutation {
  ${acceptance(token)}
}`;

const founding = (token: string) => `mutation {
  signUpTenant(input: {
    name: "Your company"
    invitationToken: "${token}"
  }) { id }
  ${acceptance(token)}
}`;

const declining = (token: string) => `mutation {
  declineInvitation(token: "${token}") { state }
}`;
