import { expect, test } from "@jest/globals";
import { ConfigError } from "../../common/config.ts";
import { readConfig } from "../../subgraphs/tenant/config.ts";

const env = {
  TENANT_DATABASE_URL: "postgres://tributary_tenant:x@127.0.0.1/tributary",
  INTERNAL_TOKEN_SECRET: "0123456789abcdef0123456789abcdef",
  PUBLIC_URL: "https://tributary.example",
};

test("by default sign-up is open, and grants COMMUNITIES", () => {
  expect(readConfig(env).signUp).toEqual({
    mode: "open",
    entitlements: ["COMMUNITIES"],
  });
});

test("the operator may close sign-up, and grant nothing by it", () => {
  const closed = { ...env, SIGN_UP: "off", SIGN_UP_ENTITLEMENTS: "none" };
  expect(readConfig(closed).signUp).toEqual({ mode: "off", entitlements: [] });
  const invited = { ...env, SIGN_UP: "invitation" };
  expect(readConfig(invited).signUp.mode).toBe("invitation");
});

test("every fault is told at once", () => {
  const faults = () =>
    readConfig({ SIGN_UP: "maybe", SIGN_UP_ENTITLEMENTS: "FLYING" });
  expect(faults).toThrow(ConfigError);
  for (const name of [
    "TENANT_DATABASE_URL",
    "INTERNAL_TOKEN_SECRET",
    "PUBLIC_URL",
    "SIGN_UP",
    "SIGN_UP_ENTITLEMENTS",
  ])
    expect(faults).toThrow(new RegExp(`^- ${name} `, "m"));
});
