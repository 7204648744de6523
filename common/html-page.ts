import { createHash } from "node:crypto";
import { Html, html } from "./html.ts";

const style = `
  :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
  body { margin: 0; }
  main { max-width: 24rem; margin: 10vh auto; padding: 0 1rem; }
  h1 { font-size: 1.5rem; }
  h2 { font-size: 1.125rem; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .75rem; border: 1px solid; }
  a { overflow-wrap: anywhere; }
  label { display: block; margin-top: 1rem; font-weight: 600; }
  input:not([type=hidden]), button { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; }
  button { margin-top: 1.25rem; font-weight: 600; cursor: pointer; }
  :focus-visible { outline: 3px solid #2f6fde; outline-offset: 2px; }
  [role=alert] { border-left: 4px solid #c62828; padding-left: .75rem; }
`;

/** What a content security policy says of the style that every page has. */
export const styleSource = `'sha256-${createHash("sha256").update(style).digest("base64")}'`;

/** A plain page that loads nothing. */
export const page = (title: string, content: Html): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title} · Tributary</title>
        ${new Html(`<style>${style}</style>`)}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html> `.text;
