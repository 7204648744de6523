import type { EnvironmentReader } from "../common/config.ts";
import { readPublicUrl } from "../common/public-url.ts";

/** Where the issuer is mounted, under the public URL. */
export const mountPath = "/oidc";

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

export const issuerOf = ({ publicUrl }: Pick<IssuerConfig, "publicUrl">) =>
  new URL(mountPath, publicUrl).href;

/** The one API that tokens are for. */
export const audienceOf = ({ publicUrl }: Pick<IssuerConfig, "publicUrl">) =>
  new URL("/graphql", publicUrl).href;

export const redirectUrisOf = ({ publicUrl, redirectUris }: IssuerConfig) => [
  publicUrl.href,
  ...redirectUris,
];

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
  const list = reader.optional("OIDC_REDIRECT_URIS") ?? "";
  const uris = list.split(/[\s,]+/).filter(Boolean);
  const isGood = (uri: string) =>
    /^https?:[^#]+$/.test(uri) && URL.canParse(uri);
  for (const uri of uris.filter((uri) => !isGood(uri)))
    reader.fault(
      `OIDC_REDIRECT_URIS must list http or https URLs without a fragment, separated by spaces; "${uri}" is none.`,
    );
  return uris.filter(isGood);
}
