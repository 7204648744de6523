import { errors, type InteractionResults } from "oidc-provider";
import { badInput } from "../common/errors.ts";
import {
  authenticate,
  serveForm,
  type IssuerContext,
  type Visit,
} from "./forms.ts";
import type { Choice } from "./grants.ts";
import { sendPage } from "./pages/html.ts";
import { choosePage, problemPage, signInPage } from "./pages/sign-in.ts";

type Interaction = Awaited<
  ReturnType<IssuerContext["provider"]["interactionDetails"]>
>;

/** What the provider asks of a person before it answers a front end: a sign-in, or the choice of a tenant. */
export async function serveInteraction(
  context: IssuerContext,
  visit: Visit,
): Promise<void> {
  const interaction = await findInteraction(context, visit);
  if (!interaction)
    sendPage(
      visit.response,
      400,
      problemPage(
        "This sign-in has expired",
        "Go back to the application and sign in again.",
      ),
    );
  else if (interaction.prompt.name === "select_account")
    await serveChoice(context, visit, interaction);
  else await serveSignIn(context, visit, interaction);
}

const serveSignIn = (
  context: IssuerContext,
  visit: Visit,
  { params }: Interaction,
) =>
  serveForm(context, visit, {
    show: ({ token, error, entered }) =>
      signInPage({
        token,
        error,
        email: entered.get("email") ?? String(params["login_hint"] ?? ""),
      }),
    async submit(form) {
      const { uuid } = await authenticate(context, visit, form);
      await finish(context, visit, { login: { accountId: uuid } });
    },
  });

async function serveChoice(
  context: IssuerContext,
  visit: Visit,
  { session }: Interaction,
): Promise<void> {
  const { persons } = context;
  const account = await persons.account(session?.accountId ?? "", undefined);
  const memberships = await persons.memberships(account?.email ?? "");
  const choose = ({ identity }: Choice) =>
    finish(context, visit, { select_account: { identity } });
  const [first, second] = memberships;
  if (first && !second) return choose(first);
  return serveForm(context, visit, {
    show: ({ token, error }) => choosePage({ token, error, memberships }),
    async submit(form) {
      const chosen = memberships.find(
        ({ identity }) => identity === form.get("identity"),
      );
      if (!chosen) throw badInput("Choose one of these tenants.");
      await choose(chosen);
    },
  });
}

const finish = (
  { provider }: IssuerContext,
  { request, response }: Visit,
  result: InteractionResults,
) =>
  provider.interactionFinished(request, response, result, {
    mergeWithLastSubmission: true,
  });

/** The cookie names the interaction; without it, or when it is over, there is none. */
async function findInteraction(
  { provider }: IssuerContext,
  { request, response }: Visit,
): Promise<Interaction | undefined> {
  try {
    return await provider.interactionDetails(request, response);
  } catch (error) {
    if (error instanceof errors.SessionNotFound) return undefined;
    throw error;
  }
}
