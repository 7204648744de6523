import type { Knex } from "../../common/database.ts";
import type { Subgraph } from "../../common/schema.ts";
import { OperatorStore } from "../../commands/operator-store.ts";
import { Actor } from "./actor.ts";
import { invitationToken } from "./demo-store.ts";
import { foundCompany, type Company, type DemoIdentity } from "./people.ts";
import { valuesOf } from "./signals.ts";
import { streams, type DemoStream } from "./streams.ts";
import {
  communities,
  tenants,
  type CommunityKey,
  type TenantKey,
} from "./world.ts";

const days = 30;
const stepMs = 10 * 60_000;

/** Everything that was made, in the form of demo.json. */
export interface DemoWorld {
  readonly tenants: { id: string; name: string }[];
  readonly identities: readonly DemoIdentity[];
  readonly communities: {
    id: string;
    name: string;
    ownerTenantId: string;
    tenantIds: string[];
  }[];
  readonly streams: {
    id: string;
    externalId: string;
    tenantId: string;
    sharedIn: string[];
  }[];
}

export interface DemoTools {
  readonly owner: Knex;
  readonly issuer: Knex;
  readonly subgraphs: readonly Subgraph[];
  readonly publicUrl: URL;
  readonly progress: (step: string) => void;
}

/** Makes the demo world: companies as the operator would, all else as its own identities would. */
export async function buildDemo({
  owner,
  issuer,
  subgraphs,
  publicUrl,
  progress,
}: DemoTools): Promise<DemoWorld> {
  const operator = new OperatorStore(owner);
  const companies = {} as Record<TenantKey, Company>;
  for (const key of Object.keys(tenants) as TenantKey[]) {
    progress(`founding ${tenants[key].name}`);
    companies[key] = await foundCompany(
      key,
      operator,
      subgraphs,
      issuer,
      publicUrl,
    );
  }
  const communityIds = {} as Record<CommunityKey, string>;
  for (const key of Object.keys(communities) as CommunityKey[]) {
    progress(`forming ${communities[key].name}`);
    communityIds[key] = await formCommunity(key, companies, owner, subgraphs);
  }
  const made = [];
  for (const company of Object.values(companies)) {
    if (streams[company.key].length === 0) continue;
    progress(
      `writing ${days} days of ${streams[company.key].length} streams of ${company.name}`,
    );
    made.push(...(await makeStreams(company, communityIds, subgraphs)));
  }
  for (const [key, { paused }] of Object.entries(communities) as [
    CommunityKey,
    (typeof communities)[CommunityKey],
  ][])
    for (const tenant of paused)
      await new Actor(subgraphs, companies[tenant].administrator.id).does(
        "pauseSharing",
        { communityId: communityIds[key] },
        "{ applied }",
        "$communityId: ID!",
      );
  const all = Object.values(companies);
  return {
    tenants: all.map(({ id, name }) => ({ id, name })),
    identities: all.flatMap(({ identities }) => identities),
    communities: (Object.keys(communities) as CommunityKey[]).map((key) => {
      const { name, owner: ownerKey, members } = communities[key];
      const tenantIds = [ownerKey, ...members].map(
        (member) => companies[member].id,
      );
      return {
        id: communityIds[key],
        name,
        ownerTenantId: companies[ownerKey].id,
        tenantIds,
      };
    }),
    streams: made,
  };
}

async function formCommunity(
  key: CommunityKey,
  companies: Readonly<Record<TenantKey, Company>>,
  db: Knex,
  subgraphs: readonly Subgraph[],
): Promise<string> {
  const { name, description, owner, members } = communities[key];
  const founder = companies[owner].administrator;
  const contactEmail = founder.email;
  const { id } = await new Actor(subgraphs, founder.id).input<{ id: string }>(
    "createCommunity",
    { name, description, preferredRegion: "eu-central", contactEmail },
    "{ id }",
  );
  founder.communityRoles.push({ communityId: id, role: "ADMINISTRATOR" });
  for (const member of members) {
    const { administrator } = companies[member];
    await joinByInvitation(companies[member], { id, founder }, db, subgraphs);
    administrator.communityRoles.push({ communityId: id, role: "MODERATOR" });
  }
  for (const company of [owner, ...members].map(
    (member) => companies[member],
  )) {
    // Everybody but the contributor and the plain member takes part.
    const joining = company.identities.filter(
      ({ id: identity, kind, tenantRoles }) =>
        identity !== company.administrator.id &&
        (kind === "client" ||
          tenantRoles.includes("DATA_STEWARD") ||
          tenantRoles.includes("VIEWER")),
    );
    await new Actor(subgraphs, company.administrator.id).input(
      "setCommunityRoles",
      {
        communityId: id,
        members: joining.map(({ id: identityId }) => ({
          identityId,
          role: "MEMBER",
        })),
      },
      "{ applied }",
    );
    for (const { communityRoles } of joining)
      communityRoles.push({ communityId: id, role: "MEMBER" });
  }
  return id;
}

/** The three steps of the handshake. */
async function joinByInvitation(
  { id: tenantId, administrator }: Company,
  { id: communityId, founder }: { id: string; founder: DemoIdentity },
  db: Knex,
  subgraphs: readonly Subgraph[],
): Promise<void> {
  const issuer = new Actor(subgraphs, founder.id);
  const { email = "" } = administrator;
  const { id } = await issuer.input<{ id: string }>(
    "inviteTenant",
    { communityId, email },
    "{ id }",
  );
  await new Actor(subgraphs, administrator.id).input(
    "acceptInvitation",
    { token: await invitationToken(db, email), contactEmail: email },
    "{ id }",
  );
  await issuer.input("confirmInvitation", { id, tenantId }, "{ id }");
}

/** The client makes and writes the streams; the data steward shares them. */
async function makeStreams(
  company: Company,
  communityIds: Readonly<Record<CommunityKey, string>>,
  subgraphs: readonly Subgraph[],
): Promise<DemoWorld["streams"]> {
  const writer = new Actor(subgraphs, company.client.id);
  const made = await createStreams(writer, streams[company.key]);
  await writeSignals(writer, made);
  const steward = new Actor(subgraphs, company.steward.id);
  for (const key of Object.keys(communities) as CommunityKey[]) {
    const streamIds = made
      .filter(({ sharedIn }) => sharedIn.includes(key))
      .map(({ id }) => id);
    if (streamIds.length > 0)
      await steward.input(
        "shareStreams",
        { streamIds, communityIds: [communityIds[key]] },
        "{ id }",
      );
  }
  return made.map(({ id, externalId, sharedIn }) => ({
    id,
    externalId,
    tenantId: company.id,
    sharedIn: sharedIn.map((key) => communityIds[key]),
  }));
}

type MadeStream = DemoStream & { readonly id: string };

async function createStreams(
  writer: Actor,
  wanted: readonly DemoStream[],
): Promise<MadeStream[]> {
  const namespace = await writer.input<{ id: string }>(
    "createNamespace",
    { name: "plant", region: "eu-central" },
    "{ id }",
  );
  const typeOf = (name: string, kind: "FLOAT" | "BOOLEAN") =>
    writer.input<{ id: string }>(
      "createStreamType",
      {
        namespaceId: namespace.id,
        name,
        properties: [{ name: "value", kind }],
      },
      "{ id }",
    );
  const measurement = await typeOf("Measurement", "FLOAT");
  const state = await typeOf("State", "BOOLEAN");
  const made: MadeStream[] = [];
  for (const stream of wanted) {
    const { externalId, name, tags, uom } = stream;
    const { id } = await writer.input<{ id: string }>(
      "createStream",
      {
        namespaceId: namespace.id,
        typeId: stream.signal.states ? state.id : measurement.id,
        externalId,
        name,
        tags,
        overrides: uom === null ? [] : [{ property: "value", uom }],
      },
      "{ id }",
    );
    made.push({ ...stream, id });
  }
  return made;
}

/** As many streams a call as its limit of events allows. */
async function writeSignals(
  writer: Actor,
  made: readonly MadeStream[],
): Promise<void> {
  const end = Math.floor(Date.now() / stepMs) * stepMs;
  const count = (days * 86_400_000) / stepMs;
  const timesMs = Array.from(
    { length: count },
    (_, i) => end - (count - 1 - i) * stepMs,
  );
  const timestamps = timesMs.map((time) => new Date(time).toISOString());
  const perCall = Math.floor(100_000 / count);
  for (let from = 0; from < made.length; from += perCall)
    await writer.input(
      "writeEvents",
      {
        mode: "INSERT",
        streams: made.slice(from, from + perCall).map(({ id, signal }, i) => {
          const values = valuesOf(signal, timesMs, from + i + 1);
          return {
            streamId: id,
            timestamps,
            values: signal.states ? values.map(Boolean) : values,
          };
        }),
      },
      "{ eventCount }",
    );
}
