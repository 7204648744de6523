import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { DomainError, badInput } from "../common/errors.ts";

/** 32 MiB and about a fifth of a second, as OWASP advises. */
const cost = { N: 2 ** 15, r: 8, p: 3 };
const keyBytes = 32;

/** Leaves half of Node's threads to others, whatever is asked. */
const atOnce = 2;
const maxWaiting = 50;

let working = 0;
const waiting: (() => void)[] = [];

/** What is kept of a password: parameters, salt and key, so that the cost can rise later. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, cost);
  return ["scrypt", cost.N, cost.r, cost.p, ...[salt, key].map(encode)].join(
    "$",
  );
}

/** Takes as long where there is no password, so that nobody learns who has one. */
export async function isPassword(
  password: string,
  hash: string | undefined,
): Promise<boolean> {
  const [, N, r, p, salt = "", key = ""] = (hash ?? decoy).split("$");
  const expected = Buffer.from(key, "base64url");
  const actual = await derive(password, Buffer.from(salt, "base64url"), {
    N: Number(N),
    r: Number(r),
    p: Number(p),
  });
  return timingSafeEqual(actual, expected);
}

/** Refuses what is too easy to guess, or too long to be a password. */
export function assertGoodPassword(password: string): void {
  const length = [...password].length;
  if (length < 12)
    throw badInput("Choose a password of at least 12 characters.");
  if (length > 200)
    throw badInput("Choose a password of at most 200 characters.");
}

const encode = (bytes: Buffer) => bytes.toString("base64url");

/** No password has this key. */
const decoy = `scrypt$${cost.N}$${cost.r}$${cost.p}$${encode(randomBytes(16))}$${encode(randomBytes(keyBytes))}`;

async function derive(
  password: string,
  salt: Buffer,
  { N, r, p }: typeof cost,
): Promise<Buffer> {
  await takeTurn();
  try {
    return await new Promise((resolve, reject) =>
      scrypt(
        password.normalize("NFKC"),
        salt,
        keyBytes,
        { N, r, p, maxmem: 256 * N * r },
        (error, key) => (error ? reject(error) : resolve(key)),
      ),
    );
  } finally {
    working -= 1;
    waiting.shift()?.();
  }
}

async function takeTurn(): Promise<void> {
  if (working >= atOnce) {
    if (waiting.length >= maxWaiting)
      throw new DomainError(
        "UNAVAILABLE",
        "Too many people sign in at this moment. Try again in a minute.",
      );
    await new Promise<void>((turn) => waiting.push(turn));
  }
  working += 1;
}
