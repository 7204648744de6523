import type { Subgraph } from "../../../common/schema.ts";

/** What nobody outside may read. */
export const secret = "hunter2";

const nothing = undefined as unknown as Record<string, unknown>;
const fail = () => nothing[secret];

/** A subgraph whose stores have bugs: of so many questions to them one fails as programs do. */
export function faulty(subgraph: Subgraph, every = 12): Subgraph {
  let asked = 0;
  const withFaults = (store: object) =>
    new Proxy(store, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver);
        if (typeof member !== "function") return member;
        return (asked += 1) % every === 0 ? fail : member;
      },
    });
  return {
    ...subgraph,
    createContext(call) {
      const context = subgraph.createContext(call);
      const stores = Object.entries(context).filter(([, value]) =>
        /Store$/.test((value as object | null)?.constructor.name ?? ""),
      );
      const broken = stores.map(([name, store]) => [
        name,
        withFaults(store as object),
      ]);
      return { ...context, ...Object.fromEntries(broken) } as typeof context;
    },
  };
}
