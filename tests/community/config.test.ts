import { expect, test } from "@jest/globals";
import { ConfigError } from "../../common/config.ts";
import { readConfig } from "../../subgraphs/community/config.ts";

const env = {
  COMMUNITY_DATABASE_URL:
    "postgres://tributary_community:x@127.0.0.1/tributary",
  INTERNAL_TOKEN_SECRET: "0123456789abcdef0123456789abcdef",
  PUBLIC_URL: "https://tributary.example",
};

test("invitations have the limits that the domain asks for", () => {
  expect(readConfig(env).invitations).toEqual({
    days: 14,
    perDay: 20,
    resendMinutes: 10,
    messageLength: 500,
    afterDecline: false,
  });
});

test("each of them is the operator's to set", () => {
  expect(
    readConfig({
      ...env,
      INVITATION_DAYS: "7",
      INVITATIONS_PER_DAY: "2",
      INVITATION_RESEND_MINUTES: "0",
      INVITATION_MESSAGE_LENGTH: "100",
      INVITE_AFTER_DECLINE: "on",
    }).invitations,
  ).toEqual({
    days: 7,
    perDay: 2,
    resendMinutes: 0,
    messageLength: 100,
    afterDecline: true,
  });
});

test("every fault is told at once", () => {
  const faults = () =>
    readConfig({
      INVITATION_DAYS: "never",
      INVITATIONS_PER_DAY: "0",
      INVITATION_RESEND_MINUTES: "-1",
      INVITATION_MESSAGE_LENGTH: "1.5",
      INVITE_AFTER_DECLINE: "sometimes",
    });
  expect(faults).toThrow(ConfigError);
  for (const name of [
    "COMMUNITY_DATABASE_URL",
    "PUBLIC_URL",
    "INVITATION_DAYS",
    "INVITATIONS_PER_DAY",
    "INVITATION_RESEND_MINUTES",
    "INVITATION_MESSAGE_LENGTH",
    "INVITE_AFTER_DECLINE",
  ])
    expect(faults).toThrow(new RegExp(`^- ${name} `, "m"));
});
