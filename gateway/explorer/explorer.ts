import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { send, type Handler } from "../../common/http-server.ts";

const firstQuery = (howToSignIn: string) => `${howToSignIn}
#   { "Authorization": "Bearer <access token>" }
{
  viewer {
    id
    tenant { name }
  }
}
`;

const hereOrByToken = `# Sign in above, then run this with Ctrl-Enter.
#
# The token of a program goes under "Headers":`;

const byToken = `# Under "Headers" write your access token, then run this with Ctrl-Enter.`;

/** GraphiQL as one page that loads nothing from elsewhere; 9 MB, so made when first asked for. */
export function explorer(isBuiltInOn: boolean): Handler {
  let page: ReturnType<typeof makePage> | undefined;
  return async (request, response) => {
    page ??= makePage(isBuiltInOn);
    const { html, zipped, policy } = await page;
    response.setHeader("content-security-policy", policy);
    response.setHeader("vary", "Accept-Encoding");
    const takesGzip = /\bgzip\b/.test(
      String(request.headers["accept-encoding"]),
    );
    if (takesGzip) response.setHeader("content-encoding", "gzip");
    send(response, 200, "text/html; charset=utf-8", takesGzip ? zipped : html);
  };
}

async function makePage(isBuiltInOn: boolean) {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const [header, signIn] = await Promise.all(
    ["sign-in.html", "sign-in.js"].map((file) =>
      readFile(new URL(file, import.meta.url), "utf8"),
    ),
  );
  const settings = {
    title: "Tributary",
    endpoint: "/graphql",
    query: firstQuery(isBuiltInOn ? hereOrByToken : byToken),
  };
  const explorer = renderGraphiQL(settings);
  // Before the explorer's own script, which sends its requests as this one lets it.
  const html = isBuiltInOn
    ? explorer.replace(
        '<div id="root">',
        (root) => `${header}<script>${signIn}</script>${root}`,
      )
    : explorer;
  return {
    html,
    zipped: await promisify(gzip)(html),
    policy: policyFor([signIn ?? "", scriptOf(explorer)]),
  };
}

function scriptOf(html: string): string {
  const start = html.indexOf("<script>") + "<script>".length;
  return html.slice(start, html.lastIndexOf("</script>"));
}

/** Nothing but the page's own scripts, the workers that they make, and requests to this server. */
function policyFor(scripts: readonly string[]): string {
  const hashes = scripts.map(
    (script) =>
      `'sha256-${createHash("sha256").update(script).digest("base64")}'`,
  );
  return [
    "default-src 'none'",
    ["script-src", ...hashes].join(" "),
    "worker-src blob:",
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
