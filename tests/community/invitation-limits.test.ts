import { describe, expect, test } from "@jest/globals";
import { tokenSent } from "../support/invitations.ts";
import { outcome } from "../support/run.ts";
import {
  accept,
  administrator,
  community,
  database,
  decline,
  email,
  got,
  invite,
  invited,
  owner,
  pass,
  resend,
  seed,
  useHandshake,
  withdraw,
} from "./handshake.ts";
import { communitySubgraph, settings } from "./world.ts";

useHandshake();

describe("no mail relay:", () => {
  const limits = settings.invitations;

  test("a message of 500 characters is sent, a longer one is refused", async () => {
    expect(outcome(await invite({ message: "ü".repeat(500) }))).toBe("ok");
    const { errors } = await invite({ message: "ü".repeat(501) });
    expect(errors[0]?.extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      at: "input.message",
      limit: 500,
      value: 501,
    });
  });

  test.each(["bell \u0007", "escape \u001b[31m", "NUL \0", "half \ud800"])(
    "a message with a character that controls is refused: %j",
    async (message) => {
      const { errors } = await invite({ message });
      expect(errors[0]?.extensions).toEqual({
        code: "BAD_USER_INPUT",
        at: "input.message",
      });
    },
  );

  test("the link of the invitation is the only one in the mail, whatever people write", async () => {
    await database
      .owner("community.communities")
      .where({ id: community.id })
      .update({ name: "www.evil.example" });
    const { message } = got<{ message: string }>(
      await invite({
        message:
          "See https://evil.example/x or\nevil.example, ann@evil.example",
      }),
    );
    expect(message).toContain("https://evil.example/x");
    const mail = await database
      .owner("mail.outbox")
      .orderBy("id", "desc")
      .first("text", "subject");
    expect(mail.subject).toBe("Owner invites you to www. evil. example");
    expect(mail.text).toContain("\n> See https: //evil. example/x or\n> evil.");
    expect(mail.text.match(/\S+:\/\/\S+|\S+@\S+|www\.\S+/g)).toEqual([
      `https://tributary.example/invitation/${await tokenSent(database)}`,
    ]);
  });

  test.each(["no address", "a@b@c", "a@b.example\nBcc: c@d.example", ""])(
    "%j is no address",
    async (text) => {
      const { errors } = await invite({ email: text });
      expect(errors[0]?.extensions).toEqual({
        code: "BAD_USER_INPUT",
        at: "input.email",
      });
    },
  );

  test("a tenant mails 20 invitations in 24 hours, over all its communities", async () => {
    const another = await seed.community(owner, "Valves");
    await seed.member(another.ownerMembership, administrator, "ADMINISTRATOR");
    for (let i = 0; i < limits.perDay; i += 1) {
      const communityId = i % 2 === 0 ? community.uuid : another.uuid;
      got(await invite({ communityId, email: `a${i}@b.example` }));
    }
    const { errors } = await invite();
    expect(errors[0]).toMatchObject({
      message:
        "At most 20 e-mails with invitations in 24 hours; this asks for 21. Send the next one tomorrow.",
      extensions: { code: "LIMIT_EXCEEDED", limit: 20, value: 21 },
    });
    await database.owner.raw(
      `update mail.sendings set at = at - interval '24 hours' where id = (
         select min(id) from mail.sendings where tenant = ?)`,
      [owner.uuid],
    );
    expect(outcome(await invite())).toBe("ok");
    expect(outcome(await invite())).toBe("LIMIT_EXCEEDED");
  });

  test("a mail that is sent again counts, whatever became of the others", async () => {
    const strict = communitySubgraph(database, {
      invitations: { ...limits, perDay: 3, resendMinutes: 0 },
    });
    const by = administrator;
    const { id } = got(await invite({}, by, strict));
    got(await withdraw(got(await invite({}, by, strict)).id));
    expect(outcome(await resend(id, by, strict))).toBe("ok");
    expect(outcome(await resend(id, by, strict))).toBe("LIMIT_EXCEEDED");
    expect(outcome(await invite({}, by, strict))).toBe("LIMIT_EXCEEDED");
  });

  test("an invitation is sent again after 10 minutes", async () => {
    const { id } = await invited();
    expect(outcome(await resend(id))).toBe("RATE_LIMITED");
    await pass(id, "10 minutes");
    expect(outcome(await resend(id))).toBe("ok");
    expect(outcome(await resend(id))).toBe("RATE_LIMITED");
  });

  test("an address that declined this tenant gets no other invitation of it", async () => {
    const { token } = await invited();
    const { id: open } = await invited();
    await pass(open, "10 minutes");
    got(await decline(token));
    expect(outcome(await invite())).toBe("CONFLICT");
    expect(outcome(await resend(open))).toBe("CONFLICT");
    expect(outcome(await invite({ email: `x${email}` }))).toBe("ok");

    const forgiving = communitySubgraph(database, {
      invitations: { ...limits, afterDecline: true },
    });
    expect(outcome(await invite({}, administrator, forgiving))).toBe("ok");
    expect(outcome(await resend(open, administrator, forgiving))).toBe("ok");
  });

  test("each limit is the operator's", async () => {
    const strict = communitySubgraph(database, {
      invitations: { ...limits, perDay: 2, messageLength: 3, resendMinutes: 0 },
    });
    const by = administrator;
    expect(outcome(await invite({ message: "four" }, by, strict))).toBe(
      "LIMIT_EXCEEDED",
    );
    const { id } = got(await invite({}, by, strict));
    expect(outcome(await resend(id, by, strict))).toBe("ok");
    expect(outcome(await invite({}, by, strict))).toBe("LIMIT_EXCEEDED");
  });

  test.each([
    ["contactEmail", { contactEmail: "nobody" }],
    ["alias", { alias: "a\nb" }],
  ])("%s is checked", async (field, input) => {
    const { token } = await invited();
    const { errors } = await accept(token, input);
    expect(errors[0]?.extensions).toEqual({
      code: "BAD_USER_INPUT",
      at: `input.${field}`,
    });
  });
});
