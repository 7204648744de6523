import type { IncomingMessage } from "node:http";
import { createLogger } from "../../common/log.ts";
import { DomainError } from "../../common/errors.ts";
import type { Admit } from "../../common/trusted-issuer.ts";
import type { Viewer } from "../../common/viewer.ts";
import { identifyBy, type Identify } from "../../gateway/identity.ts";
import type { OutsideIssuer } from "../../issuer/outside/config.ts";
import { usualKeyTimes, type KeyTimes } from "../../issuer/outside/keys.ts";
import { trustOutside } from "../../issuer/issuers.ts";
import type { TestDatabase } from "./database.ts";

/** As whom the gateway takes the senders of tokens, without a gateway. */
export class Door {
  private readonly identify: Identify;

  constructor(
    database: TestDatabase,
    trusted: readonly OutsideIssuer[],
    times: KeyTimes = usualKeyTimes,
  ) {
    this.identify = identifyBy(
      trustOutside(
        trusted,
        {
          db: database.as("issuer"),
          log: createLogger("test", "silent"),
        },
        times,
      ),
    );
  }

  enter(token: string, tenant?: string, admit?: Admit): Promise<Viewer> {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(tenant !== undefined && { "tributary-tenant": tenant }),
    };
    const request = { headers } as unknown as IncomingMessage;
    return this.identify(request, "request", admit);
  }

  /** The identity, or the code and the text of the refusal. */
  async outcome(token: string, tenant?: string): Promise<string> {
    try {
      return String((await this.enter(token, tenant)).identityId);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return `${error.extensions.code}: ${error.message}`;
    }
  }
}
