import { html, type Html } from "../../common/html.ts";

const focused = (isFirst: boolean): Html =>
  isFirst ? html`autofocus` : html``;

/** Whose password is entered or asked for; `email` is what was entered so far. */
export const emailField = (email = "") =>
  html`<label for="email">E-mail</label>
    <input
      id="email"
      name="email"
      type="email"
      autocomplete="username"
      required
      ${focused(!email)}
      value="${email}"
    />`;

/** The one to begin with where the e-mail stands there already. */
export const passwordField = (label: string, email: string | undefined) =>
  html`<label for="password">${label}</label>
    <input
      id="password"
      name="password"
      type="password"
      autocomplete="current-password"
      required
      ${focused(Boolean(email))}
    />`;

export const newPasswordField = html`<label for="new-password"
    >New password</label
  >
  <input
    id="new-password"
    name="new-password"
    type="password"
    autocomplete="new-password"
    required
    minlength="12"
    aria-describedby="rule"
  />
  <p id="rule">At least 12 characters.</p>`;
