import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestDatabase } from "./database.ts";
import { Door } from "./door.ts";
import {
  freePort,
  isReady,
  Process,
  run,
  stopAll,
  type Environment,
} from "./process.ts";

const urlOf = (port: number) => `http://127.0.0.1:${port}`;

const subgraphs = ["tenant", "community", "stream"] as const;
export type Subgraph = (typeof subgraphs)[number];

export const internalTokenSecret = "known to these four processes alone";

/** A subgraph that nobody is led to yet. */
interface Replacement {
  readonly name: Subgraph;
  /** Leads there who comes from now on. Answers the process before. */
  takeOver(): Process;
}

/** The installation as four processes, started and configured as its operator does it. */
export class SeparateProcesses {
  private constructor(
    readonly urls: Readonly<Record<Subgraph | "gateway", string>>,
    readonly processes: Record<Subgraph | "gateway", Process>,
    private readonly doors: Readonly<Record<Subgraph, Door>> | undefined,
    private readonly shared: Environment,
    private readonly forGateway: Environment,
    private readonly forCommands: Environment,
    /** The data directory. */
    readonly home: string,
  ) {}

  static async start(
    database: TestDatabase,
    {
      environment = { STOP_GRACE_MS: "0" },
      areReplaceable = false,
    }: {
      /** Of all four. */
      environment?: Environment;
      /** Whether the gateway finds the subgraphs behind doors. */
      areReplaceable?: boolean;
    } = {},
  ): Promise<SeparateProcesses> {
    const home = await mkdtemp(join(tmpdir(), "tributary-story-"));
    const ports = {
      gateway: await freePort(),
      tenant: await freePort(),
      community: await freePort(),
      stream: await freePort(),
    };
    const doors = areReplaceable
      ? {
          tenant: await Door.open(ports.tenant),
          community: await Door.open(ports.community),
          stream: await Door.open(ports.stream),
        }
      : undefined;
    const wayTo = (name: Subgraph) => urlOf(doors?.[name].port ?? ports[name]);
    const shared = {
      ...(await roleUrls(database)),
      INTERNAL_TOKEN_SECRET: internalTokenSecret,
      PUBLIC_URL: urlOf(ports.gateway),
      TRIBUTARY_DATA: home,
      ...environment,
    };
    const forGateway = {
      ...shared,
      TENANT_URL: wayTo("tenant"),
      COMMUNITY_URL: wayTo("community"),
      STREAM_URL: wayTo("stream"),
    };
    const processes = {
      tenant: startSubgraph("tenant", ports.tenant, shared),
      community: startSubgraph("community", ports.community, shared),
      stream: startSubgraph("stream", ports.stream, shared),
      gateway: new Process(["gateway/main.ts"], {
        ...forGateway,
        PORT: `${ports.gateway}`,
      }),
    };
    try {
      for (const name of ["gateway", ...subgraphs] as const)
        await processes[name].until(() => isReady(urlOf(ports[name])));
    } catch (error) {
      await stopAll();
      throw error;
    }
    const urls = {
      gateway: urlOf(ports.gateway),
      tenant: urlOf(ports.tenant),
      community: urlOf(ports.community),
      stream: urlOf(ports.stream),
    };
    const forCommands = {
      DATABASE_URL: database.url,
      PUBLIC_URL: urls.gateway,
      TRIBUTARY_DATA: home,
    };
    return new SeparateProcesses(
      urls,
      processes,
      doors,
      shared,
      forGateway,
      forCommands,
      home,
    );
  }

  /** Starts the subgraphs once more, each to take the place of the one before. */
  startReplacements(): Promise<readonly Replacement[]> {
    return Promise.all(
      subgraphs.map(async (name) => {
        const port = await freePort();
        const process = startSubgraph(name, port, this.shared);
        await process.until(() => isReady(urlOf(port)));
        return {
          name,
          takeOver: () => {
            const before = this.processes[name];
            this.processes[name] = process;
            this.doors?.[name].leadTo(port);
            return before;
          },
        };
      }),
    );
  }

  /** Another gateway before the same subgraphs. */
  async startGateway(): Promise<{ url: string; process: Process }> {
    const port = await freePort();
    const process = new Process(["gateway/main.ts"], {
      ...this.forGateway,
      PORT: `${port}`,
    });
    const url = urlOf(port);
    await process.until(() => isReady(url));
    return { url, process };
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
    for (const door of Object.values(this.doors ?? {})) door.close();
    await rm(this.home, { recursive: true, force: true });
  }
}

const startSubgraph = (name: Subgraph, port: number, shared: Environment) =>
  new Process(["commands/start-subgraph.ts", name], {
    ...shared,
    PORT: `${port}`,
  });

/** What `npm run migrate -- --urls` prints, as the environment that it is meant for. */
async function roleUrls({ url }: TestDatabase): Promise<Environment> {
  const migrate = ["commands/migrate.ts", "--urls"];
  const { output } = await run(migrate, { DATABASE_URL: url });
  const lines = output.matchAll(/^(\w+)=(.+)$/gm);
  return Object.fromEntries(
    [...lines].map(([, name = "", value = ""]) => [name, value]),
  );
}
