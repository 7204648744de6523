import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Knex } from "../../common/database.ts";
import { roleUrl, type Role } from "../../migrations/run.ts";

const templateUrl = process.env["TRIBUTARY_TEST_DATABASE"] ?? "";

/** A database of one test file: a clone of the migrated template. */
export class TestDatabase {
  private readonly pools = new Map<string, Knex>();

  private constructor(
    /** The owner's URL, as an installation would be given it. */
    readonly url: string,
    private readonly name: string,
  ) {}

  static create(): Promise<TestDatabase> {
    return TestDatabase.from("tributary");
  }

  /** One that nobody has migrated yet. */
  static createEmpty(): Promise<TestDatabase> {
    return TestDatabase.from("template0");
  }

  private static async from(template: string): Promise<TestDatabase> {
    const name = `test_${randomUUID().replaceAll("-", "")}`;
    await administer(`create database ${name} template ${template}`);
    const url = new URL(templateUrl);
    url.pathname = name;
    return new TestDatabase(url.href, name);
  }

  /** The owner's connections, for seeding and for looking behind the graph. */
  get owner(): Knex {
    return this.pool("owner", this.url);
  }

  /** The connections that a subgraph or the issuer would have. */
  as(role: Role): Knex {
    return this.pool(role, roleUrl(this.url, role));
  }

  async drop(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.destroy()));
    await this.dropWhenUnused(Date.now() + 10_000);
  }

  /** The owner may not end the sessions of other roles; those of pools that were just closed end by themselves. */
  private async dropWhenUnused(deadline: number): Promise<void> {
    try {
      await administer(`drop database ${this.name}`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(50);
      await this.dropWhenUnused(deadline);
    }
  }

  private pool(name: string, url: string): Knex {
    const pool = this.pools.get(name) ?? connect(url, { name, poolSize: 10 });
    this.pools.set(name, pool);
    return pool;
  }
}

/** The template itself must have no connection while it is cloned, so this goes by way of another database. */
async function administer(statement: string): Promise<void> {
  const url = new URL(templateUrl);
  url.pathname = "postgres";
  const knex = connect(url.href, { name: "test-admin", poolSize: 1 });
  try {
    await knex.raw(statement);
  } finally {
    await knex.destroy();
  }
}
