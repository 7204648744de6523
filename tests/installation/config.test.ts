import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import type { ConfigError, Environment } from "../../common/config.ts";
import { readConfig } from "../../installation/config.ts";

const faultsOf = (env: Environment): readonly string[] => {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
};

const production = {
  NODE_ENV: "production",
  SMTP_URL: "smtps://mail.example.com",
  MAIL_FROM: "no-reply@example.com",
};

describe("the installation's configuration", () => {
  test("needs nothing to be set", () => {
    expect(readConfig({})).toMatchObject({
      gateway: { host: "127.0.0.1", port: 4000, introspection: true },
      publicUrl: new URL("http://127.0.0.1:4000/"),
      databaseUrl: undefined,
      dataDirectory: ".tributary",
      hasDemo: true,
    });
  });

  test("is documented, whatever is asked for", () => {
    const asked = new Set<string>();
    const environment = new Proxy<Environment>(production, {
      get(target, name: string) {
        asked.add(name);
        return target[name];
      },
    });
    readConfig(environment);
    expect(asked.size).toBeGreaterThan(25);
    const text = readFileSync(
      new URL("../../docs/configuration.md", import.meta.url),
      "utf8",
    );
    const isTold = (name: string) =>
      new RegExp(`^\\| (\`\\w+\`, ?)*\`${name}\``, "m").test(text);
    expect([...asked].filter((name) => !isTold(name))).toEqual([]);
  });

  test.each<[string, boolean, Environment]>([
    ["on loopback", true, { HOST: "127.0.0.1" }],
    ["on loopback of IPv6", true, { HOST: "::1" }],
    [
      "where others could reach it",
      false,
      { HOST: "0.0.0.0", PUBLIC_URL: "https://tributary.example" },
    ],
    ["by address", false, { HOST: "192.0.2.7" }],
    ["where it is switched off", false, { TRIBUTARY_DEMO: "off" }],
  ])("has a demo world %s: %s", (_where, hasDemo, env) => {
    expect(readConfig(env).hasDemo).toBe(hasDemo);
  });

  test("tells every fault at once", () => {
    expect(
      faultsOf({
        PORT: "70000",
        CORS_ORIGINS: "https://app.example/path, nonsense",
        LOG_LEVEL: "loud",
        INTROSPECTION: "yes",
        POOL_SIZE: "0",
        PUBLIC_URL: "https://tributary.example/graphql",
      }),
    ).toEqual([
      expect.stringContaining("PUBLIC_URL must be an http or https origin"),
      'PORT must be a whole number from 1 to 65535, not "70000".',
      'INTROSPECTION must be one of on, off, not "yes".',
      'CORS_ORIGINS must list origins by commas, like https://app.example.com, not "https://app.example/path".',
      'CORS_ORIGINS must list origins by commas, like https://app.example.com, not "nonsense".',
      'POOL_SIZE must be a whole number from 1 to 1000, not "0".',
      'LOG_LEVEL must be one of fatal, error, warn, info, debug, silent, not "loud".',
    ]);
  });

  test("lets Apollo's front ends in while developing only", () => {
    const studio = "https://studio.apollographql.com";
    expect(readConfig({}).gateway.origins).toContain(studio);
    const { gateway } = readConfig({
      ...production,
      PUBLIC_URL: "https://tributary.example",
      CORS_ORIGINS: "https://app.example, https://other.example",
    });
    expect(gateway).toMatchObject({
      introspection: false,
      origins: [
        "https://tributary.example",
        "https://app.example",
        "https://other.example",
      ],
    });
    expect(
      readConfig({ ...production, INTROSPECTION: "on" }).gateway.introspection,
    ).toBe(true);
  });
});
