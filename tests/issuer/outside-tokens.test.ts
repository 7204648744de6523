import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import {
  CompactSign,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
} from "jose";
import type { OutsideIssuer } from "../../issuer/outside/config.ts";
import type { Viewer } from "../../common/viewer.ts";
import { usualKeyTimes } from "../../issuer/outside/keys.ts";
import { TestDatabase } from "../support/database.ts";
import { TestOutsideIssuer } from "../support/outside-issuer.ts";
import { Door } from "../support/outside-world.ts";
import { Seed, type Identity } from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";

let database: TestDatabase;
let outside: TestOutsideIssuer;
let other: TestOutsideIssuer;
let trusted: OutsideIssuer[];
let user: Identity;
let door: Door;
const email = "ada@volute.example";
const claims = { sub: "ada", email };

beforeAll(async () => {
  database = await TestDatabase.create();
  const seed = new Seed(database.owner);
  [outside, other] = await Promise.all([
    TestOutsideIssuer.start("/realms/volute"),
    TestOutsideIssuer.start("/realms/hydra"),
  ]);
  const [volute, hydra] = [await seed.tenant(), await seed.tenant()];
  user = await seed.user(volute, [], email);
  await seed.user(hydra, [], "kim@hydra.example");
  trusted = [
    outside.trustedFor({ tenants: [volute.uuid] }),
    other.trustedFor({ tenants: [hydra.uuid] }),
  ];
});
afterAll(async () => {
  await outside.stop();
  await other.stop();
  await database.drop();
});
beforeEach(async () => {
  await database.owner("issuer.linked_subjects").delete();
  outside.instead = undefined;
  await outside.rotate("volute");
  await other.rotate("hydra");
  door = new Door(database, trusted);
});

const now = () => Math.floor(Date.now() / 1000);

/** Signs a header and a payload of the test's own, whatever they say. */
async function signRaw(header: object, payload: object): Promise<string> {
  const { privateKey } = await generateKeyPair("ES256");
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "ES256", ...header })
    .sign(privateKey);
}

/** A token with another part than the one that was signed. */
function changed(token: string, part: 0 | 1, changes: object): string {
  const parts = token.split(".");
  const before: unknown = JSON.parse(
    Buffer.from(parts[part] ?? "", "base64url").toString(),
  );
  const after = JSON.stringify({ ...Object(before), ...changes });
  parts[part] = Buffer.from(after).toString("base64url");
  return parts.join(".");
}

/** As the issuer's, but with the key that it brings along. */
async function withKeyOfItsOwn(header: object): Promise<string> {
  const good = await outside.sign(claims);
  const [, payload = ""] = good.split(".");
  return signRaw(
    { typ: "at+jwt", ...header },
    Object(JSON.parse(Buffer.from(payload, "base64url").toString())) as object,
  );
}

test("the token that the hostile ones are made of is good", async () => {
  expect(await door.outcome(await outside.sign(claims))).toBe(user.uuid);
});

const notValid = /^UNAUTHENTICATED: The access token is not valid here/;
const stranger = /^UNAUTHENTICATED: This account of .* is no user here/;

test.each<[string, () => Promise<string> | string, RegExp?]>([
  [
    "is for another audience",
    () => outside.sign({ ...claims, aud: "https://elsewhere.example" }),
  ],
  ["is for a front end", () => outside.sign({ ...claims, aud: "front-end" })],
  ["is for nobody", () => outside.sign({ ...claims, aud: undefined as never })],
  [
    "is for an audience with a slash more",
    () =>
      outside.sign({ ...claims, aud: "https://tributary.example/graphql/" }),
  ],
  [
    "has expired",
    () => outside.sign({ ...claims, exp: now() - 31 }),
    /^UNAUTHENTICATED: The access token has expired/,
  ],
  ["never expires", () => outside.sign({ ...claims, exp: undefined as never })],
  [
    "expires in words",
    () => outside.sign({ ...claims, exp: "tomorrow" as never }),
  ],
  ["comes before its time", () => outside.sign({ ...claims, nbf: now() + 90 })],
  [
    "is of an issuer whom nobody trusts",
    () => outside.sign({ ...claims, iss: "https://evil.example" }),
  ],
  [
    "has a slash after its issuer",
    () => outside.sign({ ...claims, iss: `${outside.issuer}/` }),
  ],
  [
    "has its issuer in capitals",
    () => outside.sign({ ...claims, iss: outside.issuer.toUpperCase() }),
  ],
  [
    "has a list of issuers",
    () => outside.sign({ ...claims, iss: [outside.issuer] as never }),
  ],
  ["has no issuer", () => outside.sign({ ...claims, iss: undefined as never })],
  [
    "another issuer has signed in the name of this one",
    () => other.sign({ ...claims, iss: outside.issuer }),
  ],
  [
    "another issuer has signed, with the name of this one's key",
    () => other.sign({ ...claims, iss: outside.issuer }, { kid: "volute" }),
  ],
  [
    "another issuer has signed, for a user of this one's tenants",
    () => other.sign(claims),
    stranger,
  ],
  [
    "another issuer of the same key id has signed, for itself",
    () => other.sign(claims, { kid: "volute" }),
  ],
  [
    "nobody has signed",
    async () =>
      changed(await outside.sign(claims), 0, { alg: "none" }).replace(
        /[^.]*$/,
        "",
      ),
  ],
  [
    "nobody has signed, though it says otherwise",
    async () => (await outside.sign(claims)).replace(/[^.]*$/, ""),
  ],
  [
    "says none and has a signature",
    async () => changed(await outside.sign(claims), 0, { alg: "nOnE" }),
  ],
  [
    "takes the public key for a shared secret, as PEM",
    async () => {
      const key = await importJWK(outside.publicKey, "ES256");
      const pem = await exportSPKI(key as CryptoKey);
      return outside.sign(claims, { alg: "HS256" }, Buffer.from(pem));
    },
  ],
  [
    "takes the public key for a shared secret, as JWK",
    () =>
      outside.sign(
        claims,
        { alg: "HS256" },
        Buffer.from(JSON.stringify(outside.publicKey)),
      ),
  ],
  [
    "takes the coordinates of the public key for a shared secret",
    () =>
      outside.sign(
        claims,
        { alg: "HS256" },
        Buffer.from(outside.publicKey.x ?? "", "base64url"),
      ),
  ],
  [
    "is signed by an algorithm that the issuer does not use",
    async () => {
      const { privateKey } = await generateKeyPair("ES384");
      return outside.sign(claims, { alg: "ES384" }, privateKey);
    },
  ],
  [
    "brings its key along",
    async () => {
      const { privateKey, publicKey } = await generateKeyPair("ES256");
      return outside.sign(
        claims,
        { jwk: (await exportJWK(publicKey)) as never },
        privateKey,
      );
    },
  ],
  [
    "brings the address of its key along",
    () => withKeyOfItsOwn({ jku: `${other.issuer}/jwks`, kid: "hydra" }),
  ],
  [
    "brings certificates along",
    () => withKeyOfItsOwn({ x5u: `${other.issuer}/jwks`, x5c: ["MII="] }),
  ],
  [
    "asks for what is not understood",
    async () => changed(await outside.sign(claims), 0, { crit: ["exp"] }),
  ],
  [
    "names a file as its key",
    () => outside.sign(claims, { kid: "../../../../dev/null" }),
  ],
  [
    "was changed after it was signed",
    async () => changed(await outside.sign({ sub: "x" }), 1, claims),
  ],
  ["is no JWT", () => "nonsense"],
  ["is no JSON", () => "e30.bm9uc2Vuc2U.e30"],
  ["is encrypted", () => "e30.e30.e30.e30.e30"],
  ["is a logout token", () => outside.sign(claims, { typ: "logout+jwt" })],
  [
    "is bound to a key of its client",
    () => outside.sign({ ...claims, cnf: { jkt: "thumbprint" } }),
    /^UNAUTHENTICATED: .* is bound to a key/,
  ],
  ...[undefined, "", 7, ["ada"], "ada\0", "ädä", "a".repeat(256)].map(
    (sub): [string, () => Promise<string>, RegExp] => [
      `has the subject ${JSON.stringify(sub)?.slice(0, 20)}`,
      () => outside.sign({ ...claims, sub: sub as never }),
      /^UNAUTHENTICATED/,
    ],
  ),
  [
    "has an unverified e-mail",
    () => outside.sign({ ...claims, email_verified: false }),
    stranger,
  ],
  [
    "says of itself which identity it stands for",
    () => outside.sign({ sub: user.uuid, identity: user.uuid, tenant: "any" }),
    stranger,
  ],
])(
  "a token is refused that %s, and nothing is written",
  async (_, token, refusal = notValid) => {
    const sent = await token();
    const before = await everythingWritten(database);
    expect(await door.outcome(sent)).toMatch(refusal);
    // Once more, with what is remembered by now.
    expect(await door.outcome(sent)).toMatch(refusal);
    expect(await everythingWritten(database)).toEqual(before);
  },
);

test.each([undefined, "JWT", "jwt", "at+jwt", "application/at+jwt"])(
  "an access token may be of the type %s",
  async (typ) => {
    const token = await outside.sign(claims, { typ: typ as never });
    expect(await door.outcome(token)).toBe(user.uuid);
  },
);

test("keys are asked for once, not by every token", async () => {
  const before = outside.asked;
  const tokens = await Promise.all(
    [1, 2, 3, 4].map((jti) => outside.sign({ ...claims, jti: `${jti}` })),
  );
  await Promise.all(tokens.map((token) => door.outcome(token)));
  for (const kid of ["a", "b", "c"])
    expect(await door.outcome(await outside.sign(claims, { kid }))).toMatch(
      notValid,
    );
  expect(outside.asked - before).toBe(1);
});

const quick = { ...usualKeyTimes, pauseMs: 0, retryMs: 0 };

test("a new key is known with its first token; what the one before signed goes on until keys are asked for because of their age", async () => {
  const running = new Door(database, trusted, quick);
  const old = await outside.sign(claims);
  expect(await running.outcome(old)).toBe(user.uuid);
  await outside.rotate("volute-2");
  const another = await outside.sign({ ...claims, jti: "another" });
  expect(await running.outcome(another)).toBe(user.uuid);
  for (const remembered of [old, another])
    expect(await running.outcome(remembered)).toBe(user.uuid);
});

test("a key that is gone is not believed for longer than keys are fresh, nor are tokens that it made good", async () => {
  const running = new Door(database, trusted, { ...quick, freshMs: 1000 });
  const old = await outside.sign(claims);
  expect(await running.outcome(old)).toBe(user.uuid);
  await outside.rotate("volute-2");
  const asked = Date.now();
  let outcome = await running.outcome(old);
  while (outcome === user.uuid && Date.now() - asked < 10_000) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    outcome = await running.outcome(old);
  }
  expect(outcome).toMatch(notValid);
  expect(Date.now() - asked).toBeLessThan(5000);
});

test("while the issuer is away, known keys go on for a time, and the rest is told to come again", async () => {
  const away = (times = {}) =>
    new Door(database, trusted, { ...quick, freshMs: 0, ...times });
  const [running, short, fresh] = [
    away(),
    away({ keptMs: 0 }),
    new Door(database, trusted, quick),
  ];
  const token = await outside.sign(claims);
  for (const each of [running, short, fresh])
    expect(await each.outcome(token)).toBe(user.uuid);
  const unavailable =
    /^UNAVAILABLE: The keys of .*\/realms\/volute cannot be fetched/;

  outside.instead = (_request, response) => {
    response.statusCode = 503;
    response.end();
  };
  expect(await running.outcome(token)).toBe(user.uuid);
  expect(
    await running.outcome(await outside.sign(claims, { kid: "x" })),
  ).toMatch(unavailable);
  expect(await short.outcome(token)).toMatch(unavailable);
  expect(await fresh.outcome(token)).toBe(user.uuid);
  // Nobody else suffers by it.
  expect(
    await fresh.outcome(
      await other.sign({ sub: "kim", email: "kim@hydra.example" }),
    ),
  ).not.toMatch(/:/);
  expect(await new Door(database, trusted).outcome(token)).toMatch(unavailable);

  outside.instead = undefined;
  expect(await short.outcome(token)).toBe(user.uuid);
});

test("an issuer that hangs does not slow those whom known keys tell", async () => {
  const running = new Door(database, trusted, { ...quick, freshMs: 0 });
  const token = await outside.sign(claims);
  expect(await running.outcome(token)).toBe(user.uuid);
  outside.instead = () => undefined;
  const began = Date.now();
  expect(await running.outcome(token)).toBe(user.uuid);
  expect(Date.now() - began).toBeLessThan(3000);
});

const json = (value: unknown) => JSON.stringify(value);

test.each<[string, (path: string) => { body?: string; location?: string }]>([
  ["redirects elsewhere", () => ({ location: `${other.issuer}/jwks` })],
  ["is no JSON", () => ({ body: "<html>" })],
  ["is null", () => ({ body: "null" })],
  ["holds no keys", () => ({ body: json({ keys: "none" }) })],
  ["is endless", () => ({ body: `"${"x".repeat(300_000)}"` })],
  [
    "is another issuer's",
    () => ({
      body: json({ issuer: other.issuer, jwks_uri: `${other.issuer}/jwks` }),
    }),
  ],
  [
    "sends elsewhere for keys",
    () => ({
      body: json({ issuer: outside.issuer, jwks_uri: `${other.issuer}/jwks` }),
    }),
  ],
  [
    "sends to a file for keys",
    () => ({
      body: json({ issuer: outside.issuer, jwks_uri: "file:///etc/x" }),
    }),
  ],
  ["says nothing of keys", () => ({ body: json({ issuer: outside.issuer }) })],
])("what an issuer says is not believed if it %s", async (_, answer) => {
  const before = other.asked;
  outside.instead = ({ url = "" }, response) => {
    const { body = "", location } = answer(url);
    if (location !== undefined) response.writeHead(302, { location });
    response.end(body);
  };
  for (const jwksUri of [undefined, new URL(`${outside.issuer}/jwks`)]) {
    const strict = new Door(database, [{ ...outside.trustedFor({}), jwksUri }]);
    expect(
      await strict.outcome(
        await other.sign({ ...claims, iss: outside.issuer }),
      ),
    ).toMatch(/^UNAVAILABLE/);
  }
  expect(other.asked).toBe(before);
});

test("keys can be at another place that the configuration names", async () => {
  const elsewhere = new Door(database, [
    { ...other.trustedFor({}), jwksUri: new URL(`${outside.issuer}/jwks`) },
  ]);
  const token = await outside.sign({ sub: "x", iss: other.issuer });
  expect(await elsewhere.outcome(token)).toMatch(stranger);
});

test("the answer to a token of nobody who is trusted names none of those who are", async () => {
  const unknown = await outside.sign({ ...claims, iss: "https://a.example" });
  for (const token of [unknown, "nonsense"]) {
    const refusal = await door.outcome(token);
    expect(refusal).toMatch(notValid);
    for (const { issuer } of trusted) expect(refusal).not.toContain(issuer);
  }
  const refusal = await door.outcome(
    await outside.sign({ ...claims, aud: "another" }),
  );
  expect(refusal).toContain(outside.issuer);
  expect(refusal).not.toContain(other.issuer);
});

test("whom a token stood for last is asked for before it is looked up, by each of its requests at once", async () => {
  const token = await outside.sign(claims);
  const known = await door.enter(token);
  const admit = (last?: Viewer) => {
    if (!last) throw new Error("the address has nothing left");
    expect(last).toBe(known);
  };
  await expect(door.enter(token, "nonsense", admit)).rejects.toThrow(
    "the address has nothing left",
  );
  expect(
    await Promise.all(
      [1, 2, 3, 4, 5].map(() => door.enter(token, undefined, admit)),
    ),
  ).toEqual(Array(5).fill(known));
  const spent = () => {
    throw new Error("the caller has nothing left");
  };
  await database.owner("issuer.linked_subjects").delete();
  await expect(door.enter(token, undefined, spent)).rejects.toThrow(
    "the caller has nothing left",
  );
  expect(await database.owner("issuer.linked_subjects").select()).toEqual([]);
});

test("a token that stands for nobody is looked at again only while its address has something left", async () => {
  const left = { points: 2 };
  const admit = () => {
    left.points -= 1;
    if (left.points < 0) throw new Error("nothing left");
  };
  const token = await outside.sign({ sub: "nobody" });
  await expect(door.enter(token, undefined, admit)).rejects.toThrow(
    "is no user here",
  );
  await expect(door.enter(token, undefined, admit)).rejects.toThrow(
    "nothing left",
  );
});
