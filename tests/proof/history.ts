import { outcome, type Answer } from "../support/run.ts";
import type { Attempt, Verdict } from "./operation.ts";
import { anybody, type Step } from "./operations.ts";
import { actorAt } from "./pick.ts";
import {
  foundBy,
  foundIn,
  keptBy,
  settleLinks,
  visibleBy,
  visibleIn,
  type Product,
} from "./product.ts";
import { kept, type State } from "./state.ts";

/** Where product and model part. */
export class Difference extends Error {}

/** How often each mutation was done or refused, and for what. */
export type Tally = Map<string, number>;

/**
 * Performs a history on the product and in the model. After each step both must agree on the outcome, on the state, on
 * what everybody may read by the gate, and after a change on what one of them finds in the graph.
 */
export async function perform(
  product: Product,
  state: State,
  steps: readonly Step[],
  tally: Tally,
): Promise<void> {
  for (const step of steps) {
    const attempt = bind(state, step);
    const verdict = attempt.judge(state);
    const foreseen = step.isForeseen ? await attempt.foresee?.(product) : null;
    if (foreseen) {
      assertExplained(`A dry run of ${step.name}`, verdict, foreseen);
      agree(
        `After a dry run of ${step.name}`,
        await observe(product, state),
        expected(state),
      );
    }
    const answer = await attempt.perform(product);
    assertExplained(step.name, verdict, answer);
    if (foreseen)
      agree(
        `What ${step.name} tells, and before that a dry run`,
        told(answer),
        told(foreseen),
      );
    if (typeof verdict === "function") verdict(answer.data);
    count(tally, step, answer);
    if (hasSentLink(answer)) await settleLinks(product, state);
    agree(`After ${step.name}`, await observe(product, state), expected(state));
    // A refusal has left everything as it was, so that nobody finds anything else.
    if (typeof verdict !== "function") continue;
    const reader = actorAt(state, step.reader);
    const found = await foundBy(product, reader);
    agree(
      `After ${step.name} ${reader.uuid} finds`,
      found,
      foundIn(state, reader),
    );
  }
}

function assertExplained(what: string, verdict: Verdict, answer: Answer): void {
  if (!explains(verdict, answer))
    throw differing(
      `${what} was`,
      outcome(answer),
      typeof verdict === "function" ? "ok" : verdict,
    );
}

const hasSentLink = ({ data }: Answer): boolean =>
  Boolean(data?.["inviteTenant"] ?? data?.["resendInvitation"]);

/** All that an answer says, but whether it was done. */
const told = ({ data }: Answer): string =>
  JSON.stringify(data).replace(/"applied":(true|false)/, "");

/**
 * Performs rounds of steps that are sent at a time: each round must end as if its steps had come one after another, in
 * some order.
 */
export async function performTogether(
  product: Product,
  begun: State,
  rounds: readonly (readonly Step[])[],
  tally: Tally,
): Promise<void> {
  let state = begun;
  for (const steps of rounds) {
    const attempts = steps.map((step) => bind(state, step));
    const answers = await Promise.all(
      attempts.map(({ perform }) => perform(product)),
    );
    const tried = attempts.map((attempt, i) => ({
      attempt,
      answer: answers[i] as Answer,
    }));
    const observed = await observe(product, state, answers);
    const explained = explain(state, tried, observed);
    if (explained === null)
      throw differing(
        `No order explains ${steps.map(({ name }, i) => `${name} (${outcome(answers[i] as Answer)})`).join(", ")} with`,
        observed,
        expected(state),
      );
    steps.forEach((step, i) => count(tally, step, answers[i] as Answer));
    state = explained;
    if (answers.some(hasSentLink)) await settleLinks(product, state);
  }
}

interface Tried {
  readonly attempt: Attempt;
  readonly answer: Answer;
}

/** A state in which these can have ended, one after another, and which is what is observed; null if there is none. */
function explain(
  state: State,
  tried: readonly Tried[],
  observed: Observed,
): State | null {
  if (tried.length === 0)
    return isSame(observed, expected(state)) ? state : null;
  for (const next of tried) {
    const after = structuredClone(state);
    const verdict = next.attempt.judge(after);
    if (!explains(verdict, next.answer)) continue;
    if (typeof verdict === "function") verdict(next.answer.data);
    const rest = tried.filter((one) => one !== next);
    const explained = explain(after, rest, observed);
    if (explained) return explained;
    // A refusal changes nothing: if it does not help here, it does not matter where it comes.
    if (typeof verdict !== "function") return null;
  }
  return null;
}

/**
 * Who does what, as it is meant in a state. By chance alone most would be refused: half of the steps are turned until
 * there is somebody who may take them.
 */
function bind(state: State, { actor: at, operation }: Step): Attempt {
  const actor = actorAt(state, at);
  const asMeant = operation.bind(state, actor, 0);
  if (at < anybody) return asMeant;
  for (let shift = 0; shift < 16; shift += 1) {
    const allowed = state.identities
      .map((identity) => operation.bind(state, identity, shift))
      .filter((attempt) => typeof attempt.judge(state) === "function");
    if (allowed.length > 0) return allowed[at % allowed.length] as Attempt;
  }
  return asMeant;
}

const explains = (verdict: Verdict, answer: Answer): boolean =>
  typeof verdict === "function"
    ? outcome(answer) === "ok"
    : verdict.some((code) => code === outcome(answer));

function count(tally: Tally, { name }: Step, answer: Answer): void {
  const key = `${name} ${outcome(answer)}`;
  tally.set(key, (tally.get(key) ?? 0) + 1);
}

/** What is kept, and who may do what with which stream. */
async function observe(
  product: Product,
  state: State,
  answers: readonly Answer[] = [],
) {
  const tenantIds = [
    ...state.tenants.map(({ uuid }) => uuid),
    ...answers.flatMap(foundedBy),
  ];
  const [kept, visible] = await Promise.all([
    keptBy(product, tenantIds),
    visibleBy(product, state, tenantIds),
  ]);
  return { ...kept, visible };
}

/** A tenant that the model does not know yet. */
const foundedBy = ({ data }: Answer): string[] => {
  const { signUpTenant } = (data ?? {}) as {
    signUpTenant?: { id: string } | null;
  };
  return signUpTenant ? [signUpTenant.id] : [];
};

type Observed = Awaited<ReturnType<typeof observe>>;

const expected = (state: State): Observed => ({
  ...kept(state),
  visible: visibleIn(state),
});

function agree(when: string, product: unknown, model: unknown): void {
  if (!isSame(product, model)) throw differing(when, product, model);
}

/** As text, for both are lines in one order. */
const isSame = (one: unknown, other: unknown) =>
  JSON.stringify(one) === JSON.stringify(other);

const differing = (when: string, product: unknown, model: unknown) =>
  new Difference(
    `${when}:\nthe product alone ${besides(product, model)}\nthe model alone   ${besides(model, product)}`,
  );

/** What one of two has and the other has not, of lists that may be named. */
function besides(one: unknown, other: unknown): string {
  if (Array.isArray(one) && Array.isArray(other))
    return JSON.stringify(one.filter((line) => !other.includes(line)));
  if (typeof one !== "object" || typeof other !== "object")
    return JSON.stringify(one);
  return Object.entries(one ?? {})
    .map(([name, part]) => {
      const counterpart = (other as Record<string, unknown>)[name];
      return isSame(part, counterpart)
        ? ""
        : `${name}: ${besides(part, counterpart)}`;
    })
    .join(" ");
}
