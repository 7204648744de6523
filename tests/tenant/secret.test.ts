import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { outcome, run, type Answer } from "../support/run.ts";
import {
  administeringAnIdentity,
  neverIssued,
  seedSecret,
  type Caller,
} from "../support/tenant-world.ts";
import { attempt } from "../support/written.ts";
import { database, subgraph, world, useTenants } from "./world.ts";

useTenants();

const change = (
  caller: Caller,
  source: string,
  variables: Record<string, unknown>,
): Promise<Answer> =>
  attempt(database, () =>
    run(subgraph, world.callers[caller], source, variables),
  );

interface Secret {
  id: string;
  hint: string;
  createdAt: string;
  expiresAt: string | null;
}

interface Created {
  plainSecret: string;
  secret: Secret;
  client: { clientId: string; secrets: Secret[] };
}

const created = ({ data }: Answer) => {
  const [answer] = Object.values(data as never as Record<string, Created>);
  if (!answer) throw new Error("Nothing was created.");
  return answer;
};

const shown = `plainSecret secret { id hint createdAt expiresAt }
  client { clientId secrets { id hint createdAt expiresAt } }`;
const createClient = `mutation($input: CreateClientInput!) { createClient(input: $input) { ${shown} } }`;
const rotate = `mutation($input: RotateClientSecretInput!) { rotateClientSecret(input: $input) { ${shown} } }`;
const remove = `mutation($id: ID!) { removeClientSecret(id: $id) { id secrets { id } } }`;

const inDays = (days: number) =>
  new Date(Date.now() + days * 86_400_000).toISOString().replace("Z", "+00:00");
const ms = (time: string | null) => (time === null ? null : Date.parse(time));

describe("a new secret", () => {
  test("is shown once; its hash and last four characters are kept", async () => {
    const secretExpiresAt = inDays(30);
    const input = { name: "Reader", secretExpiresAt };
    const { plainSecret, secret, client } = created(
      await change("an administrator", createClient, { input }),
    );
    expect(plainSecret).toMatch(/^tributary_[\w-]{43}$/);
    expect(secret.hint).toBe(plainSecret.slice(-4));
    expect(ms(secret.expiresAt)).toBe(ms(secretExpiresAt));
    expect(client.secrets).toEqual([secret]);
    const { rows } = await database
      .as("issuer")
      .raw<{ rows: { secret_id: string; hash: Buffer }[] }>(
        `select secret_id, hash from tenant.secrets_of_client(?)`,
        [client.clientId],
      );
    const hash = createHash("sha256").update(plainSecret).digest();
    expect(rows).toEqual([{ secret_id: secret.id, hash }]);
    const ledger = JSON.stringify(await database.owner("ledger.entries"));
    expect(ledger).not.toContain(plainSecret);
    expect(ledger).not.toContain(hash.toString("hex"));
    expect(ledger).not.toContain("hint");
  });

  test("is another one each time", async () => {
    const input = { id: world.identities.client.uuid };
    const one = created(await change("an administrator", rotate, { input }));
    const other = created(await change("an administrator", rotate, { input }));
    expect(one.plainSecret).not.toBe(other.plainSecret);
    expect(other.client.secrets.map(({ id }) => id)).toEqual([
      world.secret,
      one.secret.id,
      other.secret.id,
    ]);
  });
});

describe("rotateClientSecret (T1)", () => {
  test.each(administeringAnIdentity)("%s: %s", async (caller, expected) => {
    const input = { id: world.identities.client.uuid };
    expect(outcome(await change(caller, rotate, { input }))).toBe(expected);
  });

  test("can shorten the older ones' lives, and never lengthens one", async () => {
    const { client } = world.identities;
    const soon = inDays(1);
    const late = inDays(90);
    const [ending, lasting] = [
      await seedSecret(database, client, soon),
      await seedSecret(database, client, late),
    ];
    const olderExpireAt = inDays(7);
    const input = { id: client.uuid, expiresAt: inDays(365), olderExpireAt };
    const { client: after, secret } = created(
      await change("an administrator", rotate, { input }),
    );
    const expiry = Object.fromEntries(
      after.secrets.map(({ id, expiresAt }) => [id, ms(expiresAt)]),
    );
    expect(expiry).toEqual({
      [world.secret]: ms(olderExpireAt),
      [ending]: ms(soon),
      [lasting]: ms(olderExpireAt),
      [secret.id]: ms(input.expiresAt),
    });
    const [entry] = await database
      .owner("ledger.entries")
      .where({ action: "rotateClientSecret", subject_id: client.uuid });
    expect(entry).toMatchObject({
      before: {
        secrets: [
          { id: world.secret, expiresAt: null },
          { id: lasting, expiresAt: expect.any(String) },
        ],
      },
      after: { secret: { id: secret.id, expiresAt: secret.expiresAt } },
    });
  });

  test("ends the older ones now if their end is in the past, and leaves them alone without one", async () => {
    const { client } = world.identities;
    const rotated = async (input: object) => {
      const answer = created(
        await change("an administrator", rotate, {
          input: { id: client.uuid, ...input },
        }),
      );
      return (
        answer.client.secrets.find(({ id }) => id === world.secret)
          ?.expiresAt ?? null
      );
    };
    expect(await rotated({})).toBeNull();
    expect(await rotated({ olderExpireAt: null })).toBeNull();
    const before = Date.now();
    const ended = ms(await rotated({ olderExpireAt: "2020-01-01T00:00:00Z" }));
    expect(ended).toBeGreaterThanOrEqual(before - 1000);
    expect(ended).toBeLessThanOrEqual(Date.now() + 1000);
  });

  test.each([
    [
      "an end in the past",
      { expiresAt: "2020-01-01T00:00:00Z" },
      "input.expiresAt",
    ],
  ])("%s is refused", async (_, wrong, at) => {
    const input = { id: world.identities.client.uuid, ...wrong };
    const { errors } = await change("an administrator", rotate, { input });
    expect(errors[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", at });
  });

  test("a client has at most 20 secrets", async () => {
    const { client } = world.identities;
    for (let count = 1; count < 20; count += 1)
      await seedSecret(database, client);
    const { errors } = await change("an administrator", rotate, {
      input: { id: client.uuid },
    });
    expect(errors[0]?.extensions).toEqual({
      code: "LIMIT_EXCEEDED",
      limit: 20,
      value: 21,
    });
  });
});

describe("removeClientSecret (T1)", () => {
  test.each(administeringAnIdentity)("%s: %s", async (caller, expected) => {
    // Other identities of the tenant do not see the secret.
    const sees = caller === "the client itself" || expected !== "FORBIDDEN";
    const answer = await change(caller, remove, { id: world.secret });
    expect(outcome(answer)).toBe(sees ? expected : "NOT_FOUND");
  });

  test("ends that secret, and no other", async () => {
    const other = await seedSecret(database, world.identities.client);
    const { data } = await change("an administrator", remove, {
      id: world.secret,
    });
    expect(data).toEqual({
      removeClientSecret: {
        id: world.identities.client.uuid,
        secrets: [{ id: other }],
      },
    });
  });

  test("an id of another tenant's secret, of something else or of nothing is NOT_FOUND", async () => {
    const foreign = await seedSecret(database, world.identities.partnerClient);
    for (const id of [
      foreign,
      world.identities.client.uuid,
      neverIssued,
      "x",
      "",
    ])
      expect(outcome(await change("an administrator", remove, { id }))).toBe(
        "NOT_FOUND",
      );
  });
});
