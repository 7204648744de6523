import { html, type Html } from "../../common/html.ts";
import { page } from "../../common/html-page.ts";
import type { Membership } from "../person-store.ts";
import { emailField, passwordField } from "./fields.ts";
import { alert, type Form } from "./html.ts";

export const signInPage = ({
  token,
  error,
  email,
}: Form & { email?: string | undefined }) =>
  page(
    "Sign in",
    html`${alert(error)}
      <form method="post">
        ${token} ${emailField(email)} ${passwordField("Password", email)}
        <button>Sign in</button>
      </form>
      <p>
        <a href="/oidc/password">New here, or forgot your password?</a><br />
        <a href="/oidc/password/change">Change your password</a>
      </p>`,
  );

export const choosePage = ({
  token,
  error,
  memberships,
}: Form & { memberships: readonly Membership[] }) =>
  page(
    "Choose a tenant",
    html`${alert(error)}
      <p>You have a user in several tenants. For which one do you sign in?</p>
      <form method="post">
        ${token}
        ${memberships.map(
          ({ identity, tenantName }) =>
            html`<button name="identity" value="${identity}">
              ${tenantName}
            </button>`,
        )}
      </form>
      <p><a href="/oidc/session/end">Sign out</a></p>`,
  );

/** `form` is the library's, without a button. */
export const signOutPage = (form: Html) =>
  page(
    "Sign out?",
    html`${form}
      <button form="op.logoutForm" name="logout" value="yes" autofocus>
        Yes, sign out
      </button>
      <button form="op.logoutForm">No, stay signed in</button>`,
  );

export const signedOutPage = () =>
  page("You are signed out", html`<p><a href="/">Back to Tributary</a></p>`);

export const problemPage = (title: string, message: string) =>
  page(
    title,
    html`${alert(message)}
      <p><a href="/">Back to Tributary</a></p>`,
  );
