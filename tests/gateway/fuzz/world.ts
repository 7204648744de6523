import { anonymous, type Viewer } from "../../../common/viewer.ts";
import { readWorld } from "../../oracle/read.ts";
import { Oracle, type World } from "../../oracle/rules.ts";
import { communitySubgraph } from "../../community/world.ts";
import type { TestDatabase } from "../../support/database.ts";
import { tokenSent } from "../../support/invitations.ts";
import { as, outcome, run } from "../../support/run.ts";
import {
  Seed,
  type Identity,
  type Membership,
  type Row,
  type Stream,
} from "../../support/seed.ts";

/** Somebody who sends requests; who belongs to no tenant has zeros. */
export interface Sender {
  readonly name: string;
  readonly viewer: Viewer;
  readonly identity: number;
  readonly tenant: number;
  /** Whether it administers its tenant, and so may do most. */
  readonly leads: boolean;
}

/** Who may meet what is marked: its tenant alone, those that have met it, who sees a stream of it now, or has seen it. */
type Audience =
  "OWN" | "MET" | { readonly seen: "NOW" | "EVER"; readonly stream: number };

/** What has ids. */
export type Kind =
  | "tenant"
  | "identity"
  | "community"
  | "membership"
  | "namespace"
  | "type"
  | "stream"
  | "invitation";

interface Id {
  readonly uuid: string;
  /** Whose it is. */
  readonly tenant: number;
}

/** Texts and numbers that stand nowhere else, and ids. */
const mark =
  /zq\d+zq|\b77\d{3}77\b|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g;

interface Mark {
  /** Whose it is. */
  readonly tenant: number;
  readonly audience: Audience;
}

/**
 * Tenants that meet and that do not, each with marks in all that it has. Who may meet which is asked of the rules, over
 * what the tables hold at that time.
 */
export class MarkedWorld {
  readonly senders: Sender[] = [
    { name: "nobody", viewer: anonymous, identity: 0, tenant: 0, leads: false },
    {
      name: "a person without a tenant",
      viewer: {
        ...anonymous,
        person: {
          id: "00000000-0000-4000-8000-0000000000aa",
          email: "pia@example.com",
          name: "Pia",
        },
      },
      identity: 0,
      tenant: 0,
      leads: false,
    },
  ];
  readonly ids: Record<Kind, Id[]> = {
    tenant: [],
    identity: [],
    community: [],
    membership: [],
    namespace: [],
    type: [],
    stream: [],
    invitation: [],
  };
  /** What an invitation's link ends with. */
  token = "";
  private readonly marks = new Map<string, Mark>();
  private count = 0;
  private world: World | undefined;
  private oracle: Oracle | undefined;
  /** Pairs of tenants that have met at any time: what was told then stays told. */
  private readonly met = new Set<string>();
  /** Which sender has seen which stream at any time. */
  private readonly seen = new Set<string>();

  static async seed(database: TestDatabase): Promise<MarkedWorld> {
    const world = new MarkedWorld(database);
    await world.plant();
    await world.lookAgain();
    return world;
  }

  private constructor(private readonly database: TestDatabase) {}

  /** After something may have changed. */
  async lookAgain(): Promise<void> {
    const world = await readWorld(this.database.owner);
    this.world = world;
    this.oracle = new Oracle(world);
    for (const sender of this.senders)
      for (const stream of world.streams)
        if (this.sees(sender, stream.id))
          this.seen.add(`${sender.identity} ${stream.id}`);
    const { rows } = await this.database.owner.raw<{
      rows: { one: number; other: number }[];
    }>(`
      with present as (
        select community_id, tenant_id from community.memberships
        union select community_id, accepting_tenant_id from community.invitations where accepting_tenant_id is not null)
      select a.tenant_id as one, b.tenant_id as other from present a join present b using (community_id)`);
    for (const { one, other } of rows) this.met.add(`${one} ${other}`);
  }

  /** What an answer tells that was planted and that the request did not say itself. */
  told(asked: string, answer: string): string[] {
    return [...new Set(answer.match(mark))].filter(
      (text) => this.marks.has(text) && !asked.includes(text),
    );
  }

  isOwn(sender: Sender, text: string): boolean {
    return this.marks.get(text)?.tenant === sender.tenant;
  }

  /** Whether the sender may meet what is marked so, now or by what it has sent. */
  isFor(sender: Sender, asked: string, text: string): boolean {
    // The link is the secret: who holds it is told what it is about.
    if (asked.includes(this.token) && this.toldByLink.has(text)) return true;
    const found = this.marks.get(text);
    return !found || this.isIn(sender, found);
  }

  private readonly toldByLink = new Set<string>();

  private mark(tenant: number, audience: Audience): string {
    const text = `zq${(this.count += 1)}zq`;
    this.marks.set(text, { tenant, audience });
    return text;
  }

  private number(tenant: number, audience: Audience): number {
    const number = 7_700_077 + (this.count += 1) * 100;
    this.marks.set(String(number), { tenant, audience });
    return number;
  }

  private id(
    kind: Kind,
    uuid: string,
    tenant: number,
    audience: Audience,
  ): void {
    this.ids[kind].push({ uuid, tenant });
    this.marks.set(uuid, { tenant, audience });
  }

  private isIn(sender: Sender, { tenant, audience }: Mark): boolean {
    if (sender.tenant === tenant) return true;
    if (audience === "OWN") return false;
    if (audience === "MET") return this.met.has(`${sender.tenant} ${tenant}`);
    const { seen, stream } = audience;
    return seen === "NOW"
      ? this.sees(sender, stream)
      : this.seen.has(`${sender.identity} ${stream}`);
  }

  private sees(sender: Sender, stream: number): boolean {
    const identity = this.world?.identities.find(
      ({ id }) => id === sender.identity,
    );
    const found = this.world?.streams.find(({ id }) => id === stream);
    if (!identity || !found) return false;
    return this.oracle?.decide(identity, found).sees ?? false;
  }

  private async plant(): Promise<void> {
    const seed = new Seed(this.database.owner);
    const plant = await this.tenant(seed, "plant");
    const partner = await this.tenant(seed, "partner");
    const paused = await this.tenant(seed, "paused");
    const newcomer = await this.tenant(seed, "newcomer");
    const unentitled = await this.tenant(seed, "unentitled", false);
    const rival = await this.tenant(seed, "rival");
    await this.tenant(seed, "stranger");
    const ring = await this.community(seed, plant, [
      partner,
      paused,
      newcomer,
      unentitled,
    ]);
    await this.community(seed, rival, [partner]);
    await this.database
      .owner("community.memberships")
      .where({ tenant_id: paused.id })
      .update({ status: "PAUSED" });
    const [ofNewcomer] = newcomer.memberships;
    for (const { memberships } of [plant, partner])
      if (memberships[0] && ofNewcomer)
        await seed.waiting(memberships[0], ofNewcomer);
    await this.invite(plant, ring);
    const [, , removed, disabled] = plant.identities;
    const { owner: db } = this.database;
    await db("tenant.identities").where({ id: removed?.id }).delete();
    await db("tenant.identities")
      .where({ id: disabled?.id })
      .update({ enabled: false });
  }

  private async tenant(
    seed: Seed,
    name: string,
    entitled = true,
  ): Promise<PlantedTenant> {
    const { owner: db } = this.database;
    const tenant = await seed.tenant(name, { entitled });
    const own = () => this.mark(tenant.id, "OWN");
    const met = () => this.mark(tenant.id, "MET");
    this.id("tenant", tenant.uuid, tenant.id, "MET");
    await db("tenant.tenants")
      .where({ id: tenant.id })
      .update({ name: met(), region: own() });
    const people = [
      ["administrator", await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"])],
      ["steward", await seed.user(tenant, ["DATA_STEWARD"])],
      ["contributor", await seed.client(tenant, ["CONTRIBUTOR"])],
      ["viewer", await seed.user(tenant, ["VIEWER"])],
    ] as const;
    for (const [role, identity] of people) {
      this.id("identity", identity.uuid, tenant.id, "MET");
      await db("tenant.identities")
        .where({ id: identity.id })
        .update({ name: met() });
      await db("tenant.users")
        .where({ identity_id: identity.id })
        .update({ email: `${own()}@example.com` });
      await db("tenant.clients")
        .where({ identity_id: identity.id })
        .update({ client_id: own() });
      this.senders.push({
        name: `${name}: ${role}`,
        viewer: as(identity),
        identity: identity.id,
        tenant: tenant.id,
        leads: role === "administrator",
      });
    }
    const streams = [
      await this.stream(seed, tenant),
      await this.stream(seed, tenant),
    ];
    const identities = people.map(([, identity]) => identity);
    return { ...tenant, identities, streams, memberships: [] };
  }

  private async stream(seed: Seed, tenant: Row): Promise<Stream> {
    const { owner: db } = this.database;
    const own = () => this.mark(tenant.id, "OWN");
    const stream = await seed.stream(tenant, {
      // The external id, too.
      name: own(),
      properties: [
        { name: "value", kind: "FLOAT" },
        { name: "note", kind: "TEXT" },
      ],
    });
    const seenNow = { seen: "NOW", stream: stream.id } as const;
    const seenEver = { seen: "EVER", stream: stream.id } as const;
    const now = () => this.mark(tenant.id, seenNow);
    this.id("stream", stream.uuid, tenant.id, seenEver);
    await db("stream.streams")
      .where({ id: stream.id })
      .update({
        name: this.mark(tenant.id, seenEver),
        description: now(),
        tags: [now(), "common"],
        metadata: { [own()]: own() },
      });
    const [{ type_id, namespace_id }] = (await db("stream.streams")
      .where({ id: stream.id })
      .select("type_id", "namespace_id")) as [
      { type_id: number; namespace_id: number },
    ];
    const [{ uuid: type }] = (await db("stream.stream_types")
      .where({ id: type_id })
      .update({ name: now(), description: now() })
      .returning("uuid")) as [{ uuid: string }];
    this.id("type", type, tenant.id, seenNow);
    const [{ uuid: namespace }] = (await db("stream.namespaces")
      .where({ id: namespace_id })
      .update({
        name: own(),
        description: own(),
        region: own(),
      })
      .returning("uuid")) as [{ uuid: string }];
    this.id("namespace", namespace, tenant.id, "OWN");
    await seed.events(stream, 20, `array['${now()}']`);
    const value = this.number(tenant.id, seenNow);
    for (const table of ["events", "latest"])
      await db(`stream.${table}`)
        .where({ stream_id: stream.id })
        .update({ value });
    return stream;
  }

  /** Of these tenants, the owner first: in each of them the first takes part as leader, and all others; the first stream is shared. */
  private async community(
    seed: Seed,
    owner: PlantedTenant,
    members: readonly PlantedTenant[],
  ): Promise<Row> {
    const { owner: db } = this.database;
    const all = [owner, ...members];
    // Whoever has met the owner, has met it here.
    const met = () => this.mark(owner.id, "MET");
    const community = await seed.community(owner);
    this.id("community", community.uuid, owner.id, "MET");
    const [name, description] = [met(), met()];
    await db("community.communities")
      .where({ id: community.id })
      .update({ name, description });
    this.tellByLink(name, description);
    for (const tenant of all) {
      const membership =
        tenant === owner
          ? community.ownerMembership
          : await seed.membership(community, tenant);
      tenant.memberships.push(membership);
      this.id("membership", membership.uuid, owner.id, "MET");
      await db("community.memberships")
        .where({ id: membership.id })
        .update({
          alias: met(),
          contact_email: `${met()}@x`,
        });
      for (const [i, identity] of tenant.identities.entries())
        await seed.member(
          membership,
          identity,
          i > 0 ? "MEMBER" : tenant === owner ? "ADMINISTRATOR" : "MODERATOR",
        );
      if (tenant.streams[0]) await seed.share(tenant.streams[0], membership);
    }
    return community;
  }

  private tellByLink(...texts: readonly string[]): void {
    for (const text of texts) this.toldByLink.add(text);
  }

  private async invite(tenant: PlantedTenant, community: Row): Promise<void> {
    const own = () => this.mark(tenant.id, "OWN");
    const [email, message] = [own(), own()];
    const answer = await run(
      communitySubgraph(this.database),
      as(tenant.identities[0] as Identity),
      `mutation { inviteTenant(input: { communityId: "${community.uuid}", email: "${email}@x.example", message: "${message}" }) { id } }`,
    );
    if (outcome(answer) !== "ok") throw new Error(JSON.stringify(answer));
    const { id } = answer.data?.["inviteTenant"] as unknown as { id: string };
    this.id("invitation", id, tenant.id, "OWN");
    const { owner: db } = this.database;
    const [names] = (await db("tenant.tenants as t")
      .join("tenant.identities as i", "i.tenant_id", "t.id")
      .where("i.id", (tenant.identities[0] as Identity).id)
      .select({ tenant: "t.name", issuer: "i.name" })) as [
      { tenant: string; issuer: string },
    ];
    this.tellByLink(
      email,
      message,
      id,
      names.tenant,
      names.issuer,
      tenant.uuid,
    );
    this.tellByLink(community.uuid);
    this.token = await tokenSent(this.database);
  }
}

interface PlantedTenant extends Row {
  readonly identities: readonly Identity[];
  readonly streams: readonly Stream[];
  readonly memberships: Membership[];
}
