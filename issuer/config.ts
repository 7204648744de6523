import type { EnvironmentReader } from "../common/config.ts";
import { readPublicUrl } from "../common/public-url.ts";

export interface IssuerConfig {
  readonly publicUrl: URL;
  /** Whether the last entry of X-Forwarded-For is the client's address. */
  readonly trustProxy: boolean;
  /** Signing and cookie keys as JSON, see `IssuerKeys`; without them, the data directory's are taken or made. */
  readonly givenKeys: string | undefined;
  readonly dataDirectory: string;
  readonly accessTokenSeconds: number;
  /** Where front ends may have people sent back to, besides the bundled explorer. */
  readonly redirectUris: readonly string[];
}

export function readIssuerConfig(reader: EnvironmentReader): IssuerConfig {
  return {
    publicUrl: readPublicUrl(reader),
    trustProxy: reader.flag("TRUST_PROXY", false),
    givenKeys: reader.optional("OIDC_KEYS"),
    dataDirectory: reader.text("TRIBUTARY_DATA", ".tributary"),
    accessTokenSeconds: reader.integer("ACCESS_TOKEN_SECONDS", 3600, {
      min: 60,
      max: 86_400,
    }),
    redirectUris: readRedirectUris(reader),
  };
}

function readRedirectUris(reader: EnvironmentReader): string[] {
  const uris = reader.text("OIDC_REDIRECT_URIS", " ").split(/[\s,]+/);
  return uris.filter(Boolean).filter((uri) => {
    const isGood = /^https?:/.test(uri) && URL.canParse(uri);
    if (!isGood || uri.includes("#"))
      reader.fault(
        `OIDC_REDIRECT_URIS must list http or https URLs without a fragment, separated by spaces; "${uri}" is none.`,
      );
    return isGood;
  });
}
