import type { Subgraph } from "../../common/schema.ts";
import { anonymous, type Viewer } from "../../common/viewer.ts";
import { createContext } from "../../subgraphs/stream/context.ts";
import { schema } from "../../subgraphs/stream/schema.ts";
import type { TestDatabase } from "../support/database.ts";
import { as } from "../support/run.ts";
import {
  Seed,
  type CommunityRole,
  type Identity,
  type Row,
  type Stream,
  type TenantRole,
} from "../support/seed.ts";
import {
  unrecorded,
  type ReadRecorder,
} from "../../subgraphs/stream/usage/recorder-store.ts";

export const streamSubgraph = (
  database: TestDatabase,
  recorder: Pick<ReadRecorder, "noterOf"> = unrecorded,
): Subgraph => ({
  name: "stream",
  schema,
  createContext: createContext(database.as("stream"), recorder),
});

/** Every kind of caller, as "tenant: tenant role, community role". The plant owns and shares the stream. */
export const callers = [
  "nobody: anonymous",
  "nobody: person without a tenant",
  "plant: AA, no role",
  "plant: AA, MEMBER",
  "plant: DS, no role",
  "plant: DS, MEMBER",
  "plant: CONTRIBUTOR, no role",
  "plant: CONTRIBUTOR, MEMBER",
  "plant: VIEWER, no role",
  "plant: VIEWER, MEMBER",
  "plant: none, no role",
  "plant: none, MEMBER",
  "plant: none, MODERATOR",
  "plant: none, ADMINISTRATOR",
  "plant: owner of the stream, no role",
  "plant: denied by name DS, MEMBER",
  "plant: disabled AA, MEMBER",
  "partner: AA, no role",
  "partner: DS, MEMBER",
  "partner: none, MEMBER",
  "partner: none, MODERATOR",
  "partner: client, MEMBER",
  "partner: disabled client, MEMBER",
  "partner: removed, MEMBER",
  "unentitled: AA, MEMBER",
  "former: AA, was MEMBER",
  "stranger: AA, not in",
] as const;

export type Caller = (typeof callers)[number];

/** A stream of the plant, shared in one community with the partner. */
export interface StreamWorld {
  readonly tenants: Readonly<Record<string, Row>>;
  readonly viewers: Readonly<Record<Caller, Viewer>>;
  readonly community: Row;
  /** Where the stream is not shared yet; everybody who takes part in the other takes part here, in the same role. */
  readonly otherCommunity: Row;
  readonly stream: Stream;
  readonly share: Row;
  readonly namespaceId: string;
  readonly typeId: string;
  readonly membershipId: string;
}

const personWithoutTenant: Viewer = {
  ...anonymous,
  person: {
    id: "00000000-0000-4000-8000-000000000001",
    email: "ann@example.com",
    name: "Ann",
  },
};

const tenantRoles: Record<string, TenantRole> = {
  AA: "ACCOUNT_ADMINISTRATOR",
  DS: "DATA_STEWARD",
  CONTRIBUTOR: "CONTRIBUTOR",
  VIEWER: "VIEWER",
};

export async function seedWorld(database: TestDatabase): Promise<StreamWorld> {
  const seed = new Seed(database.owner);
  const [plant, partner, unentitled, former, stranger] = await Promise.all([
    seed.tenant("Plant"),
    seed.tenant("Partner"),
    seed.tenant("Unentitled", { entitled: false }),
    seed.tenant("Former"),
    seed.tenant("Stranger"),
  ]);
  const tenants = { plant, partner, unentitled, former, stranger };
  const community = await seed.community(plant);
  const otherCommunity = await seed.community(plant);
  const communities = [community, otherCommunity];
  const memberships = new Map(
    await Promise.all(
      communities.flatMap((place) =>
        Object.entries(tenants).flatMap(([name, tenant]) =>
          name === "stranger"
            ? []
            : [
                (async () =>
                  [
                    `${name} ${place.id}`,
                    name === "plant"
                      ? place.ownerMembership
                      : await seed.membership(place, tenant),
                  ] as const)(),
              ],
        ),
      ),
    ),
  );
  const identities = new Map<Caller, Identity>();
  for (const caller of callers.slice(2)) {
    const [tenant = "", what = "", role = ""] = caller.split(/: |, /);
    const owner = tenants[tenant as keyof typeof tenants];
    const tenantRole = tenantRoles[what.split(" ").at(-1) ?? ""];
    const identity = await seed[what.includes("client") ? "client" : "user"](
      owner,
      tenantRole ? [tenantRole] : [],
    );
    identities.set(caller, identity);
    const communityRole = /MEMBER|MODERATOR|ADMINISTRATOR/.exec(role)?.[0];
    if (communityRole)
      for (const place of communities) {
        const membership = memberships.get(`${tenant} ${place.id}`);
        if (membership)
          await seed.member(
            membership,
            identity,
            communityRole as CommunityRole,
          );
      }
    const row = database.owner("tenant.identities").where({ id: identity.id });
    if (what.startsWith("disabled")) await row.update({ enabled: false });
    if (what.startsWith("removed")) await row.delete();
  }
  await database
    .owner("community.memberships")
    .where({ tenant_id: former.id })
    .delete();

  const owner = identities.get("plant: owner of the stream, no role");
  const denied = identities.get("plant: denied by name DS, MEMBER");
  if (!owner || !denied) throw new Error("A caller is missing.");
  const stream = await seed.stream(plant, {
    owner,
    name: "Compressor",
    access: [
      { rights: 1 + 2 + 4 + 8, role: "ACCOUNT_ADMINISTRATOR" },
      { rights: 1 + 16, role: "DATA_STEWARD" },
      { rights: 1 + 2 + 4, role: "CONTRIBUTOR" },
      { rights: 1, role: "VIEWER" },
      { effect: "DENY", rights: 31, identity: denied },
    ],
  });
  await database
    .owner("stream.streams")
    .where({ id: stream.id })
    .update({
      external_id: "PLC-7",
      description: "Of line two",
      tags: ["gas"],
      metadata: { site: "North" },
    });
  const sharing = memberships.get(`plant ${community.id}`);
  if (!sharing) throw new Error("The plant has no membership.");
  const share = await seed.share(stream, sharing);
  const [row] = (await database
    .owner("stream.streams as s")
    .join("stream.namespaces as n", "n.id", "s.namespace_id")
    .join("stream.stream_types as y", "y.id", "s.type_id")
    .where({ "s.id": stream.id })
    .select({ namespaceId: "n.uuid", typeId: "y.uuid" })) as [
    { namespaceId: string; typeId: string },
  ];
  return {
    tenants,
    viewers: Object.fromEntries(
      callers.map((caller) => {
        const identity = identities.get(caller);
        if (identity) return [caller, as(identity)];
        return [
          caller,
          caller.includes("person") ? personWithoutTenant : anonymous,
        ];
      }),
    ) as Record<Caller, Viewer>,
    community,
    otherCommunity,
    stream,
    share,
    ...row,
    membershipId: sharing.uuid,
  };
}
