/*
 * Signs a person in at the built-in issuer, and sends the access token with what the explorer asks. The token is kept in
 * memory alone; a page that is loaded anew asks for another one, without a question as long as the session lives. The
 * issuer's pages have a window of their own, so that what stands in the explorer stays.
 */
{
  const windowName = "tributary-sign-in";
  // It has come back from the issuer: its work is done.
  if (window.opener && window.name === windowName) window.close();

  const clientId = "tributary";
  const renewBeforeMs = 60_000;
  const send = window.fetch.bind(window);
  const header = document.querySelector("#sign-in");
  const [status, button] = header.children;

  let issuer;
  let token;

  const base64url = (bytes) =>
    btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");

  const newVerifier = () =>
    base64url(crypto.getRandomValues(new Uint8Array(32)));

  /** The explorer under the installation's public URL, where the issuer sends people back to. */
  const home = () => new URL("/", issuer.issuer).href;

  async function authorizationUrl(verifier, more) {
    const hash = await crypto.subtle.digest(
      "SHA-256",
      new TextEncoder().encode(verifier),
    );
    const url = new URL(issuer.authorization_endpoint);
    url.search = new URLSearchParams({
      client_id: clientId,
      response_type: "code",
      redirect_uri: home(),
      scope: "openid email profile",
      code_challenge: base64url(new Uint8Array(hash)),
      code_challenge_method: "S256",
      ...more,
    });
    return url;
  }

  /** Where the session is, its code comes back in the address that the request is sent on to. */
  async function renew() {
    const verifier = newVerifier();
    const answer = await send(
      await authorizationUrl(verifier, { prompt: "none" }),
    );
    await answer.body.cancel();
    const code = new URL(answer.url).searchParams.get("code");
    token = code ? await exchange(code, verifier) : undefined;
  }

  async function exchange(code, code_verifier) {
    const response = await send(issuer.token_endpoint, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        client_id: clientId,
        redirect_uri: home(),
        code,
        code_verifier,
      }),
    });
    if (!response.ok) return undefined;
    const { access_token, id_token, expires_in } = await response.json();
    return {
      value: access_token,
      idToken: id_token,
      until: Date.now() + expires_in * 1000 - renewBeforeMs,
    };
  }

  async function discover() {
    const response = await send("/oidc/.well-known/openid-configuration");
    if (!response.ok) return;
    issuer = await response.json();
    if (new URL(issuer.issuer).origin === location.origin) await renew();
    await show();
  }

  async function show() {
    header.hidden = false;
    button.textContent = token ? "Sign out" : "Sign in";
    status.textContent = token ? await who() : "";
  }

  async function who() {
    const response = await ask("/graphql", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ viewer { tenant { name } } }" }),
    });
    const { data } = await response.json();
    const [, payload] = token.idToken.split(".");
    const bytes = atob(payload.replaceAll("-", "+").replaceAll("_", "/"));
    const { name } = JSON.parse(
      new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))),
    );
    return `${name}, ${data?.viewer?.tenant.name ?? "without a tenant"}`;
  }

  function ask(input, init) {
    const headers = new Headers(init?.headers);
    if (token && !headers.has("authorization"))
      headers.set("authorization", `Bearer ${token.value}`);
    return send(input, { ...init, headers });
  }

  async function issuersPage() {
    if (!token)
      // The code that comes back is of no use: its verifier is forgotten, and `renew` asks for another.
      return authorizationUrl(newVerifier());
    const url = new URL(issuer.end_session_endpoint);
    url.search = new URLSearchParams({
      id_token_hint: token.idToken,
      post_logout_redirect_uri: home(),
    });
    return url;
  }

  button.addEventListener("click", async () => {
    // At once, or the browser takes it for one that nobody wants.
    const visit = window.open("", windowName, "popup,width=480,height=720");
    if (!visit) {
      status.textContent = "Allow this page to open a window.";
      return;
    }
    visit.location = await issuersPage();
    const watch = setInterval(async () => {
      if (!visit.closed) return;
      clearInterval(watch);
      await renew();
      await show();
    }, 200);
  });

  // Without an issuer the explorer asks as nobody, or with the person's own header.
  const ready = discover().catch(console.error);
  window.fetch = async (input, init) => {
    await ready;
    if (token && Date.now() > token.until) await renew().then(show);
    return ask(input, init);
  };
}
