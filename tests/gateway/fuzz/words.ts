import type { Draw, Words } from "../equality/operations.ts";
import type { Kind, MarkedWorld, Sender } from "./world.ts";

/** What breaks programs that take it for an ordinary text. */
const oddTexts: readonly string[] = [
  "",
  " ",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "a\udfff\ud800b",
  "\u202e\ufeff\u200b",
  "e\u0301".repeat(200),
  "😀".repeat(300),
  "x".repeat(10_000),
  "'; drop table stream.events; --",
  "%_\\%",
  "\\",
  '"',
  "\r\n\r\nset-cookie: a=b",
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "NaN",
  "null",
  "../../../etc/passwd",
  "<script>alert(1)</script>",
  "((((((((((((((((((((((((((((((((",
  `${"NOT ".repeat(300)}a`,
  "-1",
  "1e999",
];

const parsed = (text: string): unknown => JSON.parse(text) as unknown;

const nested = (depth: number): unknown =>
  parsed(`${'{"a":['.repeat(depth)}1${"]}".repeat(depth)}`);

export const oddValues: readonly unknown[] = [
  ...oddTexts,
  null,
  true,
  0,
  -0,
  -1,
  0.1,
  1e308,
  5e-324,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  [],
  {},
  [[[]]],
  Array.from({ length: 2_000 }, (_, i) => i),
  nested(5),
  nested(500),
  parsed(
    '{ "__proto__": { "polluted": true }, "constructor": { "prototype": { "polluted": true } } }',
  ),
  parsed('{ "toString": null, "then": 1, "length": -1, "toJSON": "x" }'),
];

const texts: Readonly<Record<string, readonly string[]>> = {
  search: [
    "common",
    "common AND NOT a",
    "tags:common",
    "a*",
    '"zq',
    "a OR (b",
    "name:x",
    "NOT NOT a",
  ],
  filter: [
    "value > 1",
    "value / 0 > 1",
    "note = 'a'",
    "value +",
    "not (value = 1)",
    "missing = 1",
    "value > 1e400",
  ],
  timeZone: [
    "UTC",
    "Europe/Berlin",
    "GMT",
    "America/Nowhere",
    "+01:00",
    "posix/UTC",
  ],
  uom: ["bar", "degC", "m/s", "kg", "1/0", "none"],
  email: [
    "a@b.example",
    "A@B.EXAMPLE",
    "a@b",
    "a b@c.example",
    "a@b.example\n",
  ],
  contactEmail: ["a@b.example", "nobody"],
  property: ["value", "note", "VALUE", "missing"],
  properties: ["value", "note", "missing"],
  name: ["Pumps", "a", "value", "Query"],
};

const usualTimes = ["2026-01-01T00:00:00Z", "2026-01-01T00:05:00+00:00"];
const dateTimes = [
  ...usualTimes,
  "2026-01-01T00:10:00.5+02:00",
  "2025-01-01T00:00:00Z",
  "1970-01-01T00:00:00Z",
  "2200-12-31T23:59:59.999999Z",
  "1969-12-31T23:59:59Z",
  "9999-12-31T23:59:59Z",
  "2026-02-30T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01T23:59:60Z",
  "2026-01-01",
  "infinity",
  "now",
  "+275760-09-13T00:00:00.000Z",
];

const durations = [
  "PT1M",
  "PT15M",
  "P1D",
  "P1M",
  "P2Y",
  "PT0S",
  "-PT1M",
  "PT0.000001S",
  "P999999999Y",
  "PT1H1H",
  "P",
];
const smallIntegers = [1, 2, 3, 10, 50];
const integers = [0, 1_000, 1_001, 100_000, -1, 2_147_483_647, -2_147_483_648];

/** Which ids belong at a place, told by the names there. */
function kindAt(place: readonly string[]): Kind | undefined {
  const [field = ""] = place;
  switch (place.at(-1) ?? "") {
    case "ids":
    case "streamId":
    case "streamIds":
      return "stream";
    case "communityId":
    case "communityIds":
      return "community";
    case "tenantId":
    case "tenantIds":
      return "tenant";
    case "identityId":
    case "identityIds":
    case "moderatorIds":
      return "identity";
    case "namespaceId":
      return "namespace";
    case "typeId":
      return "type";
    default:
      return byField.find(([pattern]) => pattern.test(field))?.[1];
  }
}

const byField: readonly (readonly [RegExp, Kind])[] = [
  [/stream$|streams$/i, "stream"],
  [/streamType$/, "type"],
  [/community$/i, "community"],
  [/invitation|acceptance/i, "invitation"],
  [/namespace$/i, "namespace"],
  [/^tenant$/, "tenant"],
  [/client|user/i, "identity"],
];

/** Values from a world, own and foreign ones, and such as stand in none; cursors that were handed out to anybody. */
export const wordsOf = (
  world: MarkedWorld,
  sender: Sender,
  cursors: readonly string[],
): Words => {
  const idOf = (kind: Kind, draw: Draw) => {
    const ids = world.ids[kind];
    const own = ids.filter(({ tenant }) => tenant === sender.tenant);
    return draw.oneOf(own.length > 0 && draw.chance(0.5) ? own : ids).uuid;
  };
  const anyId = (draw: Draw) =>
    idOf(draw.oneOf(Object.keys(world.ids) as Kind[]), draw);
  const id = (place: readonly string[], draw: Draw) => {
    const kind = kindAt(place);
    if (kind && draw.chance(0.9)) return idOf(kind, draw);
    if (draw.chance(0.5)) return anyId(draw);
    return draw.oneOf([
      "00000000-0000-4000-8000-000000000000",
      anyId(draw).toUpperCase(),
      `{${anyId(draw)}}`,
      `${anyId(draw)}\u0000`,
      "1",
      ...oddTexts,
    ]);
  };
  const text = (place: readonly string[], draw: Draw) => {
    const name = place.at(-1) ?? "";
    if (draw.chance(0.1)) return draw.oneOf(oddTexts);
    if (/^token$|Token$/.test(name)) return world.token;
    if ((name === "after" || name === "before") && cursors.length > 0)
      return draw.oneOf(cursors);
    return draw.oneOf(texts[name] ?? ["a", "b", "common"]);
  };
  return {
    mutations: 0.2,
    optional: 0.3,
    scalar(type, place, draw) {
      switch (type) {
        case "ID":
          return id(place, draw);
        case "Int":
          return draw.oneOf(draw.chance(0.7) ? smallIntegers : integers);
        case "Float":
          return draw.oneOf([0, 1.5, -1, 1e308, 5e-324]);
        case "Boolean":
          return draw.chance(0.5);
        case "DateTime":
          if (draw.chance(0.3)) return draw.oneOf(dateTimes);
          return place.at(-1) === "to"
            ? "2026-01-02T00:00:00Z"
            : draw.oneOf(usualTimes);
        case "Duration":
          return draw.oneOf(durations);
        case "Timestamps":
          return draw.chance(0.7)
            ? ["2026-03-01T00:00:00Z", "2026-03-01T00:00:01Z"]
            : draw.oneOf([[], dateTimes, ...oddValues]);
        case "Values":
          return draw.chance(0.7)
            ? [1, 2]
            : draw.oneOf([["a", "b"], [1], ...oddValues]);
        case "JSON":
          return draw.oneOf(oddValues);
        default:
          return text(place, draw);
      }
    },
  };
};
