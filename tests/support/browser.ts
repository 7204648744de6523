interface Cookie {
  readonly value: string;
  readonly path: string;
}

/** What a browser without scripts shows after a request and the redirects that it led to. */
export class Page {
  constructor(
    readonly url: URL,
    readonly status: number,
    readonly headers: Headers,
    readonly text: string,
  ) {}

  get heading(): string {
    return /<h1>(.*?)<\/h1>/s.exec(this.text)?.[1]?.trim() ?? "";
  }

  get alert(): string {
    return /role="alert">(.*?)<\//s.exec(this.text)?.[1]?.trim() ?? "";
  }

  /** Hidden fields of the first form. */
  get hidden(): Record<string, string> {
    const inputs = this.text.matchAll(/<input\s[^>]*type="hidden"[^>]*>/gs);
    return Object.fromEntries(
      [...inputs].map(([input]) => [
        /name="([^"]*)"/.exec(input)?.[1] ?? "",
        /value="([^"]*)"/.exec(input)?.[1] ?? "",
      ]),
    );
  }

  /** The buttons' values by their text. */
  get buttons(): Record<string, string> {
    const buttons = this.text.matchAll(/<button([^>]*)>(.*?)<\/button>/gs);
    return Object.fromEntries(
      [...buttons].map(([, attributes = "", text = ""]) => [
        text.trim(),
        /value="([^"]*)"/.exec(attributes)?.[1] ?? "",
      ]),
    );
  }
}

/** Keeps cookies and follows redirects within a path of one origin. */
export class Browser {
  private readonly cookies = new Map<string, Cookie>();

  constructor(
    private readonly origin: string,
    private readonly path = "/oidc",
  ) {}

  get(url: string | URL): Promise<Page> {
    return this.visit(new URL(url, this.origin), { method: "GET" });
  }

  /** Sends the page's form with these fields filled in. */
  submit(page: Page, fields: Record<string, string>): Promise<Page> {
    const action = /<form[^>]*\saction="([^"]*)"/s.exec(page.text)?.[1];
    return this.post(new URL(action ?? page.url, page.url), {
      ...page.hidden,
      ...fields,
    });
  }

  post(url: string | URL, fields: Record<string, string>): Promise<Page> {
    return this.visit(new URL(url, this.origin), {
      method: "POST",
      body: new URLSearchParams(fields),
    });
  }

  forget(name: string): void {
    for (const key of this.cookies.keys())
      if (key.startsWith(name)) this.cookies.delete(key);
  }

  private async visit(url: URL, init: RequestInit): Promise<Page> {
    const response = await fetch(url, {
      ...init,
      redirect: "manual",
      headers: { accept: "text/html", cookie: this.cookieHeader(url) },
    });
    for (const cookie of response.headers.getSetCookie()) this.keep(cookie);
    const location = response.headers.get("location");
    const text = await response.text();
    if (!location)
      return new Page(url, response.status, response.headers, text);
    const next = new URL(location, url);
    // A front end: what the provider tells it is in the URL.
    if (next.origin !== this.origin || !next.pathname.startsWith(this.path))
      return new Page(next, response.status, response.headers, text);
    return this.visit(next, { method: "GET" });
  }

  private keep(text: string): void {
    const [pair = "", ...attributes] = text.split(/;\s*/);
    const [name = "", value = ""] = pair.split(/=(.*)/s);
    const attribute = (key: string) =>
      attributes
        .find((each) => each.toLowerCase().startsWith(`${key}=`))
        ?.slice(key.length + 1);
    const path = attribute("path") ?? "/";
    const expires = attribute("expires");
    if (expires && new Date(expires) < new Date())
      this.cookies.delete(`${name} ${path}`);
    else this.cookies.set(`${name} ${path}`, { value, path });
  }

  private cookieHeader(url: URL): string {
    return [...this.cookies]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([key, { value }]) => `${key.split(" ")[0]}=${value}`)
      .join("; ");
  }
}
