import type { EnvironmentReader } from "./config.ts";

/** The origin by which clients reach this installation; what a request says about its host is never believed. */
export function readPublicUrl(reader: EnvironmentReader): URL {
  const host = reader.text("HOST", "127.0.0.1");
  const isAnyAddress = host === "0.0.0.0" || host === "::";
  const name = host.includes(":") ? `[${host}]` : host;
  const url = reader.url(
    "PUBLIC_URL",
    isAnyAddress ? undefined : `http://${name}:${reader.text("PORT", "4000")}`,
  );
  const isOrigin =
    /^https?:$/.test(url.protocol) &&
    url.href === `${url.protocol}//${url.host}/`;
  if (!isOrigin && url.protocol !== "invalid:")
    reader.fault(
      `PUBLIC_URL must be an http or https origin without path, query or credentials, like https://tributary.example.com, not "${url.href}".`,
    );
  return url;
}
