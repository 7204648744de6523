import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { StartError } from "../common/config.ts";
import { runCommand } from "./command.ts";

const usage = `
Usage: npm run check:node -- <version> [<test path> ...] [-- <option of jest> ...]

Runs the tests under another version of Node.js, for example "npm run check:node -- 24".
The version comes from npm and is kept in ~/.cache/tributary, outside the project; for root in /var/cache/tributary.
`;

/** Under root some tests start processes as another account, which must be able to enter. */
const cache =
  process.getuid?.() === 0 ? "/var/cache" : join(homedir(), ".cache");

/** The folder that holds the executable of that version, which is installed at the first call. */
async function install(version: string): Promise<string> {
  const folder = join(cache, "tributary", `node-${version}`);
  const name = binaryPackage();
  const bin = join(folder, "node_modules", name, "bin");
  if (!existsSync(join(bin, "node"))) {
    console.log(`Installing Node.js ${version} into ${folder} ...`);
    mkdirSync(folder, { recursive: true });
    const code = await npm(
      ...["install", "--prefix", folder, "--no-audit", "--no-fund"],
      `${name}@${version}`,
    );
    if (code !== 0)
      throw new StartError(
        `npm could not install Node.js ${version}. Check the version, and that the registry can be reached.`,
      );
  }
  return bin;
}

/** npm's package "node" only installs this one, by an install script, which many an npm refuses to run. */
function binaryPackage(): string {
  const { platform, arch } = process;
  const prefix =
    platform === "darwin" && arch === "arm64" ? "node-bin" : "node";
  return `${prefix}-${platform}-${arch}`;
}

async function npm(...args: string[]): Promise<number> {
  const child = spawn("npm", args, { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

await runCommand(usage, {}, async ({ positionals: [version, ...args] }) => {
  if (!version || !/^\d+(\.\d+){0,2}$/.test(version))
    throw new StartError(`Which version of Node.js?\n\n${usage.trim()}`);
  const bin = await install(version);
  // First in the path, it runs npm, jest and every process that a test starts.
  process.env["PATH"] = [bin, process.env["PATH"]].join(delimiter);
  process.exitCode = await npm("test", "--", ...args);
});
