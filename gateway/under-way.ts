import type { ApolloServerOptionsWithGateway } from "@apollo/server";
import { tooManyAtOnce } from "../common/errors.ts";
import { asWhole } from "../common/refusal.ts";
import { Gone, Turns } from "../common/turns.ts";
import { requestPoints } from "./budgets/limits.ts";
import type { GatewayContext } from "./data-source.ts";
import type { GatewayRequest } from "./execution/run.ts";

type Gateway = ApolloServerOptionsWithGateway<GatewayContext>["gateway"];

/** What a tenant's operations may cost together that are planned and executed at a time; others of it wait for their turn. */
export const usualCostUnderWay = 5_000;

/** So many of a tenant wait. */
const maxWaiting = 500;

/** Operations of all supergraphs that a process serves, one after the other, as their tenants take turns. */
export class UnderWay {
  private readonly turns: Turns;

  constructor(costOfTenant: number) {
    this.turns = new Turns({ ofTenant: costOfTenant });
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
    if (this.turns.waitingOf(viewer) >= maxWaiting)
      throw asWhole(
        tooManyAtOnce(
          "operations of one tenant wait for their turn",
          maxWaiting,
          "Send this one again when others are answered.",
        ),
      );
    return this.turns.run(viewer, {
      async work() {
        await account.rest(cost ?? 0);
        if (isGone()) throw new Gone();
        return work();
      },
      weight: requestPoints + (cost ?? 0),
      isGone,
    });
  }
}
