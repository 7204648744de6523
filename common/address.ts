import type { IncomingMessage } from "node:http";
import { isIP, isIPv6 } from "node:net";

/** As some proxies write it: `[2001:db8::1]`, `[2001:db8::1]:443`, `192.0.2.1:443`. */
const inBracketsOrWithPort = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/;

/** The client's address, as far as it can be known: behind one proxy the last entry of X-Forwarded-For, which that wrote. */
export function addressOf(
  request: IncomingMessage,
  { trustProxy }: { readonly trustProxy: boolean },
): string {
  const forwarded = request.headers["x-forwarded-for"];
  const entry = String(forwarded ?? "")
    .split(",")
    .at(-1)
    ?.trim();
  const last = entry?.replace(inBracketsOrWithPort, "$1$2");
  const isKnown = trustProxy && last !== undefined && isIP(last) > 0;
  const address = (isKnown ? last : request.socket.remoteAddress) ?? "";
  return address.replace(/^::ffff:/i, "");
}

/** A customer of IPv6 has a /64 at least, so addresses of one are counted as one. */
export function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes(".")) return address;
  const [head = [], tail = []] = address
    .split("::")
    .map((half) => half.split(":").filter(Boolean));
  const zeros = Array<string>(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail]
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(":");
}

/** What a network lies in, each in the next: a /48 and a /32 of IPv6, a /16 and a /8 of IPv4. */
export function networksAround(network: string): readonly string[] {
  const [separator, ...lengths] = network.includes(":")
    ? ([":", 3, 2] as const)
    : ([".", 2, 1] as const);
  const groups = network.split(separator);
  return lengths.map((length) => groups.slice(0, length).join(separator));
}
