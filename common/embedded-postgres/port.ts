import { readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";

const fileOf = (directory: string) => `${directory}-port`;

/** That of the last start, so that a tool which was told it finds the database again. */
export async function readPort(directory: string): Promise<number | undefined> {
  const text = await readFile(fileOf(directory), "utf8").catch(() => "");
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

export const writePort = (directory: string, port: number) =>
  writeFile(fileOf(directory), String(port));

/** Free at this moment; somebody may still be quicker. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening, failed) =>
    server.once("error", failed).listen(0, "127.0.0.1", listening),
  );
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
