import { html } from "../../common/html.ts";
import { page } from "../../common/html-page.ts";
import { emailField, newPasswordField, passwordField } from "./fields.ts";
import { alert, type Form } from "./html.ts";

export const requestLinkPage = ({ token, error }: Form) =>
  page(
    "Set your password by e-mail",
    html`${alert(error)}
      <p>
        We send you a link. If you are new, it registers your e-mail; if you
        forgot your password, it lets you choose another one.
      </p>
      <form method="post">
        ${token} ${emailField()}
        <button>Send the link</button>
      </form>`,
  );

/** The same whether or not anybody has this e-mail. */
export const linkSentPage = () =>
  page(
    "The link is on its way",
    html`<p>
      Open it within 24 hours; it works once. In a trial without a mail server,
      find it at <a href="/dev/mail">/dev/mail</a> or in the log.
    </p>`,
  );

export const setPasswordPage = ({
  token,
  error,
  email,
  name,
}: Form & {
  email: string;
  /** Asked of somebody new: what was entered so far. */
  name?: string | undefined;
}) =>
  page(
    "Choose a password",
    html`${alert(error)}
      <form method="post">
        ${token}
        <input
          type="hidden"
          name="username"
          autocomplete="username"
          value="${email}"
        />
        <p>For ${email}.</p>
        ${
          name === undefined
            ? ""
            : html`<label for="name">Your name</label>
                <input
                  id="name"
                  name="name"
                  autocomplete="name"
                  required
                  maxlength="200"
                  value="${name}"
                />`
        }
        ${newPasswordField}
        <button>Set the password</button>
      </form>`,
  );

export const changePasswordPage = ({
  token,
  error,
  email,
}: Form & { email?: string | undefined }) =>
  page(
    "Change your password",
    html`${alert(error)}
      <form method="post">
        ${token} ${emailField(email)}
        ${passwordField("Present password", email)} ${newPasswordField}
        <button>Change the password</button>
      </form>`,
  );

export const passwordSetPage = () =>
  page(
    "Your password is set",
    html`<p>
        Wherever you were signed in, that has ended. Sign in with the new
        password.
      </p>
      <p><a href="/">To Tributary</a></p>`,
  );
