import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  dataSets,
  readingsOf,
  variablesOf,
  type DataSets,
  type Readings,
} from "../support/data-sets.ts";
import { TestDatabase } from "../support/database.ts";
import { SeparateProcesses } from "../support/separate-processes.ts";
import { Company, type Character } from "./company.ts";
import { closedBut, cursorInto, knock, openTo, readAll } from "./reader.ts";

jest.setTimeout(120_000);

/*
 * One story, told in order: each test goes on where the one before it ended. A chemical plant shares what concerns its
 * compressor and its cooling water with a vendor; a third company looks on. Everything happens over HTTP and by
 * operator's commands, on four processes.
 */

let home: string;
let files: DataSets;
/** What the files say, by their columns' names. */
let readings: ReadonlyMap<string, Readings>;
let database: TestDatabase;
let installation: SeparateProcesses;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tributary-data-"));
  files = await dataSets(home);
  readings = new Map([
    ...(await readingsOf(files.process)),
    ...(await readingsOf(files.machine)),
  ]);
  database = await TestDatabase.create();
  installation = await SeparateProcesses.start(database);
});
afterAll(async () => {
  await installation?.stop();
  await database?.drop();
  await rm(home, { recursive: true, force: true });
});

let isBroken = false;

/** After one that fails, the others have nothing to go on from. */
const chapter = (title: string, tell: () => Promise<void>) =>
  test(title, async () => {
    if (isBroken) throw new Error("An earlier chapter has failed.");
    isBroken = true;
    await tell();
    isBroken = false;
  });

let plant: Company;
let vendor: Company;
let stranger: Company;

chapter("three tenants are founded, and their owners sign in", async () => {
  [plant, vendor, stranger] = await Promise.all([
    Company.found(installation, "Eastman Works", "ada@plant.example"),
    Company.found(installation, "Volute Compressors", "vic@vendor.example"),
    Company.found(installation, "Bystander Ltd", "sam@stranger.example"),
  ]);
  for (const { id } of [plant, vendor])
    await installation.operate("tenant", "entitle", id, "COMMUNITIES");
  expect(
    await plant.administrator.get(`{ viewer { tenant { id name } roles } }`),
  ).toEqual({
    viewer: {
      tenant: { id: plant.id, name: "Eastman Works" },
      roles: ["ACCOUNT_ADMINISTRATOR", "MEMBER"],
    },
  });
});

let steward: Character;
let engineer: Character;
let monitor: Character;

chapter("people are added, and a program that has a secret", async () => {
  steward = await plant.addUser("Stella", "stella@plant.example", [
    "DATA_STEWARD",
  ]);
  engineer = await vendor.addUser("Egon", "egon@vendor.example", ["VIEWER"]);
  monitor = await vendor.addClient("Fleet monitor", ["VIEWER"]);
  const query = `{ viewer { identity { __typename id } tenant { id } } }`;
  expect(await engineer.caller.get(query)).toEqual({
    viewer: {
      identity: { __typename: "User", id: engineer.id },
      tenant: { id: vendor.id },
    },
  });
  expect(await monitor.caller.get(query)).toEqual({
    viewer: {
      identity: { __typename: "Client", id: monitor.id },
      tenant: { id: vendor.id },
    },
  });
});

/** The plant's streams by their tags in the file, and the vendor's only one. */
const streamIds = new Map<string, string>();

chapter("the plant imports 52 streams with their names and units", async () => {
  await importFile(plant, files.process, [
    ...["--namespace", "Reactor", "--create"],
    ...["--ignore", "case", "--names", files.variables],
  ]);
  const { streams } = await steward.caller.get<{ streams: StreamPage }>(
    `{ streams(first: 100) { totalCount nodes { id externalId name properties { uom } } } }`,
  );
  const variables = await variablesOf(files.variables);
  expect(
    streams.nodes.map(({ externalId, name, properties: [property] }) => ({
      tag: externalId,
      name,
      unit: property?.uom,
    })),
  ).toEqual(
    expect.arrayContaining(
      variables.map(({ tag, name, unit }) => ({ tag, name, unit })),
    ),
  );
  expect(streams.totalCount).toBe(52);
  for (const { externalId, id } of streams.nodes) streamIds.set(externalId, id);
});

chapter("the vendor says which of two readings counts", async () => {
  const options = ["--namespace", "Test bench", "--create", "--zone", "UTC"];
  const refused = await installation.tryToOperate(
    ...importArguments(vendor, files.machine, options),
  );
  expect(refused).toEqual({
    code: 1,
    output: expect.stringMatching(/machine_temperature\.csv.*\b10151\b/),
  });
  expect(await vendor.administrator.get(`{ streams { totalCount } }`)).toEqual({
    streams: { totalCount: 0 },
  });

  await importFile(vendor, files.machine, [...options, "--duplicates=last"]);
  const { streams } = await monitor.caller.get<{ streams: StreamPage }>(
    `{ streams { nodes { id } } }`,
  );
  expect(streams.nodes).toHaveLength(1);
  streamIds.set("value", streams.nodes[0]?.id ?? "");
});

let communityId: string;

chapter("the plant founds a community, and the vendor joins it", async () => {
  const { createCommunity } = await plant.administrator.get<{
    createCommunity: { id: string; myRole: string };
  }>(
    `mutation { createCommunity(input: { name: "Compressor care" }) { id myRole } }`,
  );
  expect(createCommunity).toMatchObject({ myRole: "ADMINISTRATOR" });
  communityId = createCommunity.id;
  await letIn(plant, steward);
  await plant.invite(vendor, communityId);
  await letIn(vendor, engineer);
  await letIn(vendor, monitor);
  expect(
    await engineer.caller.get(
      `query ($id: ID!) {
        community(id: $id) { myRole memberships { nodes { tenant { name } userCount clientCount } } }
      }`,
      { id: communityId },
    ),
  ).toEqual({
    community: {
      myRole: "MEMBER",
      memberships: {
        nodes: [
          {
            tenant: { name: "Eastman Works" },
            userCount: 2,
            clientCount: 0,
          },
          {
            tenant: { name: "Volute Compressors" },
            userCount: 2,
            clientCount: 1,
          },
        ],
      },
    },
  });
});

/** What concerns the vendor, by the names in the side file. */
let sharedTags: string[];

chapter("the plant shares what concerns the vendor", async () => {
  const variables = await variablesOf(files.variables);
  sharedTags = variables
    .filter(({ name }) => /compressor|cooling water/i.test(name))
    .map(({ tag }) => tag);
  expect(sharedTags).toHaveLength(6);
  const { shareStreams } = await steward.caller.get<{
    shareStreams: object[];
  }>(
    `mutation ($input: ShareStreamsInput!) { shareStreams(input: $input) { state } }`,
    { input: { streamIds: idsOf(sharedTags), communityIds: [communityId] } },
  );
  expect(shareStreams).toHaveLength(6);
});

chapter("the vendor reads exactly that and its own in one query", async () => {
  const { streams } = await monitor.caller.get<{ streams: StreamPage }>(`{
    streams(first: 100) {
      totalCount
      nodes {
        id externalId isOwn tenant { name }
        first { timestamp value }
        last { timestamp value }
      }
    }
  }`);
  const expected = [...sharedTags, "value"].map((tag) => ({
    id: streamIds.get(tag),
    // The name in another tenant's source system is not for its readers.
    externalId: tag === "value" ? "value" : null,
    isOwn: tag === "value",
    tenant: {
      name: tag === "value" ? "Volute Compressors" : "Eastman Works",
    },
    first: eventAt(readings.get(tag), 0),
    last: eventAt(readings.get(tag), -1),
  }));
  expect(streams.totalCount).toBe(7);
  expect(sortedById(streams.nodes)).toEqual(sortedById(expected));
});

chapter("every value that the vendor reads is the file's", async () => {
  for (const tag of [...sharedTags, "value"]) {
    const { timestamps, values } = await readAll(
      monitor.caller,
      streamIds.get(tag) ?? "",
    );
    // Compared as a whole, so that a failure does not print 20,000 lines.
    expect([tag, timestamps.length]).toEqual([
      tag,
      readings.get(tag)?.timestamps.length,
    ]);
    expect(timestamps.join() === readings.get(tag)?.timestamps.join()).toBe(
      true,
    );
    expect(values.join() === readings.get(tag)?.values.join()).toBe(true);
  }
});

chapter("a third tenant sees nothing", async () => {
  const { administrator } = stranger;
  const nothing = await knock(administrator, {
    stream: randomUUID(),
    community: randomUUID(),
  });
  expect(nothing).toMatchObject({
    stream: null,
    shared: { totalCount: 0, ids: [] },
    inCommunity: null,
    refusals: [{ code: "NOT_FOUND" }, { code: "NOT_FOUND" }],
  });
  for (const stream of idsOf([...sharedTags, "XMEAS_1", "value"]))
    expect(
      await knock(administrator, { stream, community: communityId }),
    ).toEqual(nothing);
});

chapter("what is unshared is closed in the very next request", async () => {
  const [stream = "", ...others] = idsOf(sharedTags);
  const visit = await visitTo(stream);
  expect(await knock(monitor.caller, visit)).toEqual(
    openTo([stream, ...others]),
  );
  await steward.caller.get(
    `mutation ($input: UnshareStreamsInput!) { unshareStreams(input: $input) { applied } }`,
    { input: { streamIds: [stream], communityIds: [communityId] } },
  );
  expect(await knock(monitor.caller, visit)).toEqual(closedBut(others));
});

chapter("so is all of it by a pause, until it is resumed", async () => {
  const [, ...shared] = idsOf(sharedTags);
  const visit = await visitTo(shared[0] ?? "");
  await inCommunity("pauseSharing");
  expect(await knock(monitor.caller, visit)).toEqual(closedBut([]));
  expect(await cursorInto(steward.caller, visit.stream)).toBe(visit.after);
  await inCommunity("resumeSharing");
  expect(await knock(monitor.caller, visit)).toEqual(openTo(shared));
});

chapter(
  "a removed user and a disabled program are nobody at once",
  async () => {
    const [, ...shared] = idsOf(sharedTags);
    const visit = await visitTo(shared[0] ?? "");
    const nobody = {
      stream: null,
      shared: null,
      inCommunity: null,
      refusals: ["community", "stream", "streams"].map((path) =>
        expect.objectContaining({ path, code: "UNAUTHENTICATED" }),
      ),
    };
    expect(await knock(engineer.caller, visit)).toEqual(openTo(shared));
    await vendor.administrator.get(
      `mutation ($id: ID!) { removeUser(id: $id) }`,
      { id: engineer.id },
    );
    expect(await knock(engineer.caller, visit)).toEqual(nobody);

    await enable(monitor, false);
    expect(await knock(monitor.caller, visit)).toEqual(nobody);
    await enable(monitor, true);
    expect(await knock(monitor.caller, visit)).toEqual(openTo(shared));
  },
);

chapter("and no event was copied", async () => {
  const { rows } = await database.owner.raw<{
    rows: { tenant: string; count: number }[];
  }>(
    `select t.uuid as tenant, count(*) from stream.events e join tenant.tenants t on t.id = e.tenant_id group by 1`,
  );
  expect(new Map(rows.map(({ tenant, count }) => [tenant, count]))).toEqual(
    new Map([
      [plant.id, 52 * 21_120],
      [vendor.id, 22_683],
    ]),
  );
});

interface StreamPage {
  readonly totalCount: number;
  readonly nodes: readonly {
    readonly id: string;
    readonly externalId: string;
    readonly name: string;
    readonly properties: readonly { readonly uom: string | null }[];
  }[];
}

const idsOf = (tags: readonly string[]) =>
  tags.map((tag) => streamIds.get(tag) ?? `no stream ${tag}`);

const sortedById = <T extends { readonly id?: string | undefined }>(
  items: readonly T[],
) => items.toSorted((a, b) => ((a.id ?? "") < (b.id ?? "") ? -1 : 1));

function importArguments(
  company: Company,
  file: string,
  options: readonly string[],
): [string, ...string[]] {
  return ["import", "--as", company.administratorEmail, ...options, file];
}

const importFile = (
  company: Company,
  file: string,
  options: readonly string[],
) => installation.operate(...importArguments(company, file, options));

const letIn = (company: Company, { id }: Character) =>
  company.administrator.get(
    `mutation ($input: SetCommunityRolesInput!) { setCommunityRoles(input: $input) { applied } }`,
    { input: { communityId, members: [{ identityId: id, role: "MEMBER" }] } },
  );

const eventAt = (readings: Readings | undefined, place: number) => ({
  timestamp: readings?.timestamps.at(place),
  value: readings?.values.at(place),
});

/** A visit of the vendor's program, which has read some of the stream before. */
const visitTo = async (stream: string) => ({
  stream,
  community: communityId,
  after: await cursorInto(monitor.caller, stream),
});

const inCommunity = (mutation: "pauseSharing" | "resumeSharing") =>
  plant.administrator.get(
    `mutation ($id: ID!) { ${mutation}(communityId: $id) { __typename } }`,
    { id: communityId },
  );

const enable = ({ id }: Character, enabled: boolean) =>
  vendor.administrator.get(
    `mutation ($id: ID!, $enabled: Boolean!) { setClientEnabled(id: $id, enabled: $enabled) { id } }`,
    { id, enabled },
  );
