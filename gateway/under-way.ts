import type { ApolloServerOptionsWithGateway } from "@apollo/server";
import { tooManyAtOnce } from "../common/errors.ts";
import { asWhole } from "../common/refusal.ts";
import { Gone, Turns } from "../common/turns.ts";
import { requestPoints, type BudgetLimits } from "./budgets/limits.ts";
import type { GatewayContext } from "./data-source.ts";
import type { GatewayRequest } from "./execution/run.ts";
import { Pace } from "./pace.ts";

type Gateway = ApolloServerOptionsWithGateway<GatewayContext>["gateway"];

/** What a tenant's operations may cost together that are planned and executed at a time; others of it wait for their turn. */
export const usualCostUnderWay = 5_000;

/** So many of a tenant wait. */
const maxWaiting = 500;

/** Operations of all supergraphs that a process serves, one after the other, as their tenants take turns. */
export class UnderWay {
  private readonly turns: Turns;
  private readonly pace: Pace;

  constructor(costOfTenant: number, budgets: BudgetLimits) {
    this.turns = new Turns({ ofTenant: costOfTenant });
    this.pace = new Pace(budgets);
  }

  /** What has been asked is executed as fast as it can be. */
  hurry(): void {
    this.pace.end();
  }

  /** The same gateway, which lets no tenant have more under way. */
  bounded<G extends Gateway>(gateway: G): G {
    return {
      ...gateway,
      load: async (options) => {
        const { executor } = await gateway.load(options);
        return {
          executor:
            executor &&
            ((request) =>
              this.run((request as GatewayRequest).context, () =>
                executor(request),
              )),
        };
      },
    };
  }

  private async run<T>(
    { call, cost, account, isGone }: GatewayContext,
    work: () => Promise<T>,
  ): Promise<T> {
    const { viewer } = call;
    const { pace } = this;
    if (this.turns.waitingOf(viewer) >= maxWaiting)
      throw asWhole(
        tooManyAtOnce(
          "operations of one tenant wait for their turn",
          maxWaiting,
          "Send this one again when others are answered.",
        ),
      );
    const points = requestPoints + (cost ?? 0);
    return this.turns.run(viewer, {
      async work() {
        await pace.rest(account.payer, points);
        if (isGone()) throw new Gone();
        return work();
      },
      weight: points,
      isGone,
    });
  }
}
