import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { addressOf, networkOf } from "../../common/address.ts";
import { DomainError } from "../../common/errors.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import type { Identify } from "../identity.ts";
import { Account } from "./account.ts";
import { Budget, type BudgetName } from "./budget.ts";
import type { Counters } from "./counters.ts";
import { GoneIdentities } from "./gone.ts";
import { pacedPoints, type BudgetLimits } from "./limits.ts";
import type { Pace } from "./pace.ts";

export interface BudgetOptions {
  readonly limits: BudgetLimits;
  readonly counters: Counters;
  readonly pace: Pace;
  readonly identify: Identify;
  readonly trustProxy: boolean;
}

/** What callers may spend in a time: each identity, all of a tenant together, and each address that no tenant answers for. */
export class Budgets {
  private readonly identity: Budget;
  private readonly tenant: Budget;
  private readonly address: Budget;
  private readonly gone = new GoneIdentities();

  constructor(private readonly options: BudgetOptions) {
    const { limits, counters } = options;
    const budget = (name: BudgetName) =>
      new Budget(name, limits[name], limits.windowSeconds, counters[name]);
    this.identity = budget("identity");
    this.tenant = budget("tenant");
    this.address = budget("address");
  }

  /**
   * Who sends a request, and what it is charged to, once its payer's pace allows it; throws for a caller who has nothing left. A token that is not good
   * is charged to the address, and from one that has nothing left none is looked at but those that are known already.
   */
  receive(
    request: IncomingMessage,
    requestId: string,
    response: ServerResponse,
  ): Promise<Account> {
    return refusedSlowly(async () => {
      const of = (viewer: Viewer) =>
        this.accountOf(viewer, this.networkOf(request), response);
      const viewer = await this.options
        .identify(request, requestId, (known = anonymous) =>
          of(known).assertSomethingLeft(),
        )
        .catch(async (error: unknown) => {
          if (!isRateLimited(error)) await of(anonymous).charge(0);
          throw error;
        });
      const account = of(viewer);
      account.assertSomethingLeft();
      await account.rest(pacedPoints);
      return account;
    });
  }

  /** What has been asked is answered as fast as it can be. */
  hurry(): void {
    this.options.pace.end();
  }

  /** A request that nobody has to be known for. */
  chargeStranger(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    return refusedSlowly(() =>
      this.accountOf(anonymous, this.networkOf(request), response).charge(0),
    );
  }

  private networkOf(request: IncomingMessage): string {
    return networkOf(addressOf(request, this.options));
  }

  private accountOf(
    viewer: Viewer,
    network: string,
    response: ServerResponse,
  ): Account {
    const { identityId, tenantId, person } = viewer;
    const id = identityId ?? person?.id;
    const ofAddress = { budget: this.address, key: network };
    const isGone = () => identityId !== null && this.gone.has(identityId);
    return new Account(
      viewer,
      response,
      [
        ...(id === undefined ? [] : [{ budget: this.identity, key: id }]),
        tenantId !== null && !isGone()
          ? { budget: this.tenant, key: tenantId, instead: ofAddress }
          : ofAddress,
      ],
      this.options.pace,
      {
        is: isGone,
        tell: () => {
          if (identityId !== null) this.gone.add(identityId);
        },
      },
    );
  }
}

/** Whoever asks again as soon as it is refused would keep the process busy with refusals alone. */
const refusedAfterMs = 100;

async function refusedSlowly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isRateLimited(error)) await sleep(refusedAfterMs);
    throw error;
  }
}

const isRateLimited = (error: unknown) =>
  error instanceof DomainError && error.extensions.code === "RATE_LIMITED";
