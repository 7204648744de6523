import { expect, test } from "@jest/globals";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWK } from "jose";
import { makeSigningKey } from "../../common/key-file.ts";
import type { Head } from "../../common/ledger/chain.ts";
import {
  headSigner,
  keyOf,
  loadLedgerKeys,
  publicLedgerKeys,
  readHead,
} from "../../common/ledger/keys.ts";

const head: Head = {
  chainId: "00000000-0000-4000-8000-000000000001",
  kind: "TENANT",
  sequence: 7,
  hash: "00",
  at: "2026-01-31T08:00:00+00:00",
};

const given = (...signing: JWK[]) =>
  loadLedgerKeys({ givenKeys: JSON.stringify({ signing }), dataDirectory: "" });

test("keys are made once, for their owner's eyes only, and taken again", async () => {
  const dataDirectory = await mkdtemp(join(tmpdir(), "tributary-keys-"));
  try {
    const load = () => loadLedgerKeys({ givenKeys: undefined, dataDirectory });
    const [first, again] = await Promise.all([load(), load()]);
    expect(again).toEqual(first);
    expect(await load()).toEqual(first);
    const path = join(dataDirectory, "ledger-keys.json");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await writeFile(path, "{}");
    await expect(load()).rejects.toThrow(/holds no keys for the ledger/);
  } finally {
    await rm(dataDirectory, { recursive: true });
  }
});

test("a head says what was signed, and carries the public key alone", async () => {
  const keys = await given(await makeSigningKey());
  const token = await (await headSigner(keys))(head);
  expect(await readHead(token, publicLedgerKeys(keys))).toEqual(head);
  expect(keyOf(token)).toEqual(publicLedgerKeys(keys)[0]);
  expect(keyOf(token)).not.toHaveProperty("d");
});

test("a head of a key that has been replaced is good while the key is listed, one of a foreign key never", async () => {
  const [former, next] = [await makeSigningKey(), await makeSigningKey()];
  const token = await (await headSigner(await given(former)))(head);
  const listed = publicLedgerKeys(await given(next, former));
  expect(await readHead(token, listed)).toEqual(head);
  expect(await readHead(token, publicLedgerKeys(await given(next)))).toBeNull();
  const [header = "", , signature = ""] = token.split(".");
  const forged = Buffer.from(JSON.stringify({ ...head, sequence: 8 }));
  expect(
    await readHead(
      `${header}.${forged.toString("base64url")}.${signature}`,
      listed,
    ),
  ).toBeNull();
});
