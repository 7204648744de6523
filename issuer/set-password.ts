import { badInput } from "../common/errors.ts";
import { sendMail } from "../common/mail-store.ts";
import { createOneUseLink, passwordMail } from "../common/one-use-link.ts";
import { nameFrom } from "../common/text.ts";
import {
  authenticate,
  emailFrom,
  serveForm,
  type IssuerContext,
  type Visit,
} from "./forms.ts";
import { LinkStore } from "./link-store.ts";
import { sendPage } from "./pages/html.ts";
import {
  changePasswordPage,
  linkSentPage,
  passwordSetPage,
  requestLinkPage,
  setPasswordPage,
} from "./pages/password.ts";
import { problemPage } from "./pages/sign-in.ts";
import { assertGoodPassword } from "./passwords.ts";
import { changePassword, setPasswordByLink } from "./persons.ts";

/** Registers an e-mail, or resets its password: who asks does not learn which of the two it is. */
export const serveLinkRequest = (context: IssuerContext, visit: Visit) =>
  serveForm(context, visit, {
    show: requestLinkPage,
    async submit(form) {
      const { db, config, throttle } = context;
      const email = emailFrom(form);
      await throttle.admit("link", email, visit.address);
      const link = createOneUseLink(config.publicUrl);
      await db.transaction(async (transaction) => {
        await new LinkStore(transaction).add(email, link);
        await sendMail(transaction, [passwordMail(email, link)]);
      });
      sendPage(visit.response, 200, linkSentPage());
    },
  });

/** Opening the link shows a form and uses nothing up, because programs that check mail open links too. */
export async function serveLink(
  context: IssuerContext,
  visit: Visit,
  token: string,
): Promise<void> {
  const { db, links, persons } = context;
  const email = await links.peek(token);
  if (!email) return refuseLink(visit);
  const person = await persons.findByEmail(email);
  await serveForm(context, visit, {
    show: ({ token, error, entered }) =>
      setPasswordPage({
        token,
        error,
        email,
        name: person ? undefined : (entered.get("name") ?? ""),
      }),
    async submit(form) {
      const name = person?.name ?? nameFrom(form.get("name") ?? "", "name");
      const password = newPasswordFrom(form);
      const isSet = await setPasswordByLink(
        db,
        { token, name, password },
        visit.requestId,
      );
      if (isSet) sendPage(visit.response, 200, passwordSetPage());
      else refuseLink(visit);
    },
  });
}

export const servePasswordChange = (context: IssuerContext, visit: Visit) =>
  serveForm(context, visit, {
    show: ({ token, error, entered }) =>
      changePasswordPage({
        token,
        error,
        email: entered.get("email") ?? undefined,
      }),
    async submit(form) {
      const password = newPasswordFrom(form);
      const { email, passwordHash } = await authenticate(context, visit, form);
      await changePassword(
        context.db,
        { email, knownHash: passwordHash },
        password,
        visit.requestId,
      );
      sendPage(visit.response, 200, passwordSetPage());
    },
  });

function newPasswordFrom(form: URLSearchParams): string {
  const password = form.get("new-password");
  if (!password) throw badInput("Enter a new password.");
  assertGoodPassword(password);
  return password;
}

const refuseLink = ({ response }: Visit) =>
  sendPage(
    response,
    404,
    problemPage(
      "This link does not work",
      "It has been used already, has expired, or is not complete. Ask for a new one on the sign-in page.",
    ),
  );
