import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { send, type Handler } from "../common/http-server.ts";

// No header to begin with: one without a real token would be refused, and with it the explorer's look at the schema.
const firstQuery = `# Under "Headers" write
#   { "Authorization": "Bearer <access token>" }
# then run this with Ctrl-Enter.
{
  viewer {
    id
    tenant { name }
  }
}
`;

const settings = {
  title: "Tributary",
  endpoint: "/graphql",
  defaultQuery: firstQuery,
};

/** GraphiQL as one page that loads nothing from elsewhere; 9 MB, so made when first asked for. */
export function explorer(): Handler {
  let page: ReturnType<typeof makePage> | undefined;
  return async (request, response) => {
    page ??= makePage();
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

async function makePage() {
  const { renderGraphiQL } = await import("@graphql-yoga/render-graphiql");
  const html = renderGraphiQL(settings);
  return {
    html,
    zipped: await promisify(gzip)(html),
    policy: policyFor(html),
  };
}

/** Nothing but the page's own script, the workers that it makes, and requests to this server. */
function policyFor(html: string): string {
  const start = html.indexOf("<script>") + "<script>".length;
  const script = html.slice(start, html.lastIndexOf("</script>"));
  const hash = createHash("sha256").update(script).digest("base64");
  return [
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
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
