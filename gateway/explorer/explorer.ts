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
  const [header = "", signIn = "", forgetHeaders = ""] = await Promise.all(
    ["sign-in.html", "sign-in.js", "forget-headers.js"].map((file) =>
      readFile(new URL(file, import.meta.url), "utf8"),
    ),
  );
  const settings = {
    title: "Tributary",
    endpoint: "/graphql",
    query: firstQuery(isBuiltInOn ? hereOrByToken : byToken),
    // Or a token would lie in the browser when its owner has long gone.
    shouldPersistHeaders: false,
  };
  const explorer = renderGraphiQL(settings);
  const scripts = [forgetHeaders, ...(isBuiltInOn ? [signIn] : [])];
  // Before the explorer's own script, which sends its requests as these let it.
  const html = Buffer.from(
    explorer.replace(
      '<div id="root">',
      (root) =>
        (isBuiltInOn ? header : "") +
        scripts.map((script) => `<script>${script}</script>`).join("") +
        root,
    ),
  );
  return {
    // All answers share their bytes.
    html,
    zipped: await promisify(gzip)(html),
    policy: policyFor([...scripts, scriptOf(explorer)]),
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
