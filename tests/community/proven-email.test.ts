import { afterAll, beforeAll, beforeEach, expect, test } from "@jest/globals";
import type { Viewer } from "../../common/viewer.ts";
import type { OutsideIssuer } from "../../issuer/outside/config.ts";
import { TestOutsideIssuer } from "../support/outside-issuer.ts";
import { Door } from "../support/outside-world.ts";
import { as, outcome } from "../support/run.ts";
import type { Identity, Row } from "../support/seed.ts";
import { everythingWritten } from "../support/written.ts";
import {
  accept,
  administrator,
  confirm,
  database,
  decline,
  email,
  got,
  invited,
  read,
  seed,
  useHandshake,
} from "./handshake.ts";

useHandshake();

/* Another company, which has added the addressee of an invitation as a user of its own. */
let outside: TestOutsideIssuer;
let rival: Row;
let posing: Identity;

beforeAll(async () => {
  outside = await TestOutsideIssuer.start();
});
afterAll(() => outside.stop());
beforeEach(async () => {
  rival = await seed.tenant("Rival");
  posing = await seed.user(rival, [], email);
});

const cameBy = async (changes: Partial<OutsideIssuer>): Promise<Viewer> => {
  const door = new Door(database, [outside.trustedFor(changes)]);
  const viewer = await door.enter(await outside.sign({ sub: email, email }));
  expect(viewer.identityId).toBe(posing.uuid);
  return viewer;
};
const byItsOwnIssuer = () => cameBy({ tenants: [rival.uuid] });
const byTheDomain = () =>
  cameBy({ tenants: [rival.uuid], domains: ["guest.example"] });

const noticesOf = async (viewer: Viewer) => {
  const { notices } = got<{
    notices: { nodes: { kind: string }[]; totalCount: number };
  }>(
    await read(
      viewer,
      "{ viewer { notices(first: 10) { nodes { kind } totalCount } } }",
    ),
  );
  expect(notices.totalCount).toBe(notices.nodes.length);
  return notices.nodes.map(({ kind }) => kind);
};

const stepsOf = async (viewer: Viewer) =>
  got<{ nextSteps: { kind: string }[] }>(
    await read(viewer, "{ viewer { nextSteps { kind } } }"),
  ).nextSteps.map(({ kind }) => kind);

const asAccountAdministrator = () =>
  database.owner("tenant.identity_roles").insert({
    ...{ identity_id: posing.id, tenant_id: rival.id },
    role: "ACCOUNT_ADMINISTRATOR",
  });

test("a tenant's own issuer makes nobody the addressee: no notice and no step tells of the invitation", async () => {
  await asAccountAdministrator();
  await invited();
  const viewer = await byItsOwnIssuer();
  expect(await noticesOf(viewer)).toEqual([]);
  expect(await stepsOf(viewer)).not.toContain("ACCEPT_INVITATION");
  for (const proven of [await byTheDomain(), as(posing)]) {
    expect(await noticesOf(proven)).toEqual(["INVITED"]);
    expect(await stepsOf(proven)).toContain("ACCEPT_INVITATION");
  }
});

test("it does not decline as the addressee either", async () => {
  const { token } = await invited();
  const viewer = await byItsOwnIssuer();
  const before = await everythingWritten(database);
  expect(outcome(await decline(token, viewer))).toBe("FORBIDDEN");
  expect(await everythingWritten(database)).toEqual(before);
  expect(got(await decline(token, await byTheDomain()))).toMatchObject({
    state: "DECLINED",
  });
});

test("what it accepts is confirmed only by who has made sure who that is", async () => {
  await asAccountAdministrator();
  const { id, token } = await invited();
  got(await accept(token, {}, await byItsOwnIssuer()));
  const seen = got<{ invitations: { nodes: object[] } }>(
    await read(
      as(administrator),
      `{ communities(first: 1) { nodes { invitations(first: 1) { nodes { acceptedByEmail acceptedByAddressee } } } } }`,
    ),
  );
  expect(seen).toMatchObject({
    nodes: [
      {
        invitations: {
          nodes: [{ acceptedByEmail: null, acceptedByAddressee: false }],
        },
      },
    ],
  });
  const refused = await confirm(id, { tenantId: rival.uuid });
  expect(outcome(refused)).toBe("CONFLICT");
  expect(refused.errors[0]?.message).toContain("no proven e-mail who accepted");
  got(await confirm(id, { tenantId: rival.uuid, acceptMismatch: true }));
});

test("an issuer that is trusted for the domain makes it so", async () => {
  await asAccountAdministrator();
  const { id, token } = await invited();
  const accepted = got(await accept(token, {}, await byTheDomain()));
  expect(accepted).toMatchObject({
    acceptedByEmail: email,
    acceptedByAddressee: true,
  });
  got(await confirm(id, { tenantId: rival.uuid }));
});
