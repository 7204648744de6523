import { dateTimeOf } from "../../common/date-time.ts";
import type { Viewer } from "../../common/viewer.ts";
import type { ValueKind } from "../../subgraphs/stream/generated.ts";
import { streamSubgraph } from "../stream/world.ts";
import type { TestDatabase } from "../support/database.ts";
import { as, run, type Answer } from "../support/run.ts";
import { Seed } from "../support/seed.ts";
import { states, type Series, type Value } from "./naive.ts";

/** As the graph writes a value. */
export const written = (kind: ValueKind, value: Value): unknown =>
  kind === "TIMESTAMP" && typeof value === "number"
    ? dateTimeOf(value)
    : value === 0
      ? 0
      : value;

/** A company with series, all of which it shares with a partner; both read them through the graph. */
export class Plant {
  private made = 0;

  private constructor(
    private readonly database: TestDatabase,
    readonly owner: Viewer,
    readonly partner: Viewer,
    readonly communityId: string,
    private readonly namespaceId: string,
  ) {}

  static async seed(database: TestDatabase): Promise<Plant> {
    const seed = new Seed(database.owner);
    const tenant = await seed.tenant();
    const user = await seed.user(tenant, ["CONTRIBUTOR", "DATA_STEWARD"]);
    const community = await seed.community(tenant);
    await seed.member(community.ownerMembership, user);
    const company = await seed.tenant("partner");
    const client = await seed.client(company);
    await seed.member(await seed.membership(community, company), client);
    const administrator = await seed.user(tenant, ["ACCOUNT_ADMINISTRATOR"]);
    const { data } = await run(
      streamSubgraph(database),
      as(administrator),
      `mutation { created: createNamespace(input: { name: "Plant" }) { id } }`,
    );
    const { id } = data?.["created"] as unknown as { id: string };
    return new Plant(database, as(user), as(client), community.uuid, id);
  }

  run(
    viewer: Viewer,
    query: string,
    variables: Record<string, unknown>,
  ): Promise<Answer> {
    return run(streamSubgraph(this.database), viewer, query, variables);
  }

  /** Like `run`, of what must succeed. */
  async ask(
    viewer: Viewer,
    query: string,
    variables: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const { data, errors } = await this.run(viewer, query, variables);
    const [error] = errors;
    if (error)
      throw new Error(`${error.message} at ${error.path?.join(".")}\n${query}`);
    return data as Record<string, unknown>;
  }

  /** The id of a new stream with these events, which is shared with the partner unless it is said otherwise. */
  async create(series: Series, { isShared = true } = {}): Promise<string> {
    const number = (this.made += 1);
    const typeId = await this.add("createStreamType", "CreateStreamTypeInput", {
      namespaceId: this.namespaceId,
      name: `type ${number}`,
      properties: series.properties.map((property) => ({
        ...property,
        ...(property.kind === "ENUM" && { states }),
      })),
    });
    const id = await this.add("createStream", "CreateStreamInput", {
      namespaceId: this.namespaceId,
      typeId,
      externalId: `stream ${number}`,
      extrapolation: series.extrapolation,
    });
    if (isShared)
      await this.ask(
        this.owner,
        `mutation ($input: ShareStreamsInput!) { shareStreams(input: $input) { id } }`,
        { input: { streamIds: [id], communityIds: [this.communityId] } },
      );
    if (series.events.length > 0) await this.write(id, series);
    return id;
  }

  private async write(streamId: string, { properties, events }: Series) {
    await this.ask(
      this.owner,
      `mutation ($input: WriteEventsInput!) { writeEvents(input: $input) { eventCount } }`,
      {
        input: {
          mode: "INSERT",
          streams: [
            {
              streamId,
              timestamps: events.map(({ at }) => dateTimeOf(at)),
              columns: properties.map(({ name, kind }, i) => ({
                property: name,
                values: events.map(({ values }) =>
                  written(kind, values[i] ?? null),
                ),
              })),
            },
          ],
        },
      },
    );
  }

  private async add(
    mutation: string,
    type: string,
    input: object,
  ): Promise<string> {
    const { created } = await this.ask(
      this.owner,
      `mutation ($input: ${type}!) { created: ${mutation}(input: $input) { id } }`,
      { input },
    );
    return (created as { id: string }).id;
  }
}
