import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import {
  buildClientSchema,
  getIntrospectionQuery,
  type IntrospectionQuery,
} from "graphql";
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { DemoInstallation } from "../support/demo-installation.ts";
import type { Caller } from "../support/over-http.ts";
import { plainEnvironment } from "../support/process.ts";
import { blocksIn, guides, type Block } from "./our-operations.ts";

/*
 * What the guides show is done as it stands there, in order, by whom the guide says. Nothing but the address and what
 * stands in angle brackets is replaced.
 */

const readers: Readonly<
  Record<string, (demo: DemoInstallation) => Promise<Caller>>
> = {
  "front-end.md": (demo) => demo.as("ada@volute.example"),
  "analytics-program.md": (demo) => demo.asProgramOf("ada@lumen.example"),
  "sandbox.md": (demo) => demo.as("ada@volute.example"),
};

export const guidesWork = (demo: () => DemoInstallation) =>
  describe("the guides", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "tributary-guides-"));
      await symlink(resolve("node_modules"), join(folder, "node_modules"));
    });
    afterAll(() => rm(folder, { recursive: true }));

    test("are those that are known here", () => {
      expect(guides.map(({ file }) => file).sort()).toEqual(
        Object.keys(readers).sort(),
      );
    });

    test.each(guides)("$file: every operation is answered", async (guide) => {
      const caller = await readers[guide.file]?.(demo());
      const { viewer } = (await caller?.get<{ viewer: { id: string } }>(
        "{ viewer { id } }",
      )) ?? { viewer: { id: "" } };
      const brought = new Map([
        ["me", viewer.id],
        ["now", new Date().toISOString()],
        ["a day ago", new Date(Date.now() - 86_400_000).toISOString()],
      ]);
      let operation = "";
      let isAsked = true;
      const ask = async (variables: Record<string, unknown>) => {
        const answer = await caller?.ask(operation, variables);
        expect([operation, answer?.errors]).toEqual([operation, []]);
        expect(Object.values(answer?.data ?? {})).not.toContain(null);
        keepIds(answer?.data ?? {}, brought);
        isAsked = true;
      };
      for (const { kind, text } of blocksIn(guide.text)) {
        if (kind === "graphql") {
          if (!isAsked) await ask({});
          [operation, isAsked] = [text, false];
        } else if (kind === "json" && operation !== "")
          await ask(
            JSON.parse(
              text.replaceAll(/<([^>]+)>/g, (_, name: string) => {
                expect([...brought.keys()]).toContain(name);
                return brought.get(name) ?? "";
              }),
            ) as Record<string, unknown>,
          );
      }
      if (!isAsked) await ask({});
    });

    test.each(guides)(
      "$file: its commands and programs do what they say",
      async ({ text }) => {
        const script = blocksIn(text).map(inShell).join("\n");
        const { stdout } = await promisify(execFile)(
          "sh",
          ["-euc", script.replaceAll("http://127.0.0.1:4000", demo().origin)],
          {
            env: { ...plainEnvironment, ...demo().environment, TMPDIR: folder },
          },
        );
        expect(stdout).not.toMatch(/undefined|NaN/);
        expect(stdout.trim()).not.toBe("");
      },
    );

    test("sandbox.md: Apollo's page may ask a fresh installation, and look at its schema", async () => {
      const origin = "https://studio.apollographql.com";
      const preflight = await fetch(demo().graphql, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,content-type",
        },
      });
      const allowed = "access-control-allow-origin";
      expect(preflight.headers.get(allowed)).toBe(origin);
      const answer = await fetch(demo().graphql, {
        method: "POST",
        headers: { origin, "content-type": "application/json" },
        body: JSON.stringify({ query: getIntrospectionQuery() }),
      });
      expect(answer.headers.get(allowed)).toBe(origin);
      const { data } = (await answer.json()) as { data: IntrospectionQuery };
      expect(buildClientSchema(data).getQueryType()?.name).toBe("Query");
    });

    /** The programs in the languages of the guides run where the commands before them have got to. */
    function inShell({ kind, text }: Block): string {
      switch (kind) {
        case "sh":
          return text;
        case "js":
          return program(`node program.mjs`, "program.mjs", text);
        case "python":
          return `if command -v python3 >/dev/null; then
            ${program("python3 program.py", "program.py", text)}
          fi`;
        default:
          return "";
      }
    }

    const program = (run: string, file: string, text: string) =>
      `(cd '${folder}' && cat > ${file} <<'PROGRAM'\n${text}\nPROGRAM\n${run})`;
  });

/** The ids that an answer has, by what they are of; a list of streams, by the guides' words for the first two. */
function keepIds(data: object, brought: Map<string, string>): void {
  const { streams, communities } = data as {
    streams?: Connection;
    communities?: Connection;
  };
  const [first, second] = nodesOf(streams);
  if (first) brought.set("stream", first.id);
  if (second) brought.set("other", second.id);
  const [community] = nodesOf(communities);
  if (community) brought.set("community", community.id);
  const endCursor = streams?.pageInfo?.endCursor;
  if (endCursor != null) brought.set("endCursor", endCursor);
}

interface Connection {
  readonly nodes?: readonly { readonly id: string }[];
  readonly edges?: readonly { readonly node: { readonly id: string } }[];
  readonly pageInfo?: { readonly endCursor: string | null };
}

const nodesOf = (list: Connection | undefined) =>
  list?.nodes ?? list?.edges?.map(({ node }) => node) ?? [];
