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

test("the mails to new users have a limit, which is the operator's to set", () => {
  expect(readConfig(env).userMailsPerDay).toBe(200);
  expect(readConfig({ ...env, USER_MAILS_PER_DAY: "3" }).userMailsPerDay).toBe(
    3,
  );
});

test("every fault is told at once", () => {
  const faults = () =>
    readConfig({
      SIGN_UP: "maybe",
      SIGN_UP_ENTITLEMENTS: "FLYING",
      USER_MAILS_PER_DAY: "0",
    });
  expect(faults).toThrow(ConfigError);
  for (const name of [
    "TENANT_DATABASE_URL",
    "INTERNAL_TOKEN_SECRET",
    "PUBLIC_URL",
    "SIGN_UP",
    "SIGN_UP_ENTITLEMENTS",
    "USER_MAILS_PER_DAY",
  ])
    expect(faults).toThrow(new RegExp(`^- ${name} `, "m"));
});
