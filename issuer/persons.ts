import { randomUUID } from "node:crypto";
import type { Knex } from "../common/database.ts";
import { conflict } from "../common/errors.ts";
import { record } from "../common/ledger-store.ts";
import { anonymous } from "../common/viewer.ts";
import { LinkStore } from "./link-store.ts";
import { PersonStore } from "./person-store.ts";
import { hashPassword } from "./passwords.ts";

/** Adds a person whose e-mail needs no proof, for worlds that are made up. */
export async function addPerson(
  db: Knex,
  { email, name, password }: { email: string; name: string; password: string },
): Promise<void> {
  const hash = await hashPassword(password);
  await db.transaction((transaction) =>
    setPassword(transaction, email, name, hash, randomUUID()),
  );
}

/** Uses up a link; false if that has been done, or it has expired. */
export async function setPasswordByLink(
  db: Knex,
  { token, name, password }: { token: string; name: string; password: string },
  requestId: string,
): Promise<boolean> {
  const hash = await hashPassword(password);
  return db.transaction(async (transaction) => {
    const email = await new LinkStore(transaction).use(token);
    if (!email) return false;
    await setPassword(transaction, email, name, hash, requestId);
    return true;
  });
}

/** `knownHash` is what the present password was checked against. */
export async function changePassword(
  db: Knex,
  { email, knownHash }: { email: string; knownHash: string },
  password: string,
  requestId: string,
): Promise<void> {
  const hash = await hashPassword(password);
  await db.transaction(async (transaction) => {
    const person = await new PersonStore(transaction).lockByEmail(email);
    if (person?.passwordHash !== knownHash)
      throw conflict("The password was changed meanwhile. Try again.");
    await setPassword(transaction, email, person.name, hash, requestId);
  });
}

async function setPassword(
  transaction: Knex.Transaction,
  email: string,
  name: string,
  passwordHash: string,
  requestId: string,
): Promise<void> {
  const persons = new PersonStore(transaction);
  const { uuid, isNew } = await persons.setPassword(email, name, passwordHash);
  const memberships = await persons.memberships(email);
  const call = {
    viewer: { ...anonymous, person: { id: uuid, email, name } },
    requestId,
  };
  await record(
    transaction,
    call,
    isNew ? "verifyEmail" : "setPassword",
    [
      {
        kind: "IDENTITY",
        subjectType: "Person",
        subjectId: uuid,
        tenantIds: memberships.map(({ tenantId }) => tenantId),
      },
    ],
    isNew ? [{ id: uuid, email, name }] : [],
  );
}
