import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestDatabase } from "./database.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
  type Environment,
} from "./process.ts";

const subgraphs = ["tenant", "community", "stream"] as const;
type Subgraph = (typeof subgraphs)[number];

export const internalTokenSecret = "known to these four processes alone";

/** The installation as four processes, started and configured as its operator does it. */
export class SeparateProcesses {
  private constructor(
    readonly urls: Readonly<Record<Subgraph | "gateway", string>>,
    readonly processes: Readonly<Record<Subgraph | "gateway", Process>>,
    private readonly forCommands: Environment,
    /** The data directory. */
    readonly home: string,
  ) {}

  static async start(database: TestDatabase): Promise<SeparateProcesses> {
    const home = await mkdtemp(join(tmpdir(), "tributary-story-"));
    const ports = {
      gateway: await freePort(),
      tenant: await freePort(),
      community: await freePort(),
      stream: await freePort(),
    };
    const urlOf = (name: keyof typeof ports) =>
      `http://127.0.0.1:${ports[name]}`;
    const shared = {
      ...(await roleUrls(database)),
      INTERNAL_TOKEN_SECRET: internalTokenSecret,
      PUBLIC_URL: urlOf("gateway"),
      STOP_GRACE_MS: "0",
      TRIBUTARY_DATA: home,
    };
    const startSubgraph = (name: Subgraph) =>
      new Process(["commands/start-subgraph.ts", name], {
        ...shared,
        PORT: `${ports[name]}`,
      });
    const processes = {
      tenant: startSubgraph("tenant"),
      community: startSubgraph("community"),
      stream: startSubgraph("stream"),
      gateway: new Process(["gateway/main.ts"], {
        ...shared,
        PORT: `${ports.gateway}`,
        TENANT_URL: urlOf("tenant"),
        COMMUNITY_URL: urlOf("community"),
        STREAM_URL: urlOf("stream"),
      }),
    };
    try {
      for (const name of ["gateway", ...subgraphs] as const)
        await processes[name].until(() => isReady(urlOf(name)));
    } catch (error) {
      await stopAll();
      throw error;
    }
    const urls = {
      gateway: urlOf("gateway"),
      tenant: urlOf("tenant"),
      community: urlOf("community"),
      stream: urlOf("stream"),
    };
    const forCommands = {
      DATABASE_URL: database.url,
      PUBLIC_URL: urls.gateway,
      TRIBUTARY_DATA: home,
    };
    return new SeparateProcesses(urls, processes, forCommands, home);
  }

  /** Runs an operator's command on this installation. */
  tryToOperate(name: string, ...args: string[]) {
    return run([`commands/${name}.ts`, ...args], this.forCommands);
  }

  /** The same where it must succeed. Answers what it prints. */
  async operate(name: string, ...args: string[]): Promise<string> {
    const { code, output } = await this.tryToOperate(name, ...args);
    if (code !== 0) throw new Error(`${name} ${args.join(" ")}: ${output}`);
    return output;
  }

  async stop(): Promise<void> {
    await stopAll();
    await rm(this.home, { recursive: true, force: true });
  }
}

/** What `npm run migrate -- --urls` prints, as the environment that it is meant for. */
async function roleUrls({ url }: TestDatabase): Promise<Environment> {
  const migrate = ["commands/migrate.ts", "--urls"];
  const { output } = await run(migrate, { DATABASE_URL: url });
  const lines = output.matchAll(/^(\w+)=(.+)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name = "", value = ""]) => [name, value]),
  );
}
