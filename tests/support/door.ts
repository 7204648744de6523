import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";

/** A port that leads to another one, as a load balancer does it: new connections go to whichever it leads to now. */
export class Door {
  private constructor(
    readonly port: number,
    readonly close: () => void,
    /** Where it leads from now on. */
    readonly leadTo: (port: number) => void,
  ) {}

  static async open(target: number): Promise<Door> {
    let led = target;
    const open = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true }, (incoming) => {
      const outgoing = connect({ port: led, host, allowHalfOpen: true });
      for (const [socket, other] of [
        [incoming, outgoing],
        [outgoing, incoming],
      ] as const) {
        open.add(socket);
        socket.pipe(other);
        socket.once("error", () => other.destroy());
        socket.once("close", () => open.delete(socket));
      }
    });
    server.listen(0, host);
    await once(server, "listening");
    return new Door(
      (server.address() as AddressInfo).port,
      () => {
        server.close();
        for (const socket of open) socket.destroy();
      },
      (port) => (led = port),
    );
  }
}

const host = "127.0.0.1";
