import { describe, expect, test } from "@jest/globals";
import {
  EnvironmentReader,
  type ConfigError,
  type Environment,
} from "../../common/config.ts";
import { readMailConfig } from "../../mail/config.ts";

const read = (env: Environment) => {
  const reader = new EnvironmentReader(env);
  return reader.done(readMailConfig(reader));
};

const faultsOf = (env: Environment): readonly string[] => {
  try {
    read(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
};

const from = { MAIL_FROM: "Tributary <no-reply@example.com>" };

test.each<[string, Environment, object]>([
  [
    "STARTTLS is the rule",
    { SMTP_URL: "smtp://mail.example.com" },
    { host: "mail.example.com", port: 587, tls: "STARTTLS", user: null },
  ],
  [
    "TLS from the start",
    { SMTP_URL: "smtps://mail.example.com" },
    { port: 465, tls: "IMPLICIT" },
  ],
  [
    "user and password",
    { SMTP_URL: "smtps://ada%40example.com:p%3Aw%25@mail.example.com:2465" },
    { port: 2465, user: "ada@example.com", password: "p:w%" },
  ],
  [
    "no TLS where nobody listens in",
    { SMTP_URL: "smtp://u:p@127.0.0.1:25", SMTP_TLS: "off" },
    { host: "127.0.0.1", port: 25, tls: "NONE" },
  ],
  [
    "a server named by its address",
    { SMTP_URL: "smtp://[::1]:25" },
    { host: "::1" },
  ],
])("%s", (_, env, expected) => {
  expect(read({ ...from, ...env }).smtp).toMatchObject({
    from: { name: "Tributary", address: "no-reply@example.com" },
    ...expected,
  });
});

test.each<[string, Environment, RegExp]>([
  [
    "no mail server in production",
    { NODE_ENV: "production" },
    /^SMTP_URL is missing: in production a mail server sends the e-mails, .+\.$/,
  ],
  [
    "no sender",
    { SMTP_URL: "smtps://mail.example.com", MAIL_FROM: "" },
    /^MAIL_FROM is missing/,
  ],
  [
    "a sender that is none",
    { SMTP_URL: "smtps://mail.example.com", MAIL_FROM: "Tributary" },
    /^MAIL_FROM must be/,
  ],
  [
    "a sender of two lines",
    {
      SMTP_URL: "smtps://mail.example.com",
      MAIL_FROM: "A\r\nBcc: e@example.com <a@example.com>",
    },
    /^MAIL_FROM must be/,
  ],
  ["no such way", { SMTP_URL: "https://u:secret@example.com" }, /must be like/],
  ["no URL", { SMTP_URL: "mail.example.com:secret" }, /must be like/],
  [
    "a password in the clear",
    { SMTP_URL: "smtp://u:secret@mail.example.com", SMTP_TLS: "off" },
    /would send the password/,
  ],
  [
    "TLS and none",
    { SMTP_URL: "smtps://u:secret@mail.example.com", SMTP_TLS: "off" },
    /goes with smtp/,
  ],
])("%s is a fault, which tells no password", (_, env, expected) => {
  const faults = faultsOf({ ...from, ...env });
  expect(faults).toContainEqual(expect.stringMatching(expected));
  expect(faults.join()).not.toContain("secret");
});

describe("the development mailbox is shown", () => {
  test.each<[boolean, string, Environment]>([
    [true, "by default", {}],
    [true, "on loopback of IPv6", { HOST: "::1" }],
    [
      false,
      "where others reach it",
      { HOST: "0.0.0.0", PUBLIC_URL: "http://127.0.0.1:4000" },
    ],
    [
      false,
      "behind a proxy that others reach",
      { PUBLIC_URL: "https://tributary.example.com" },
    ],
    [
      false,
      "beside a mail server",
      { ...from, SMTP_URL: "smtps://mail.example.com" },
    ],
    [
      false,
      "in production",
      {
        ...from,
        SMTP_URL: "smtps://mail.example.com",
        NODE_ENV: "production",
      },
    ],
  ])("%s %s", (isShown, _, env) => {
    expect(read(env).hasMailbox).toBe(isShown);
  });
});
